import { seat } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeList, KubeObject, ObjectKey } from '../model/object.js';
import type { DeleteOptions, PatchType, Selection, WatchEvent } from './transport.js';

/** Names one object. */
export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Options of a write. */
export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
}

/** Options of a list. */
export interface ListOptions extends Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

/** The parts of an object that are applied: its name, and any fields. */
export type Applied<T extends KubeObject> = { readonly metadata: { readonly name: string } & Partial<T['metadata']> } & { readonly [K in Exclude<keyof T, 'metadata'>]?: unknown };

/**
 * The verbs of one kind. Objects that come back are frozen and shared: copy (`structuredClone`, spread) before changing.
 * Every verb throws `ApiError` with Kubernetes' reason when refused.
 */
export interface KindClient<T extends KubeObject> {
  readonly kind: KindDefinition<T>;
  /** `metadata.namespace` (default `default`) and `name` or `generateName` come from the object. */
  create(object: T, options?: WriteOptions): Promise<T>;
  get(ref: ObjectRef): Promise<T>;
  /** Like get, but undefined when there is none. */
  find(ref: ObjectRef): Promise<T | undefined>;
  list(options?: ListOptions): Promise<KubeList<T>>;
  /** Replaces the object (not its status). With `metadata.resourceVersion` only if it is still the current one. */
  update(object: T, options?: WriteOptions): Promise<T>;
  /** Replaces only the status. */
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(ref: ObjectRef, type: PatchType, body: unknown, options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean }): Promise<T>;
  /**
   * Server-side apply: makes what the object names so, under the name of the field manager, and the object itself when there is none. Fields it does not name stay; those it named the last
   * time and does not any more go, unless other managers have them. Throws Conflict naming each field that another manager has and that would change; `force` takes them over. Safe to repeat.
   */
  apply(object: Applied<T>, options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean }): Promise<T>;
  /** Answers the object as it is now being deleted, or as it last was when it is gone. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<T>;
  deleteCollection(options: ListOptions & { readonly deletion?: DeleteOptions }): Promise<KubeList<T>>;
  /** Changes, beginning with an `ADDED` for what exists unless a `resourceVersion` is given. Ends on abort; see `Transport.watch` for its errors. */
  watch(options: ListOptions & { readonly allowWatchBookmarks?: boolean }, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** Like watch, in the chunks in which changes arrive: for caches, which must keep up with bursts. */
  watchChunks(options: ListOptions & { readonly allowWatchBookmarks?: boolean }, signal: AbortSignal): AsyncIterable<readonly WatchEvent<T>[]>;
  /** Asks the object something by a subresource that is only created, e.g. `token` of a ServiceAccount; what comes back is of the kind that was sent. Throws NotFound where it is not served. */
  createSubresource<S extends KubeObject>(ref: ObjectRef, subresource: string, body: S): Promise<S>;
  /** Sets the replica count through the scale subresource, with a `resourceVersion` only of that version of the object (throws Conflict). Throws NotFound for kinds without one. */
  scale(ref: ObjectRef, replicas: number, options?: { readonly resourceVersion?: string | undefined }): Promise<void>;
}

/** What `Client.apply` did to one object. */
export interface ApplyResult {
  readonly action: 'created' | 'configured' | 'unchanged';
  readonly object: KubeObject;
}

/** The cluster as every part but the store sees it. */
export interface Client {
  /** The verbs of a kind. Cheap; needs no clean-up. */
  kind<T extends KubeObject>(kind: KindDefinition<T>): KindClient<T>;
  /**
   * Makes the cluster agree with manifests, as `kubectl apply` does: creates what is missing, and otherwise sends a three-way patch
   * against what was applied last. Accepts YAML or JSON text of one or many documents, an object, or objects (a `List` counts as its items).
   * All manifests are checked for shape before the first is sent; then each stands for itself, and the first refusal is thrown
   * with what was done so far in its `details.applied`. Safe to repeat.
   */
  apply(manifests: string | object | readonly object[], options?: WriteOptions & { readonly namespace?: string }): Promise<readonly ApplyResult[]>;
  /**
   * Binds a pod to a node (the binding subresource): refused with Conflict when it is bound already. `runs`: the node itself says that the pod runs there; such a binding is
   * taken also while the server waits for the nodes after a loss of history, when others are refused with ServiceUnavailable.
   */
  bind(pod: ObjectRef & { readonly uid?: string }, node: string, options?: { readonly runs?: boolean }): Promise<void>;
  /**
   * Evicts a pod (the eviction subresource): deletes it unless its disruption budget forbids that now; then throws `ApiError` TooManyRequests, and may be asked again later. Fine to ask
   * again for a pod that is being deleted; NotFound when it is gone.
   */
  evict(pod: ObjectRef & { readonly uid?: string }, options?: { readonly gracePeriodSeconds?: number; readonly dryRun?: boolean }): Promise<void>;
}

/** A read-only view of an informer's objects, with indexes. Reads are synchronous and cost what they return. */
export interface Lister<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** All objects, in no particular order; of one namespace if given. */
  list(namespace?: string): readonly T[];
  /** Objects filed under `value` by the named index (see `InformerOptions.indexes`). */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

/** Told of changes, in order, synchronously, after the lister shows them. Must not throw; must not block. `initial`: part of the first list. */
export interface InformerHandler<T extends KubeObject> {
  added?(object: T, initial: boolean): void;
  updated?(object: T, old: T): void;
  /** `object` is the last state known. */
  deleted?(object: T): void;
}

/** What an informer follows. */
export interface InformerOptions<T extends KubeObject> extends Selection {
  readonly namespace?: string;
  /** Files each object under the values returned. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

/** How an informer is doing. A cache that loses its watch says so here, relists by itself and never dies quietly. */
export interface InformerHealth {
  readonly synced: boolean;
  /** Revision up to which everything has been seen. */
  readonly revision: number;
  /** Monotonic milliseconds since the last event or bookmark. */
  readonly silentForMs: number;
  /** How often it had to list again. */
  readonly relists: number;
  /** Why the watch is broken now, if it is. */
  readonly problem?: string;
}

/** Follows one kind: list, then watch, for ever, until its signal aborts. */
export interface Informer<T extends KubeObject> {
  readonly kind: KindDefinition<T>;
  readonly lister: Lister<T>;
  /** Adds a handler; what is already known is told at once as added. Returns its removal. */
  subscribe(handler: InformerHandler<T>): () => void;
  /** Resolves when the first list has been delivered to the lister and to all handlers. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Resolves when the cache shows the state of this revision or a later one: read-your-writes. */
  observed(revision: number, signal: AbortSignal): Promise<void>;
  health(): InformerHealth;
}

/**
 * Informers shared by all parts of one orchestrator: the same kind and selection give the same informer, started when first asked for.
 * Indexes add up; an index name stands for one function, so prefix it with the part that uses it.
 */
export interface Informers {
  get<T extends KubeObject>(kind: KindDefinition<T>, options?: InformerOptions<T>): Informer<T>;
}

/** Reports what happened to an object as a Kubernetes Event; repeats are counted on one Event, floods are held back. Never throws. */
export interface EventRecorder {
  /** `reason` in UpperCamelCase, `message` for a person. */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** The cluster as everybody but the store sees it. */
export const Client = seat<Client>('Client');
/**
 * The cluster for parts of the phases `controllers` and `scheduler`, which run while the orchestrator leads: what they write through it is refused once their term is over.
 * The same as `Client` where there is no election.
 */
export const LeaderClient = seat<Client>('LeaderClient');
/** Shared caches. */
export const Informers = seat<Informers>('Informers');
/** Gives the recorder of a component, whose name appears as the source of its events. */
export const Events = seat<(component: string) => EventRecorder>('Events');
