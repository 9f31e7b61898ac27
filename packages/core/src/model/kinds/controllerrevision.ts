import { anyObject, int64 } from '../schema/fields.js';
import { validateControllerRevision, validateControllerRevisionUpdate } from '../validation/controllerrevision.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { revisionColumns } from '../table/workload-columns.js';

/** One state that a controller's object once had, kept so that it can be gone back to (apps/v1). */
export interface ControllerRevision extends KubeObject {
  /** What it takes to have that state again: of StatefulSets and DaemonSets a strategic merge patch of the template. Never changes. */
  data?: Record<string, unknown> | undefined;
  /** The higher, the later it was current. */
  revision: number;
}
/** The kind {@link ControllerRevision}. */
export const ControllerRevision: KindDefinition<ControllerRevision> = buildKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  description: 'One state that a controller\'s object once had, kept so that it can be gone back to.',
  fields: { data: anyObject.optional(), revision: int64.default(0) },
  columns: revisionColumns,
  rules: {
    validate: validateControllerRevision,
    validateUpdate: validateControllerRevisionUpdate,
  },
});
