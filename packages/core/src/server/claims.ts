import type { Network } from '../contracts/network.js';
import type { CommitResult, Guard, Store, Write } from '../contracts/store.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { untilSilent } from '../kernel/until-silent.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import { Service } from '../model/kinds/service.js';
import type { KubeObject } from '../model/object.js';
import { storageKey } from './keys.js';

/** Where claims are kept, outside the registry of objects. */
const PREFIX = '/orrery/claims/';
const BACKOFF = { baseMs: 50, maxMs: 5_000 } as const;
const SILENCE_MS = 35_000;
/** Far more than there can be servers that race for an address. */
const ATTEMPTS = 100;

/** Guards and writes that go into an object's own commit. */
export interface ClaimChanges {
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

const NOTHING: ClaimChanges = { guards: [], writes: [] };

/**
 * What objects hold besides their own key and only one may hold: addresses and node ports of Services. Each has a key in the store, written in the same commit as the object that
 * holds it. The network's own memory only says what is worth trying; the claim decides.
 */
export class Claims {
  /** What was seen to be held, by keys. What of it is gone when the claims are read again was given up while nobody listened. */
  #known = new Set<string>();

  constructor(
    private readonly network: Network | undefined,
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Fills in what the new state of an object needs, and takes it here; returns the undo. Throws to refuse the write. */
  reserve(kind: KindDefinition, draft: KubeObject, old: KubeObject | undefined): () => void {
    return this.network !== undefined && isService(kind) ? this.network.allocate(draft as Service, old as Service | undefined) : () => {};
  }

  /** Whether objects of the kind hold anything. */
  mayContest(kind: KindDefinition): boolean {
    return this.network !== undefined && isService(kind);
  }

  /** What a change from one state to the next (undefined: not there) takes and gives back. */
  changes(kind: KindDefinition, old: KubeObject | undefined, next: KubeObject | undefined): ClaimChanges {
    const { taken, freed } = this.#difference(kind, old, next);
    if (taken.length === 0 && freed.length === 0) return NOTHING;
    const holder = next === undefined ? {} : { service: `${next.metadata.namespace}/${next.metadata.name}`, uid: next.metadata.uid };
    return {
      guards: taken.map((name) => ({ key: PREFIX + name, modRevision: 0 })),
      writes: [...taken.map((name) => ({ key: PREFIX + name, value: Object.freeze(holder) })), ...freed.map((name) => ({ key: PREFIX + name, delete: true }) as const)],
    };
  }

  /** What somebody else holds, if a commit was refused for that. */
  contested(result: CommitResult): string | undefined {
    if (result.ok || !('key' in result.guard) || !result.guard.key.startsWith(PREFIX)) return undefined;
    return result.guard.key.slice(PREFIX.length);
  }

  /**
   * Remembers that somebody else holds it, so that the next attempt takes another. To be told when the own reservation was given back.
   * Throws `ApiError` InternalError when that did not help for many attempts: the network goes on offering what is held.
   */
  learn(name: string, attempt: number): void {
    if (attempt > ATTEMPTS) throw new ApiError('InternalError', `the network offers ${name} although it is held; tried ${attempt} times`);
    this.network?.take([name]);
    this.#known.add(PREFIX + name);
  }

  /** The change was committed: what the old state held and the new one does not is free at once. */
  settled(kind: KindDefinition, old: KubeObject | undefined, next: KubeObject | undefined): void {
    const { taken, freed } = this.#difference(kind, old, next);
    for (const name of taken) this.#known.add(PREFIX + name);
    for (const name of freed) this.#known.delete(PREFIX + name);
    try {
      // The write is done: what goes wrong now is no reason to tell the client that it failed.
      if (freed.length > 0) this.network?.free(freed);
      if (taken.length > 0) this.network?.take(taken);
    } catch (error) {
      this.log.error('the network was not told of a change', { error: errorMessage(error) });
    }
  }

  /**
   * Claims what existing Services hold and nobody claimed yet (they were written before there were claims), then keeps the network told of all claims until the signal aborts.
   * What was given up while the store could not be heard is free again after the next reading. Ready when the network knows them. Throws `CLOSED` when the store was closed.
   */
  async run(services: () => Iterable<KubeObject>, signal: AbortSignal, ready: () => void): Promise<void> {
    if (this.network === undefined) return ready();
    let failures = 0;
    while (!signal.aborted) {
      try {
        const { entries, revision } = await this.store.range(PREFIX);
        const claimed = new Set(entries.map(({ key }) => key));
        const gone = [...this.#known].filter((key) => !claimed.has(key));
        if (gone.length > 0) this.network.free(gone.map((key) => key.slice(PREFIX.length)));
        this.network.take(entries.map(({ key }) => key.slice(PREFIX.length)));
        this.#known = new Set(claimed);
        await this.#claimMissing(this.network, services(), claimed, signal);
        ready();
        const batches = untilSilent((ended) => this.store.watch(PREFIX, { since: revision, signal: ended }), { clock: this.clock, limitMs: SILENCE_MS, signal });
        for await (const { events } of batches) {
          failures = 0;
          for (const { type, key } of events) {
            this.network[type === 'put' ? 'take' : 'free']([key.slice(PREFIX.length)]);
            this.#known[type === 'put' ? 'add' : 'delete'](key);
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (OrreryError.is(error, 'CLOSED')) throw error;
        this.log.warn('the claims cannot be followed; reading them again', { error: errorMessage(error) });
      }
      await this.clock.sleep(backoffDelay(BACKOFF, (failures += 1)), signal).catch(() => signal);
    }
  }

  async #claimMissing(network: Network, services: Iterable<KubeObject>, claimed: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const service of services) {
      if (signal.aborted) return;
      if (network.holds(service as Service).every((name) => claimed.has(PREFIX + name))) continue;
      const { guards, writes } = this.changes(Service as unknown as KindDefinition, undefined, service);
      const missing = writes.filter(({ key }) => !claimed.has(key));
      const own = { key: storageKey(Service, service.metadata.namespace, service.metadata.name ?? ''), modRevision: Number(service.metadata.resourceVersion) };
      const result = await this.store.commit({ guards: [own, ...guards.filter((guard) => 'key' in guard && !claimed.has(guard.key))], writes: missing });
      if (result.ok) network.take(network.holds(service as Service));
      else this.log.warn('a Service holds what another claims, or changed meanwhile', { service: own.key });
    }
  }

  #difference(kind: KindDefinition, old: KubeObject | undefined, next: KubeObject | undefined): { readonly taken: readonly string[]; readonly freed: readonly string[] } {
    if (this.network === undefined || !isService(kind)) return { taken: [], freed: [] };
    const before = old === undefined ? [] : this.network.holds(old as Service);
    const after = next === undefined ? [] : this.network.holds(next as Service);
    return { taken: after.filter((name) => !before.includes(name)), freed: before.filter((name) => !after.includes(name)) };
  }
}

const isService = (kind: KindDefinition): boolean => kind.kind === Service.kind && kind.group === Service.group;
