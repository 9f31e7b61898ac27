import type { StoredValue } from '../contracts/store.js';
import { deepFreeze } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
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

/** The same by kind, for kinds that read what is stored in their own way. */
const madeBy = new WeakMap<object, WeakMap<StoredValue, KubeObject>>();

/** The object as clients of a kind see what is stored: {@link versioned}, read by the kind's rules. */
export function seenAs(kind: KindDefinition, value: StoredValue, revision: number): KubeObject {
  const { rules } = kind;
  if (rules.read === undefined) return versioned(value, revision);
  const objects = madeBy.get(kind) ?? new WeakMap<StoredValue, KubeObject>();
  madeBy.set(kind, objects);
  const known = objects.get(value);
  if (known?.metadata.resourceVersion === String(revision)) return known;
  const object = versioned(deepFreeze(rules.read(value as unknown as KubeObject)) as unknown as StoredValue, revision);
  objects.set(value, object);
  return object;
}

/** The value to store for an object: without its resourceVersion. */
export function stored(object: KubeObject): StoredValue {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as StoredValue;
}

/** What a deleted object last was, at the revision of its deletion. */
export const lastState = <T extends KubeObject>(object: T, revision: number): T =>
  Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion: String(revision) }) });
