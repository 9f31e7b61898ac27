import { list } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import type { ResourceRef, UserInfo } from './transport.js';

/** One write on its way to the store. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly ref: ResourceRef;
  readonly kind: KindDefinition;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** A private draft for create and update: a mutating step changes it in place. Absent for delete. */
  readonly object?: KubeObject;
  /** What is there now; absent for create. Frozen. */
  readonly old?: KubeObject;
  warn(message: string): void;
}

/**
 * A step every write passes. All `mutate` steps run in the order of the list, then validation, then all `validate` steps.
 * Throwing an `ApiError` refuses the write with it; any other error refuses it as InternalError naming the step (fail closed).
 */
export interface Admission {
  readonly name: string;
  /** Which writes it wants to see; default all. */
  handles?(request: Pick<AdmissionRequest, 'operation' | 'ref' | 'kind'>): boolean;
  /** May change `object`. May be asked again for the same write after a conflict. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  /** May only refuse. */
  validate?(request: AdmissionRequest): void | Promise<void>;
}

/** Steps between decoding and validation of a write. */
export const Admissions = list<Admission>('Admission');
