import { applyPriorityClassDefaults } from '../defaults/core.js';
import { validatePriorityClass, validatePriorityClassUpdate } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { flag, int32, pointer, text } from '../schema/fields.js';
import { priorityClassColumns } from '../table/cluster-columns.js';



/** A named priority of pods (scheduling/v1). */
export interface PriorityClass extends KubeObject {
  value: number;
  globalDefault?: boolean | undefined;
  description?: string | undefined;
  preemptionPolicy?: string | undefined;
}
/** The kind {@link PriorityClass}. */
export const PriorityClass: KindDefinition<PriorityClass> = buildKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  description: 'A named priority of pods.',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  fields: { value: int32.default(0), globalDefault: flag.optional(), description: text.optional(), preemptionPolicy: pointer(text) },
  columns: priorityClassColumns,
  rules: {
    applyDefaults: applyPriorityClassDefaults,
    validate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
  },
});
