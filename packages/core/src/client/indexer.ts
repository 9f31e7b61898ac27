import type { Lister } from '../contracts/client.js';
import type { KubeObject, ObjectKey } from '../model/object.js';

const NONE: readonly never[] = Object.freeze([]);

/** The objects of an informer, filed by key, by namespace and by the informer's indexes. Read as a {@link Lister}. */
export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #byNamespace = new Map<string, Map<ObjectKey, T>>();
  readonly #indexes = new Map<string, { of(object: T): readonly string[]; readonly filed: Map<string, Map<ObjectKey, T>> }>();

  constructor(indexes: Readonly<Record<string, (object: T) => readonly string[]>> = {}) {
    for (const [name, of] of Object.entries(indexes)) this.addIndex(name, of);
  }

  /** Adds an index and files what is there. The same name with the same function is no change; with another function it is an error. */
  addIndex(name: string, of: (object: T) => readonly string[]): void {
    const known = this.#indexes.get(name);
    if (known?.of === of) return;
    if (known !== undefined) throw new RangeError(`The informer has an index "${name}" already, with another function: choose another name.`);
    const filed = new Map<string, Map<ObjectKey, T>>();
    this.#indexes.set(name, { of, filed });
    for (const [key, object] of this.#objects) for (const value of of(object)) file(filed, value, key, object);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    if (namespace === undefined) return [...this.#objects.values()];
    const filed = this.#byNamespace.get(namespace);
    return filed === undefined ? NONE : [...filed.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new RangeError(`The informer has no index "${index}".`);
    const filed = found.filed.get(value);
    return filed === undefined ? NONE : [...filed.values()];
  }

  keys(): Iterable<ObjectKey> {
    return this.#objects.keys();
  }

  /** Files an object and returns what it replaces. */
  set(key: ObjectKey, object: T): T | undefined {
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    file(this.#byNamespace, object.metadata.namespace ?? '', key, object);
    for (const { of, filed } of this.#indexes.values()) {
      const values = of(object);
      if (old !== undefined) for (const value of of(old)) if (!values.includes(value)) unfile(filed, value, key);
      for (const value of values) file(filed, value, key, object);
    }
    return old;
  }

  /** Removes an object and returns it. */
  delete(key: ObjectKey): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    unfile(this.#byNamespace, old.metadata.namespace ?? '', key);
    for (const { of, filed } of this.#indexes.values()) for (const value of of(old)) unfile(filed, value, key);
    return old;
  }
}

function file<T>(index: Map<string, Map<ObjectKey, T>>, value: string, key: ObjectKey, object: T): void {
  const filed = index.get(value);
  if (filed === undefined) index.set(value, new Map([[key, object]]));
  else filed.set(key, object);
}

function unfile<T>(index: Map<string, Map<ObjectKey, T>>, value: string, key: ObjectKey): void {
  const filed = index.get(value);
  filed?.delete(key);
  if (filed?.size === 0) index.delete(value);
}
