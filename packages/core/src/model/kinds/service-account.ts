import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { flag, list, pointer } from '../schema/fields.js';
import { localObjectReference, objectReference } from './references.js';
import type { LocalObjectReference, ObjectReference } from './references.js';
import { serviceAccountColumns } from '../table/cluster-columns.js';

/** Who pods are to the API server (core/v1). */
export interface ServiceAccount extends KubeObject {
  secrets?: ObjectReference[] | undefined;
  imagePullSecrets?: LocalObjectReference[] | undefined;
  automountServiceAccountToken?: boolean | undefined;
}
/** The kind {@link ServiceAccount}. */
export const ServiceAccount: KindDefinition<ServiceAccount> = buildKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  description: 'Who pods are to the API server.',
  shortNames: ['sa'],
  fields: {
    secrets: list(objectReference, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
    imagePullSecrets: list(localObjectReference).optional(),
    automountServiceAccountToken: pointer(flag),
  },
  columns: serviceAccountColumns,
});
