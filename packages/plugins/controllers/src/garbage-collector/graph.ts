import { type ControllerSetup, type Informer, type KindDefinition, type KubeObject, keyOf, type ObjectKey, type OwnerReference, splitKey } from '@orrery/core';

/** Objects by the uids of their owners. */
const OWNER_INDEX = 'garbage-collector.owner';
const indexes = { [OWNER_INDEX]: ({ metadata }: KubeObject): readonly string[] => (metadata.ownerReferences ?? []).map(({ uid }) => uid) };

/** Finalizers that the server sets and the collector works off. */
export const FOREGROUND = 'foregroundDeletion';
/** The other one: dependents lose their owner and stay. */
export const ORPHAN = 'orphan';

/** Being deleted, but only after its dependents. */
export const awaitsDependents = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND);

/** Being deleted, and its dependents are to be let go. */
export const awaitsOrphaning = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(ORPHAN);

/** An object with its kind. */
export interface Item {
  readonly kind: KindDefinition;
  readonly object: KubeObject;
}

/** What is known of an owner: it is there, it is not, or its kind is none the collector follows. */
export type Owner = Item | 'absent' | 'unknown kind';

/**
 * Who owns whom, over all kinds: nothing is kept but the indexes of the shared caches, so the graph is never out of step with them,
 * and costs what it answers.
 */
export class OwnerGraph {
  readonly #informers = new Map<string, { readonly kind: KindDefinition; readonly informer: Informer<KubeObject> }>();

  constructor(
    private readonly setup: Pick<ControllerSetup, 'informer'>,
    kinds: Iterable<KindDefinition>,
  ) {
    for (const kind of kinds) this.follow(kind);
  }

  /** Has one more kind in it. What its cache does not show yet is asked of the server before it counts as gone. */
  follow(kind: KindDefinition): void {
    this.#informers.set(idOf(kind.group, kind.kind), { kind, informer: this.setup.informer(kind, { indexes }) });
  }

  /** The informer options under which the graph follows a kind. */
  static readonly informer = { indexes } as const;

  /** The queue key of an object. */
  keyFor({ kind, object }: Item): ObjectKey {
    return `${idOf(kind.group, kind.kind)}:${keyOf(object)}`;
  }

  /** The object of a queue key as the caches show it now. */
  find(key: ObjectKey): Item | undefined {
    const colon = key.indexOf(':');
    const entry = this.#informers.get(key.slice(0, colon));
    const object = entry?.informer.lister.get(key.slice(colon + 1));
    return entry === undefined || object === undefined ? undefined : { kind: entry.kind, object };
  }

  /** What owns an object in its namespace. A namespaced owner of a cluster-scoped object cannot be told: `unknown kind`. */
  owner(reference: OwnerReference, of: KubeObject): Owner {
    const slash = reference.apiVersion.indexOf('/');
    const entry = this.#informers.get(idOf(slash < 0 ? '' : reference.apiVersion.slice(0, slash), reference.kind));
    const namespace = of.metadata.namespace ?? '';
    if (entry === undefined || (entry.kind.namespaced && namespace === '')) return 'unknown kind';
    const object = entry.informer.lister.get(entry.kind.namespaced ? `${namespace}/${reference.name}` : reference.name);
    return object?.metadata.uid === reference.uid ? { kind: entry.kind, object } : 'absent';
  }

  /** Where an owner would be: for asking the server. */
  place(reference: OwnerReference, of: KubeObject): { readonly kind: KindDefinition; readonly namespace?: string; readonly name: string } | undefined {
    const slash = reference.apiVersion.indexOf('/');
    const kind = this.#informers.get(idOf(slash < 0 ? '' : reference.apiVersion.slice(0, slash), reference.kind))?.kind;
    if (kind === undefined) return undefined;
    return kind.namespaced ? { kind, namespace: of.metadata.namespace ?? '', name: reference.name } : { kind, name: reference.name };
  }

  /** The objects owned by a uid. */
  dependents(uid: string): readonly Item[] {
    const found: Item[] = [];
    for (const { kind, informer } of this.#informers.values()) for (const object of informer.lister.byIndex(OWNER_INDEX, uid)) found.push({ kind, object });
    return found;
  }

  /** Whether anything is owned by a uid. */
  hasDependents(uid: string): boolean {
    return this.dependents(uid).length > 0;
  }
}

const idOf = (group: string, kind: string): string => `${group}/${kind}`;

/** How a client names an item. */
export function refOf({ object }: Item): { readonly namespace?: string; readonly name: string } {
  return splitKey(keyOf(object));
}
