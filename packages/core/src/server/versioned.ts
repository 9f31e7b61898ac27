import type { StoredValue } from '../contracts/store.js';
import { OrreryError } from '../kernel/errors.js';
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
  if (rules.read === undefined && rules.conversion === undefined) return versioned(value, revision);
  const objects = madeBy.get(kind) ?? new WeakMap<StoredValue, KubeObject>();
  madeBy.set(kind, objects);
  const known = objects.get(value);
  if (known?.metadata.resourceVersion === String(revision)) return known;
  const source = rules.conversion === undefined ? (value as unknown as KubeObject) : convertedOf(kind, value);
  const object = versioned(deepFreeze(rules.read?.(source) ?? source) as unknown as StoredValue, revision);
  objects.set(value, object);
  return object;
}

/** What stored values are in kinds that have to ask somebody, as far as they were asked. */
const converted = new WeakMap<object, WeakMap<StoredValue, KubeObject>>();

/** Finds out what stored values are in a kind, so that {@link seenAs} knows it. Throws when that cannot be told. Without effect for kinds that ask nobody. */
export async function prepareToSee(kind: KindDefinition, values: Iterable<StoredValue>): Promise<void> {
  const { conversion } = kind.rules;
  if (conversion === undefined) return;
  const known = converted.get(kind) ?? new WeakMap<StoredValue, KubeObject>();
  converted.set(kind, known);
  const missing = [...new Set(values)].filter((value) => !known.has(value));
  if (missing.length === 0) return;
  const objects = await conversion.read(missing as unknown as readonly KubeObject[]);
  missing.forEach((value, i) => known.set(value, objects[i] as KubeObject));
}

function convertedOf(kind: KindDefinition, value: StoredValue): KubeObject {
  const found = converted.get(kind)?.get(value);
  if (found === undefined) throw new OrreryError('INVALID', `It was not found out what a stored ${kind.kind} is in ${kind.apiVersion}.`);
  return found;
}

/** What is kept of an object, and what its writer is answered: the same but for kinds that are stored in another version. Both are frozen. */
export async function formsOf(kind: KindDefinition, object: KubeObject): Promise<{ readonly kept: StoredValue; readonly told: StoredValue }> {
  const told = deepFreeze(stored(object));
  const { conversion } = kind.rules;
  return { told, kept: conversion === undefined ? told : deepFreeze(stored(await conversion.write(told as unknown as KubeObject))) };
}

/** The value to store for an object: without its resourceVersion. */
export function stored(object: KubeObject): StoredValue {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as StoredValue;
}

/** What a deleted object last was, at the revision of its deletion. */
export const lastState = <T extends KubeObject>(object: T, revision: number): T =>
  Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion: String(revision) }) });
