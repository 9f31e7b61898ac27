import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { podSpec } from './pod-spec.js';
import type { PodSpec } from './pod-spec.js';
import { podStatus } from './pod-status.js';
import type { PodStatus } from './pod-status.js';



/** Containers that run together on one node (core/v1). */
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: PodStatus | undefined;
}
/** The kind {@link Pod}. */
export const Pod: KindDefinition<Pod> = buildKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  shortNames: ['po'],
  categories: ['all'],
  spec: podSpec,
  status: podStatus,
});
