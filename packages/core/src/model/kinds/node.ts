import { applyNodeDefaults } from '../defaults/core.js';
import { validateNode, validateNodeUpdate } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { nodeSpec } from './node-spec.js';
import type { NodeSpec } from './node-spec.js';
import { nodeStatus } from './node-status.js';
import type { NodeStatus } from './node-status.js';
import { nodeColumns } from '../table/cluster-columns.js';



/** A machine, or what stands for one (core/v1). */
export interface Node extends KubeObject {
  spec: NodeSpec;
  status?: NodeStatus | undefined;
}
/** The kind {@link Node}. */
export const Node: KindDefinition<Node> = buildKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  description: 'A machine, or what stands for one.',
  shortNames: ['no'],
  namespaced: false,
  spec: nodeSpec,
  status: nodeStatus,
  tracksGeneration: false,
  columns: nodeColumns,
  rules: {
    applyDefaults: applyNodeDefaults,
    validate: validateNode,
    validateUpdate: validateNodeUpdate,
    selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
  },
});
