import type { Applied, ApplyResult, Client, KindClient, ListOptions, ObjectRef, WriteOptions } from '../contracts/client.js';
import type { ApiRequest, DeleteOptions, PatchType, RequestContext, ResourceRef, Transport, UserInfo, WatchEvent } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { RUNS_HERE } from '../model/binding.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeList, KubeObject } from '../model/object.js';
import type { KindRegistry } from '../model/registry.js';
import { applyManifests } from './apply.js';

/** What a client is made from. */
export interface ClientOptions {
  readonly transport: Transport;
  readonly kinds: KindRegistry;
  readonly user: UserInfo;
  /** Default for writes that name none. */
  readonly fieldManager?: string;
  /** Told of warnings of the server. */
  warn?(message: string): void;
}

/** The typed client over a transport. */
export class ApiClient implements Client {
  readonly #byKind = new WeakMap<object, unknown>();

  constructor(readonly options: ClientOptions) {}

  kind<T extends KubeObject>(kind: KindDefinition<T>): KindClient<T> {
    let client = this.#byKind.get(kind) as KindClient<T> | undefined;
    if (client === undefined) {
      client = new TypedClient(kind, this.options);
      this.#byKind.set(kind, client);
    }
    return client;
  }

  apply(manifests: string | object | readonly object[], options: WriteOptions & { readonly namespace?: string } = {}): Promise<readonly ApplyResult[]> {
    return applyManifests(this, this.options.kinds, manifests, options);
  }

  async bind(pod: ObjectRef & { readonly uid?: string }, node: string, { runs = false }: { readonly runs?: boolean } = {}): Promise<void> {
    const { transport, user } = this.options;
    const ref: ResourceRef = { group: '', version: 'v1', resource: 'pods', namespace: pod.namespace ?? 'default', name: pod.name, subresource: 'binding' };
    const metadata = { name: pod.name, namespace: ref.namespace, ...(pod.uid !== undefined && { uid: pod.uid }), ...(runs && { annotations: { [RUNS_HERE]: 'true' } }) };
    await transport.request({ verb: 'create', user, ref, body: { apiVersion: 'v1', kind: 'Binding', metadata, target: { apiVersion: 'v1', kind: 'Node', name: node } } });
  }

  async evict(pod: ObjectRef & { readonly uid?: string }, { gracePeriodSeconds, dryRun }: { readonly gracePeriodSeconds?: number; readonly dryRun?: boolean } = {}): Promise<void> {
    const { transport, user } = this.options;
    const ref: ResourceRef = { group: '', version: 'v1', resource: 'pods', namespace: pod.namespace ?? 'default', name: pod.name, subresource: 'eviction' };
    const deleteOptions = { ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }), ...(pod.uid !== undefined && { preconditions: { uid: pod.uid } }) };
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod.name, namespace: ref.namespace }, deleteOptions };
    await transport.request({ verb: 'create', user, ref, body, ...(dryRun !== undefined && { dryRun }) });
  }
}

/** The verbs of one kind. */
class TypedClient<T extends KubeObject> implements KindClient<T> {
  readonly #base: ResourceRef;

  constructor(
    readonly kind: KindDefinition<T>,
    private readonly options: ClientOptions,
  ) {
    this.#base = { group: kind.group, version: kind.version, resource: kind.plural };
  }

  create(object: T, options?: WriteOptions): Promise<T> {
    const { namespace } = this.#place(object.metadata);
    const ref = { ...this.#base, ...(namespace !== undefined && { namespace }) };
    return this.#request({ verb: 'create', ref, body: object, ...this.#context(options) });
  }

  get(ref: ObjectRef): Promise<T> {
    return this.#request({ verb: 'get', ref: this.#ref(ref), ...this.#context() });
  }

  async find(ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.get(ref);
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async list(options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, ...rest } = options;
    const ref = { ...this.#base, ...(namespace !== undefined && { namespace }) };
    return (await this.options.transport.request({ verb: 'list', ref, ...rest, ...this.#context() })) as KubeList<T>;
  }

  update(object: T, options?: WriteOptions): Promise<T> {
    return this.#request({ verb: 'update', ref: this.#ref(object.metadata), body: object, ...this.#context(options) });
  }

  updateStatus(object: T, options?: WriteOptions): Promise<T> {
    return this.#request({ verb: 'update', ref: { ...this.#ref(object.metadata), subresource: 'status' }, body: object, ...this.#context(options) });
  }

  patch(ref: ObjectRef, type: PatchType, body: unknown, options: WriteOptions & { readonly subresource?: string; readonly force?: boolean } = {}): Promise<T> {
    const { subresource, force, ...rest } = options;
    const target = { ...this.#ref(ref), ...(subresource !== undefined && { subresource }) };
    return this.#request({ verb: 'patch', ref: target, type, body, ...(force !== undefined && { force }), ...this.#context(rest) });
  }

  apply(object: Applied<T>, options: WriteOptions & { readonly subresource?: string; readonly force?: boolean } = {}): Promise<T> {
    const { apiVersion, kind } = this.kind;
    const { namespace, name } = object.metadata;
    return this.patch({ namespace, name }, 'apply', { ...object, apiVersion, kind }, options);
  }

  delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<T> {
    return this.#request({ verb: 'delete', ref: this.#ref(ref), options, ...this.#context() });
  }

  async deleteCollection(options: ListOptions & { readonly deletion?: DeleteOptions }): Promise<KubeList<T>> {
    const { namespace, deletion = {}, labelSelector, fieldSelector } = options;
    const ref = { ...this.#base, ...(namespace !== undefined && { namespace }) };
    const selection = { ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
    return (await this.options.transport.request({ verb: 'deletecollection', ref, options: deletion, ...selection, ...this.#context() })) as KubeList<T>;
  }

  async *watch(options: ListOptions & { readonly allowWatchBookmarks?: boolean }, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, undefined> {
    for await (const chunk of this.watchChunks(options, signal)) yield* chunk;
  }

  watchChunks(options: ListOptions & { readonly allowWatchBookmarks?: boolean }, signal: AbortSignal): AsyncIterable<readonly WatchEvent<T>[]> {
    const { namespace, limit: _limit, continue: _continue, ...rest } = options;
    const ref = { ...this.#base, ...(namespace !== undefined && { namespace }) };
    return this.options.transport.watch({ ref, user: this.options.user, ...rest }, signal) as AsyncIterable<readonly WatchEvent<T>[]>;
  }

  async createSubresource<S extends KubeObject>(ref: ObjectRef, subresource: string, body: S): Promise<S> {
    return (await this.options.transport.request({ verb: 'create', ref: { ...this.#ref(ref), subresource }, body, ...this.#context() })) as S;
  }

  async scale(ref: ObjectRef, replicas: number, { resourceVersion }: { readonly resourceVersion?: string | undefined } = {}): Promise<void> {
    const body = { ...(resourceVersion !== undefined && { metadata: { resourceVersion } }), spec: { replicas } };
    await this.#request({ verb: 'patch', ref: { ...this.#ref(ref), subresource: 'scale' }, type: 'merge', body, ...this.#context() });
  }

  async #request(request: ApiRequest): Promise<T> {
    return (await this.options.transport.request(request)) as unknown as T;
  }

  #place(ref: { readonly namespace?: string | undefined }): { namespace?: string } {
    if (!this.kind.namespaced) return {};
    return { namespace: ref.namespace === undefined || ref.namespace === '' ? 'default' : ref.namespace };
  }

  #ref(ref: { readonly namespace?: string | undefined; readonly name?: string | undefined }): ResourceRef {
    return { ...this.#base, ...this.#place(ref), name: ref.name ?? '' };
  }

  #context(options: WriteOptions = {}): RequestContext {
    const { user, fieldManager, warn } = this.options;
    return { user, ...(fieldManager !== undefined && { fieldManager }), ...(warn && { warn }), ...options };
  }
}
