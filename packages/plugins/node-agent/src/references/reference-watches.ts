import { backoffDelay, type Client, type Clock, ConfigMap, errorMessage, type KindDefinition, type KubeObject, type Logger, OrreryError, PersistentVolumeClaim, type Pod, Secret } from '@orrery/core';
import { type Reference, referencesOf } from './references.js';

const RETRY = { baseMs: 500, maxMs: 30_000 } as const;

interface Entry {
  readonly reference: Reference;
  readonly followers: Set<() => void>;
  readonly abort: AbortController;
  running: Promise<void>;
  /** The version that was told last. */
  version: string | undefined;
}

/**
 * Follows the ConfigMaps, Secrets and claims that pods of a node refer to, one watch an object, for as long as a pod is interested (kubelet's watch-based managers).
 * It only hints: whoever is told reads again, and looks by itself now and then, for a watch may be broken for a while.
 * An object that says it never changes is not watched further.
 */
export class ReferenceWatches {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly options: { readonly client: Client; readonly clock: Clock; readonly log: Logger }) {}

  /** Calls `changed` when something that the pod refers to appears or changes; once more for what is there already. Returns its end. */
  follow(pod: Pod, changed: () => void): () => void {
    const entries = referencesOf(pod).map((reference) => this.#entry(reference));
    // One function may follow several pods; each is one follower.
    const follower = (): void => changed();
    for (const { followers } of entries) followers.add(follower);
    return () => {
      for (const entry of entries) {
        entry.followers.delete(follower);
        if (entry.followers.size === 0) this.#end(entry);
      }
    };
  }

  /** Ends all watches. Safe to call twice. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const entry of entries) this.#end(entry);
    await Promise.all(entries.map(({ running }) => running));
  }

  /** How many objects are followed, for tests and health. */
  get size(): number {
    return this.#entries.size;
  }

  #entry(reference: Reference): Entry {
    const key = keyOf(reference);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { reference, followers: new Set(), abort: new AbortController(), running: Promise.resolve(), version: undefined };
    this.#entries.set(key, entry);
    entry.running = this.#run(entry);
    return entry;
  }

  #end(entry: Entry): void {
    entry.abort.abort(new OrreryError('ABORTED', 'Nobody follows it any more.'));
    if (this.#entries.get(keyOf(entry.reference)) === entry) this.#entries.delete(keyOf(entry.reference));
  }

  async #run(entry: Entry): Promise<void> {
    const { clock, log } = this.options;
    const { signal } = entry.abort;
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (await this.#watch(entry, () => (failures = 0))) return;
      } catch (error) {
        if (signal.aborted) return;
        log.debug('a watch broke off', { of: keyOf(entry.reference), error: errorMessage(error) });
      }
      failures += 1;
      await clock.sleep(backoffDelay(RETRY, failures), signal).catch(() => signal);
    }
  }

  /** Resolves when the watch ended; true: there is nothing to watch any more. */
  async #watch(entry: Entry, alive: () => void): Promise<boolean> {
    const { kind, namespace, name } = entry.reference;
    const { signal } = entry.abort;
    const objects = this.options.client.kind(KINDS[kind]);
    for await (const { type, object } of objects.watch({ namespace, fieldSelector: `metadata.name=${name}` }, signal)) {
      alive();
      if (type === 'DELETED') entry.version = undefined;
      if (type !== 'ADDED' && type !== 'MODIFIED') continue;
      const { resourceVersion } = object.metadata;
      if (entry.version === resourceVersion) continue;
      entry.version = resourceVersion;
      for (const follower of entry.followers) follower();
      if (object.immutable === true) return true;
    }
    return false;
  }
}

/** Objects that may say that they never change. */
type Followed = KubeObject & { readonly immutable?: boolean | undefined };

const KINDS = { ConfigMap, Secret, PersistentVolumeClaim } as unknown as Readonly<Record<Reference['kind'], KindDefinition<Followed>>>;

const keyOf = ({ kind, namespace, name }: Reference): string => `${kind}/${namespace}/${name}`;
