import type { Admission } from '../contracts/admission.js';
import type { Store, StoreEntry } from '../contracts/store.js';
import type { Clock, Random } from '../kernel/clock.js';
import type { Logger } from '../kernel/logger.js';
import type { LiveList } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import type { Claims } from './claims.js';
import { storageKey } from './keys.js';
import type { Recovery } from './recovery.js';
import { prepareToSee, seenAs } from './versioned.js';
import type { WatchCache } from './watch-cache.js';

/** What all verbs share. */
export interface ServerContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly admissions: Pick<LiveList<Admission>, 'items'>;
  readonly claims: Claims;
  readonly recovery: Recovery;
  /** What a namespace is; undefined: there is none. */
  namespace(name: string): Promise<{ readonly terminating: boolean } | undefined>;
}

/** One kind as it is served. */
export interface Resource<T extends KubeObject = KubeObject> {
  readonly kind: KindDefinition<T>;
  readonly cache: WatchCache;
  readonly context: ServerContext;
}

/** An object as it is stored now, with the revision that a compare-and-set names. */
export interface Current {
  readonly object: KubeObject;
  readonly revision: number;
}

/** Linearizable read of one object. */
export async function readCurrent(resource: Resource, namespace: string | undefined, name: string): Promise<Current | undefined> {
  const entry = await resource.context.store.get(storageKey(resource.kind, namespace, name));
  if (entry === undefined) return undefined;
  await prepareToSee(resource.kind, [entry.value]);
  return fromEntry(resource.kind, entry);
}

/** The object of a store entry, as one of a kind: what that is has been found out. */
export const fromEntry = (kind: KindDefinition, entry: StoreEntry): Current => ({ object: seenAs(kind, entry.value, entry.modRevision), revision: entry.modRevision });
