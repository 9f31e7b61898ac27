import type { z } from 'zod';
import { described, int32, microTime, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateLease } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { leaseColumns } from '../table/cluster-columns.js';

const leaseSpecSchema = struct({
  holderIdentity: pointer(text),
  leaseDurationSeconds: pointer(int32),
  acquireTime: microTime.optional(),
  renewTime: microTime.optional(),
  leaseTransitions: pointer(int32),
  strategy: pointer(text),
  preferredHolder: pointer(text),
});
/** Who holds a lease, and for how long. */
export interface LeaseSpec extends z.infer<typeof leaseSpecSchema> {}
/** Schema of {@link LeaseSpec}. */
export const leaseSpec: Schema<LeaseSpec> = described(leaseSpecSchema, 'Who holds a lease, and for how long.');

/** A right that is held for a time (coordination/v1). */
export interface Lease extends KubeObject {
  spec: LeaseSpec;
}
/** The kind {@link Lease}. */
export const Lease: KindDefinition<Lease> = buildKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  description: 'A right that is held for a time.',
  spec: leaseSpec,
  columns: leaseColumns,
  rules: {
    validate: validateLease,
  },
});
