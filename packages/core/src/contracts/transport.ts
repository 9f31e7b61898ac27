import { seat } from '../kernel/tokens.js';
import type { KubeList, KubeObject } from '../model/object.js';

/** Who asks (authentication.k8s.io UserInfo). */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** How strictly unknown and duplicate fields are treated. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What becomes of dependents when an owner is deleted. */
export type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground';

/** Which patch language a body is written in; `apply` is server-side apply, which also makes an object that is not there. */
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** Options of a delete (metav1.DeleteOptions). */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: PropagationPolicy;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** Which objects of a kind. Selectors are in Kubernetes' string form. */
export interface Selection {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Addresses a resource, perhaps one object, perhaps a subresource. */
export interface ResourceRef {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, e.g. `pods`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  /** `status`, `scale`, `binding`, … */
  readonly subresource?: string;
}

/** What every request carries besides its verb. */
export interface RequestContext {
  readonly user: UserInfo;
  /** e.g. `kubectl-client-side-apply`, for managedFields and audit. */
  readonly fieldManager?: string;
  readonly fieldValidation?: FieldValidation;
  /** Under which lease and epoch a leader writes: the store refuses the write when another holds the lease, or nobody. Only for requests in the process. */
  readonly fence?: { readonly lease: string; readonly epoch: number };
  /** Do everything but write. */
  readonly dryRun?: boolean;
  /** Aborts when nobody waits for the answer any more. Set by the server, from the signal of the request. */
  readonly signal?: AbortSignal;
  /** Told about each warning for the client. */
  warn?(message: string): void;
  /** Told what admission has to say for the audit log. */
  annotate?(key: string, value: string): void;
  /** Told when an apply made the object instead of changing it. */
  created?(): void;
}

/** A request that gets one answer. */
export type ApiRequest = RequestContext & { readonly ref: ResourceRef } & (
    | { readonly verb: 'create'; readonly body: unknown }
    | { readonly verb: 'get' }
    | ({ readonly verb: 'list'; readonly limit?: number; readonly continue?: string; readonly resourceVersion?: string; readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' } & Selection)
    | { readonly verb: 'update'; readonly body: unknown }
    | { readonly verb: 'patch'; readonly type: PatchType; readonly body: unknown; /** Of an apply: take over what other managers have. */ readonly force?: boolean }
    | { readonly verb: 'delete'; readonly options: DeleteOptions }
    | ({ readonly verb: 'deletecollection'; readonly options: DeleteOptions } & Selection)
  );

/** A request for a stream of changes. */
export interface WatchRequest extends Selection {
  readonly user: UserInfo;
  readonly ref: ResourceRef;
  /** Changes after this version; absent or '0': first an `ADDED` for everything that exists. */
  readonly resourceVersion?: string;
  /** Bookmarks are wanted: one when the state is caught up, and at least every ten seconds of silence. */
  readonly allowWatchBookmarks?: boolean;
}

/** One event of a watch (metav1.WatchEvent). A bookmark carries only the resourceVersion. */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: { readonly resourceVersion: string } } };


/**
 * The line between clients and a server; in process a plain call, over HTTP the Kubernetes API.
 * Refusals are `ApiError`s. Objects that come back are frozen and may be shared with others.
 */
export interface Transport {
  /** One request, one answer: an object, a list, or for the delete verbs the objects deleted. Aborting leaves the outcome unknown. */
  request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList>;
  /**
   * A stream of changes in revision order, in the chunks in which they arrive (at least one event each). Ends when the signal aborts; throws `ApiError` Expired (410) when the version is too old or
   * the consumer too slow, and `OrreryError` `UNAVAILABLE` when the connection was lost.
   */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]>;
}

/** The line to the API server, for plugins that serve it to others. */
export const Transport = seat<Transport>('Transport');
