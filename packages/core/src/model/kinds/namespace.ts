import type { z } from 'zod';
import { described, list, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { applyNamespaceDefaults } from '../defaults/core.js';
import { isDns1123Label } from '../names.js';
import { validateNamespace } from '../validation/core.js';
import { nameRule } from '../validation/object-meta.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { namespaceColumns } from '../table/cluster-columns.js';

const namespaceSpecSchema = struct({
  finalizers: list(text).optional(),
});
/** The desired state of a namespace. */
export interface NamespaceSpec extends z.infer<typeof namespaceSpecSchema> {}
/** Schema of {@link NamespaceSpec}. */
export const namespaceSpec: Schema<NamespaceSpec> = described(namespaceSpecSchema, 'The desired state of a namespace.');

const namespaceConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a namespace. */
export interface NamespaceCondition extends z.infer<typeof namespaceConditionSchema> {}
/** Schema of {@link NamespaceCondition}. */
export const namespaceCondition: Schema<NamespaceCondition> = described(namespaceConditionSchema, 'One aspect of the observed state of a namespace.');

const namespaceStatusSchema = struct({
  phase: text.optional(),
  conditions: list(namespaceCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
});
/** The observed state of a namespace. */
export interface NamespaceStatus extends z.infer<typeof namespaceStatusSchema> {}
/** Schema of {@link NamespaceStatus}. */
export const namespaceStatus: Schema<NamespaceStatus> = described(namespaceStatusSchema, 'The observed state of a namespace.');

/** A room for names (core/v1). */
export interface Namespace extends KubeObject {
  spec: NamespaceSpec;
  status?: NamespaceStatus | undefined;
}
/** The kind {@link Namespace}. */
export const Namespace: KindDefinition<Namespace> = buildKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  description: 'A room for names.',
  shortNames: ['ns'],
  namespaced: false,
  spec: namespaceSpec,
  status: namespaceStatus,
  tracksGeneration: false,
  columns: namespaceColumns,
  rules: {
    applyDefaults: applyNamespaceDefaults,
    validateName: nameRule(isDns1123Label),
    validate: validateNamespace,
    // Only the subresource finalize removes these (namespaceStrategy, namespaceFinalizeStrategy).
    isHeld: ({ spec }) => (spec.finalizers ?? []).length > 0,
    markDeleted: (draft) => {
      draft.status = { ...draft.status, phase: 'Terminating' };
    },
    prepareForUpdate: (draft, old) => {
      draft.spec = { ...old.spec };
    },
    selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
  },
});
