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
  /** What was asked for besides the object (meta.k8s.io/v1 CreateOptions, UpdateOptions, PatchOptions or DeleteOptions), as it is told to others. Frozen. */
  readonly options: Readonly<Record<string, unknown>>;
  /** A private draft for create and update: a mutating step changes it in place. Absent for delete. */
  readonly object?: KubeObject;
  /** What is there now; absent for create. Frozen. */
  readonly old?: KubeObject;
  /** Aborts when nobody waits for the answer any more: a step that waits for something should then end with an error. */
  readonly signal?: AbortSignal;
  /** All mutating steps are asked a second time, because a step of the first round wanted it by {@link AdmissionRequest.again}. The request is the same object. */
  readonly isAgain: boolean;
  /**
   * Puts something else in the place of the draft, for a mutating step that has it from outside: it is decoded, gets defaults, and keeps what this request may not change (its name, namespace and uid; all but the status when that is
   * written; …). Throws BadRequest for what is no object of the kind, and the draft is then as before. Only where there is an `object`.
   */
  replace(object: unknown): void;
  /** Asks for a second round of all mutating steps; there is no third one. Without effect in the second. */
  again(): void;
  /** For the client, as a header `Warning`. */
  warn(message: string): void;
  /** For the audit log, where there is one. */
  annotate(key: string, value: string): void;
}

/**
 * A step every write passes. All `mutate` steps run in the order of the list (those of a deletion do not: there is nothing to change), then validation, then all `validate` steps. Who asks over HTTP
 * and who asks in the process pass the same steps. Throwing an `ApiError` refuses the write with it; any other error refuses it as InternalError naming the step (fail closed).
 */
export interface Admission {
  readonly name: string;
  /** Which writes it wants to see; default all. */
  handles?(request: Pick<AdmissionRequest, 'operation' | 'ref' | 'kind'>): boolean;
  /** May change `object`. May be asked again for the same write, in a second round or after a conflict. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  /** May only refuse. */
  validate?(request: AdmissionRequest): void | Promise<void>;
}

/** Steps between decoding and validation of a write. */
export const Admissions = list<Admission>('Admission');
