import { ApplyTypeError } from './type-error.js';
import type { MergeNode } from '../merge-keys.js';

// Steps of a path as managedFields write them (structured-merge-diff fieldpath.PathElement): `f:name`, `k:{"name":"c"}`, `v:"x"`.

/** One step of a path, in the form of managedFields. */
export type PathElement = string;

/** Steps to a field of an object or a key of a map. */
export const fieldElement = (name: string): PathElement => `f:${name}`;

/** The keys by which items of an associative list are told apart; undefined for lists that are sets or atomic. */
export const listKeysOf = ({ merge }: MergeNode): readonly string[] | undefined => (merge.listType === 'map' ? (merge.listKeys ?? [merge.key ?? 'name']) : undefined);

/** Defaults of keys that may be left out (x-kubernetes-list-map-keys with a default: the protocol of ports). */
const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

/** The step to an item of a list that is a map or a set. Throws {@link ApplyTypeError} for an item that cannot be told apart. */
export function itemElement(list: MergeNode, item: unknown, at: string): PathElement {
  const keys = listKeysOf(list);
  if (keys === undefined) {
    if (item === null || typeof item === 'object') throw new ApplyTypeError(at, 'a list that is a set has an item that is not a plain value');
    return `v:${JSON.stringify(item)}`;
  }
  if (item === null || typeof item !== 'object' || Array.isArray(item)) throw new ApplyTypeError(at, 'a list with keys has an item that is not an object');
  const values: Record<string, unknown> = {};
  for (const key of [...keys].sort()) {
    const value = Object.hasOwn(item, key) ? (item as Record<string, unknown>)[key] : undefined;
    values[key] = value ?? KEY_DEFAULTS[key];
    if (values[key] === undefined) throw new ApplyTypeError(at, `a list with keys has an item that omits the key ${JSON.stringify(key)}`);
  }
  return `k:${JSON.stringify(values)}`;
}

/** A path for people: `.spec.containers[name="c"].image`. */
export function pathText(path: readonly PathElement[]): string {
  return path
    .map((element) => {
      const value = element.slice(2);
      if (element.startsWith('f:')) return `.${value}`;
      if (element.startsWith('v:')) return `[=${value}]`;
      if (element.startsWith('i:')) return `[${value}]`;
      const keys = JSON.parse(value) as Record<string, unknown>;
      return `[${Object.entries(keys).map(([key, of]) => `${key}=${JSON.stringify(of)}`).join(',')}]`;
    })
    .join('');
}
