import type { StoredValue } from '../contracts/store.js';
import type { KubeObject } from '../model/object.js';

/** Objects by the stored value they were made from: with a store that shares memory, every reader gets the same object. */
const made = new WeakMap<StoredValue, KubeObject>();

/**
 * The object as clients see it: the stored value plus `metadata.resourceVersion`, which is not stored because it is born with the write.
 * Frozen; shared among all readers of one version.
 */
export function versioned<T extends KubeObject = KubeObject>(value: StoredValue, revision: number): T {
  const version = String(revision);
  const known = made.get(value);
  if (known?.metadata.resourceVersion === version) return known as T;
  const source = value as unknown as KubeObject;
  const object = Object.freeze({ ...source, metadata: Object.freeze({ ...source.metadata, resourceVersion: version }) });
  made.set(value, object);
  return object as T;
}

/** The value to store for an object: without its resourceVersion. */
export function stored(object: KubeObject): StoredValue {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as StoredValue;
}

/** What a deleted object last was, at the revision of its deletion. */
export const lastState = <T extends KubeObject>(object: T, revision: number): T =>
  Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion: String(revision) }) });
