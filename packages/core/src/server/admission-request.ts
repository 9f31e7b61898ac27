import type { AdmissionRequest } from '../contracts/admission.js';
import type { DeleteOptions, RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';

/** A write as admission sees it, and what the server needs to know of it. */
export interface Admitting extends AdmissionRequest {
  isAgain: boolean;
  /** A step wants a second round. */
  wantsAgain: boolean;
}

/** What is to be admitted. */
export interface AdmissionFacts {
  readonly operation: AdmissionRequest['operation'];
  readonly kind: KindDefinition;
  readonly dryRun?: boolean;
  readonly object?: KubeObject;
  readonly old?: KubeObject;
  readonly options: Readonly<Record<string, unknown>>;
  /** What an object from outside comes to in this request. Absent where there is no draft. */
  settle?(object: unknown): KubeObject;
}

/** The request as the steps of admission get it. */
export function admissionRequest(request: RequestContext & { readonly ref: ResourceRef }, { operation, kind, dryRun = request.dryRun ?? false, object, old, options, settle }: AdmissionFacts): Admitting {
  return {
    operation,
    ref: request.ref,
    kind,
    user: request.user,
    dryRun,
    options,
    ...(object !== undefined && { object }),
    ...(old !== undefined && { old }),
    ...(request.signal !== undefined && { signal: request.signal }),
    isAgain: false,
    wantsAgain: false,
    replace(other) {
      if (object === undefined || settle === undefined) throw new ApiError('InternalError', 'there is no object to be replaced');
      const next = settle(other);
      for (const key of Object.keys(object)) delete (object as unknown as Record<string, unknown>)[key];
      Object.assign(object, next);
    },
    again() {
      this.wantsAgain = true;
    },
    warn: (message) => request.warn?.(message),
    annotate: (key, value) => request.annotate?.(key, value),
  };
}

/** The options of a write as they are told to others. */
export function writeOptions(kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', { dryRun, fieldManager, fieldValidation }: RequestContext): Readonly<Record<string, unknown>> {
  return Object.freeze({
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun === true && { dryRun: ['All'] }),
    ...(fieldManager !== undefined && { fieldManager }),
    ...(fieldValidation !== undefined && { fieldValidation }),
  });
}

/** The options of a deletion as they are told to others. */
export function deletionOptions({ dryRun, ...options }: DeleteOptions, dry: boolean): Readonly<Record<string, unknown>> {
  return Object.freeze({ kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...options, ...((dryRun === true || dry) && { dryRun: ['All'] }) });
}
