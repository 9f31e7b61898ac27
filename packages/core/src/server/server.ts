import type { Admission } from '../contracts/admission.js';
import { type GaugeReading, type Instruments, noInstruments } from '../contracts/instruments.js';
import type { Network } from '../contracts/network.js';
import type { HistoryLoss, Store } from '../contracts/store.js';
import type { Subresource } from '../contracts/subresources.js';
import type { ApiRequest, ResourceRef, Transport, WatchEvent, WatchRequest } from '../contracts/transport.js';
import { longLived } from '../kernel/abort.js';
import type { Clock, Random } from '../kernel/clock.js';
import { OrreryError, errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import type { LiveList } from '../kernel/tokens.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import { Event } from '../model/kinds/event.js';
import { Namespace } from '../model/kinds/namespace.js';
import { Pod } from '../model/kinds/pod.js';
import { PodDisruptionBudget } from '../model/kinds/pod-disruption-budget.js';
import { Service } from '../model/kinds/service.js';
import type { KubeList, KubeObject } from '../model/object.js';
import type { KindRegistry, ResourceName } from '../model/registry.js';
import { bind } from './bind.js';
import { Claims } from './claims.js';
import { compactHistory } from './compaction.js';
import { create } from './create.js';
import { remove, removeCollection } from './delete.js';
import { expireEvents } from './event-expiry.js';
import { evict } from './evict.js';
import { storageKey } from './keys.js';
import { list } from './list.js';
import { patch } from './patch.js';
import { Recovery } from './recovery.js';
import { readCurrent, type Resource, type ServerContext } from './resource.js';
import { getScale, patchScale, updateScale } from './scale.js';
import { askSubresource } from './subresource.js';
import { update } from './update.js';
import { watch } from './watch.js';
import { WatchCache } from './watch-cache.js';

/** What an API server is made from. */
export interface ServerOptions {
  readonly store: Store;
  readonly kinds: KindRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly admissions: Pick<LiveList<Admission>, 'items'>;
  /** Those of plugins; default none. */
  readonly subresources?: Pick<LiveList<Subresource>, 'items'>;
  /** Addresses for Services; without one they get none. */
  readonly network?: Network;
  /** Where it shows how many objects there are; default: nowhere. */
  readonly instruments?: Instruments;
  /** Told when the store lost history that it had acknowledged. Must not throw. */
  historyLost?(loss: HistoryLoss): void;
}

/** The namespaces every cluster has. */
const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const SYSTEM_USER = { name: 'system:apiserver', groups: ['system:masters'] };

/** The API machinery over a store: routes each request to its verb. A {@link Transport}; clients in the process call it directly. */
export class ApiServer implements Transport {
  readonly #resources = new Map<string, Resource>();
  /** What ends the serving of one kind. */
  readonly #ending = new Map<string, AbortController>();
  readonly #context: ServerContext;
  /** The newest revision at which a namespace was deleted by this server. */
  #namespaceDeletedAt = 0;
  #running: AbortSignal | undefined;
  readonly #work = new Set<Promise<void>>();
  #failed: ((error: unknown) => void) | undefined;

  constructor(readonly options: ServerOptions) {
    const { store, clock, random, log, admissions, network } = options;
    this.#context = {
      store,
      clock,
      random,
      log,
      admissions,
      claims: new Claims(network, store, clock, log),
      recovery: new Recovery({ clock, log, lost: (loss) => this.options.historyLost?.(loss) }),
      namespace: (name) => this.#namespace(name),
    };
  }

  /**
   * Runs the watch caches until the signal aborts. Ready when every kind is cached and the system's namespaces exist. Throws when it can no longer do its work
   * (the store was closed); everything it began has then ended. Call once.
   */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { store, clock, log, kinds } = this.options;
    const over = longLived(new AbortController());
    const stop = (): void => over.abort(signal.reason);
    let failure: unknown;
    this.#failed = (error) => {
      failure ??= error;
      over.abort(error);
    };
    this.#running = over.signal;
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const unfollow = this.#context.recovery.follow(store);
    const hide = this.#showObjects();
    try {
      await Promise.all(kinds.list().map((kind) => this.#serve(kind)));
      await this.#followClaims(over.signal);
      for (const name of SYSTEM_NAMESPACES) if (!over.signal.aborted) await this.#ensureNamespace(name);
      this.#keep(compactHistory(store, clock, log, over.signal));
      this.#keep(this.#expireEvents(over.signal));
      if (!over.signal.aborted) ready();
      while (this.#work.size > 0) await Promise.all(this.#work);
    } catch (error) {
      this.#failed(error);
    } finally {
      signal.removeEventListener('abort', stop);
      unfollow();
      hide();
      await Promise.all(this.#work);
    }
    if (!signal.aborted) throw failure;
  }

  /** Serves one more kind from now on. Resolves when it can be used. Throws `ALREADY_EXISTS` when its names are taken, `CLOSED` when the server has stopped. */
  async addKind<T extends KubeObject>(kind: KindDefinition<T>): Promise<void> {
    if (this.#running?.aborted === true) throw new OrreryError('CLOSED', 'The server has stopped.');
    this.options.kinds.add(kind);
    if (this.#running === undefined) return;
    await this.#serve(kind as unknown as KindDefinition);
    this.options.kinds.announce(kind as unknown as KindDefinition);
  }

  /**
   * From now on these are the versions of a resource, the preferred one first; none: it is served no more. What was served in another way ends: its watches do, and clients list again.
   * What is stored stays as it is. Resolves when all of them can be used. Throws `ALREADY_EXISTS` when names are taken, `CLOSED` when the server has stopped.
   */
  async offer(at: ResourceName, offered: readonly KindDefinition[]): Promise<void> {
    if (this.#running?.aborted === true) throw new OrreryError('CLOSED', 'The server has stopped.');
    const { kinds } = this.options;
    const gone = kinds.offer(at, offered);
    if (this.#running === undefined) return;
    const lost = gone.filter(({ version }) => !offered.some((kind) => kind.version === version));
    // Told before it ends: who follows it then does not take that for a loss.
    for (const kind of lost) kinds.withdraw(kind);
    for (const kind of gone) {
      this.#ending.get(idOf(kind))?.abort();
      this.#ending.delete(idOf(kind));
      this.#resources.delete(idOf(kind));
    }
    const isServed = (kind: KindDefinition): boolean => this.#ending.has(idOf(kind));
    await Promise.all(offered.filter((kind) => !isServed(kind)).map((kind) => this.#serve(kind)));
    const [preferred] = offered;
    // One that kept its address is known to everybody already.
    if (preferred !== undefined && (lost.length > 0 || !gone.some(({ version }) => version === preferred.version))) kinds.announce(preferred);
  }

  async request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    if (signal?.aborted === true) throw new OrreryError('ABORTED', 'The request was aborted before it began.', {}, signal.reason);
    try {
      const resource = this.#find(request.ref);
      if (resource.kind.deprecation !== undefined) request.warn?.(resource.kind.deprecation);
      const answer = await this.#dispatch(resource, signal === undefined ? request : { ...request, signal });
      if (resource.kind.kind === Namespace.kind && (request.verb === 'delete' || request.verb === 'deletecollection')) this.#namespaceDeletedAt = Math.max(this.#namespaceDeletedAt, newestOf(answer));
      return answer;
    } catch (error) {
      throw refusal(error);
    }
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    return watch(this.#find(request.ref), request, signal);
  }

  #dispatch(resource: Resource, request: ApiRequest): Promise<KubeObject | KubeList> {
    const { subresource } = request.ref;
    if (subresource === 'scale') return scaleVerb(resource, request);
    const isPart = subresource !== undefined && ((subresource === 'status' && resource.kind.hasStatus) || resource.kind.rules.subresources?.[subresource] !== undefined);
    if (isPart && !PART_VERBS.has(request.verb)) throw notAllowed();
    if (subresource === 'binding' && request.verb === 'create') return bind(resource, request);
    if (subresource === 'eviction' && request.verb === 'create' && resource.kind.kind === Pod.kind && resource.kind.group === Pod.group) return evict(resource, this.#resource(PodDisruptionBudget), request);
    const part = this.#partOf(resource, subresource);
    if (part !== undefined) {
      if (request.verb !== 'create') throw notAllowed();
      return askSubresource(resource, part, request);
    }
    if (subresource === 'finalize' ? !isFinalizing(resource, request) : subresource !== undefined && !isPart) throw notServed();
    switch (request.verb) {
      case 'create':
        return create(resource, request);
      case 'get':
        return get(resource, request.ref);
      case 'list':
        return list(resource, request);
      case 'update':
        return update(resource, request);
      case 'patch':
        return patch(resource, request);
      case 'delete':
        return remove(resource, request);
      case 'deletecollection':
        return removeCollection(resource, request);
    }
  }

  /** A subresource of a plugin. */
  #partOf({ kind }: Resource, subresource: string | undefined): Subresource | undefined {
    return subresource === undefined ? undefined : this.options.subresources?.items().find(({ group, resource, name }) => name === subresource && resource === kind.plural && group === kind.group);
  }

  #find(ref: ResourceRef): Resource {
    const kind = this.options.kinds.byResource(ref.group, ref.resource, ref.version);
    if (kind === undefined) throw notServed();
    return this.#resource(kind);
  }

  #resource<T extends KubeObject>(kind: KindDefinition<T>): Resource {
    const id = idOf(kind);
    let resource = this.#resources.get(id);
    if (resource === undefined) {
      const { store, clock, log } = this.options;
      const definition = kind as unknown as KindDefinition;
      resource = { kind: definition, cache: new WatchCache(definition, store, clock, log), context: this.#context };
      this.#resources.set(id, resource);
    }
    return resource;
  }

  /** How many objects of each kind there are: a size that each cache knows. */
  #showObjects(): () => void {
    const about = { name: 'apiserver_storage_objects', help: 'Stored objects, as last seen.', labels: ['resource'] } as const;
    const count = ({ kind: { group, plural }, cache }: Resource): GaugeReading<'resource'> => [{ resource: group === '' ? plural : `${plural}.${group}` }, cache.size];
    // Versions of one resource show the same objects.
    const stored = (): Resource[] => [...this.#resources.values()].filter(({ kind }) => this.options.kinds.byResource(kind.group, kind.plural) === kind);
    return (this.options.instruments ?? noInstruments).gauge(about, () => stored().map(count));
  }

  /** Resolves when the kind is cached, or the server ends before. */
  #serve(kind: KindDefinition): Promise<void> {
    const { cache } = this.#resource(kind);
    const ending = longLived(new AbortController());
    this.#ending.set(idOf(kind), ending);
    const signal = AbortSignal.any([this.#running as AbortSignal, ending.signal]);
    // What has to be asked what its objects are may not be there: then that kind fails, and no other.
    const waits = kind.rules.conversion === undefined;
    return new Promise((resolve) => {
      this.#keep(cache.run(signal, resolve).finally(resolve));
      if (!waits) resolve();
    });
  }

  /** Resolves when the network knows who holds what, or the server ends before. */
  #followClaims(signal: AbortSignal): Promise<void> {
    const { cache } = this.#resource(Service);
    return new Promise((resolve) => this.#keep(this.#context.claims.run(() => cache.values(), signal, resolve).finally(resolve)));
  }

  /** Work that goes on until the server ends; if it fails, the server does. Never rejects. */
  #keep(work: Promise<void>): void {
    const kept = work.catch((error: unknown) => this.#failed?.(error)).then(() => void this.#work.delete(kept));
    this.#work.add(kept);
  }

  #expireEvents(signal: AbortSignal): Promise<void> {
    const resource = this.#resource(Event);
    const gone = async (event: Event): Promise<void> => {
      const ref = { group: '', version: 'v1', resource: 'events', namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '' };
      // It may just have happened again.
      const preconditions = { resourceVersion: event.metadata.resourceVersion ?? '' };
      await remove(resource, { user: SYSTEM_USER, ref, options: { preconditions } }).catch((error: unknown) => {
        if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) this.options.log.warn('an expired event could not be deleted', { error: errorMessage(error) });
      });
    };
    return expireEvents(() => resource.cache.values(), gone, this.options.clock, signal);
  }

  async #namespace(name: string): Promise<{ terminating: boolean } | undefined> {
    const resource = this.#resource(Namespace);
    const seen = resource.cache.peek(storageKey(Namespace, undefined, name));
    // The cache may be behind. The store is asked before that is held against somebody, and when a namespace was just deleted here (NamespaceLifecycle does so, too).
    const isCurrent = resource.cache.revision >= this.#namespaceDeletedAt;
    const known = isCurrent && seen !== undefined && seen.metadata.deletionTimestamp === undefined ? seen : (await readCurrent(resource, undefined, name))?.object;
    return known === undefined ? undefined : { terminating: known.metadata.deletionTimestamp !== undefined };
  }

  async #ensureNamespace(name: string): Promise<void> {
    const resource = this.#resource(Namespace);
    if ((await readCurrent(resource, undefined, name)) !== undefined) return;
    const ref = { group: '', version: 'v1', resource: 'namespaces' };
    await create(resource, { user: SYSTEM_USER, ref, body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } }).catch((error: unknown) => {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    });
  }
}

const idOf = ({ group, version, plural }: Pick<KindDefinition, 'group' | 'version' | 'plural'>): string => `${group}/${version}/${plural}`;

/** The newest version in an answer. */
const newestOf = (answer: KubeObject | KubeList): number =>
  Math.max(...('items' in answer ? (answer as KubeList).items : [answer as KubeObject]).map(({ metadata }) => Number(metadata.resourceVersion ?? 0)), 0);

async function get(resource: Resource, ref: ResourceRef): Promise<KubeObject> {
  const entry = await readCurrent(resource, ref.namespace, ref.name ?? '');
  if (entry === undefined) throw ApiError.notFound(resource.kind, ref.name ?? '');
  return entry.object;
}

function scaleVerb(resource: Resource, request: ApiRequest): Promise<KubeObject> {
  switch (request.verb) {
    case 'get':
      return getScale(resource, request);
    case 'update':
      return updateScale(resource, request);
    case 'patch':
      return patchScale(resource, request);
    default:
      throw notAllowed();
  }
}

const PART_VERBS: ReadonlySet<string> = new Set(['get', 'update', 'patch']);
const notAllowed = (): ApiError => new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
const notServed = (): ApiError => new ApiError('NotFound', 'the server could not find the requested resource');
const isFinalizing = ({ kind }: Resource, { verb }: ApiRequest): boolean => kind.rules.isHeld !== undefined && (verb === 'update' || verb === 'patch');

/** Whatever went wrong, as a Status: the store's own failures get the reason that tells a client what to do. */
function refusal(error: unknown): unknown {
  if (ApiError.is(error) || OrreryError.is(error, 'ABORTED')) return error;
  if (OrreryError.is(error, 'OUTCOME_UNKNOWN') || OrreryError.is(error, 'TIMEOUT')) return new ApiError('Timeout', errorMessage(error), {}, error);
  if (OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'CLOSED')) return new ApiError('ServiceUnavailable', errorMessage(error), {}, error);
  return new ApiError('InternalError', `Internal error occurred: ${errorMessage(error)}`, {}, error);
}
