import { type JsonSchemaProps, objectOf } from './types.js';

/** What an item of a list was before: items of lists with keys (`x-kubernetes-list-type: map`) are the same when their keys are; those of other lists cannot be told apart. */
export function correlate(schema: JsonSchemaProps, old: unknown): (item: unknown, index: number) => unknown {
  if (!Array.isArray(old) || schema['x-kubernetes-list-type'] !== 'map') return () => undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string => JSON.stringify(keys.map((key) => objectOf(item)?.[key] ?? null));
  const before = new Map(old.map((item: unknown) => [keyOf(item), item]));
  return (item) => before.get(keyOf(item));
}
