import { type Json, type JsonSchemaProps, memberOf, objectOf, propertyOf } from './types.js';

/** What every object has, whatever its schema says. */
const OF_RESOURCES: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * Drops the fields of a value that its schema does not know (structural pruning), and answers their paths. What `x-kubernetes-preserve-unknown-fields` keeps is kept; the value is changed.
 * `isResource`: it is a whole object, or is embedded as one.
 */
export function pruneUnknown(schema: JsonSchemaProps, value: unknown, isResource: boolean): string[] {
  const unknown: string[] = [];
  prune(schema, value, '', isResource, unknown);
  return unknown;
}

function prune(schema: JsonSchemaProps | undefined, value: unknown, path: string, isResource: boolean, unknown: string[]): void {
  if (Array.isArray(value)) {
    if (schema?.items === undefined && schema?.['x-kubernetes-preserve-unknown-fields'] === true) return;
    value.forEach((item, i) => prune(schema?.items, item, `${path}[${i}]`, schema?.items?.['x-kubernetes-embedded-resource'] === true, unknown));
    return;
  }
  const object = objectOf(value);
  if (object !== undefined) pruneObject(schema, object, path, isResource, unknown);
}

function pruneObject(schema: JsonSchemaProps | undefined, object: Json, path: string, isResource: boolean, unknown: string[]): void {
  const keepsUnknown = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  for (const [key, member] of Object.entries(object)) {
    const at = path === '' ? key : `${path}.${key}`;
    const property = propertyOf(schema, key);
    // Metadata has its own rules; the schema may narrow it down, not widen it.
    if (isResource && OF_RESOURCES.has(key)) continue;
    if (property === undefined && schema?.additionalProperties === undefined) {
      if (keepsUnknown) continue;
      delete object[key];
      unknown.push(at);
      continue;
    }
    const next = memberOf(schema, key);
    if (next === undefined && keepsUnknown) continue;
    prune(next, member, at, next?.['x-kubernetes-embedded-resource'] === true, unknown);
  }
}
