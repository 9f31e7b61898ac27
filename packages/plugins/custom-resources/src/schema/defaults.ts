import { cloneJson } from '@orrery/core';
import { type JsonSchemaProps, memberOf, objectOf } from './types.js';

/** Fills in what is left out and has a default, and takes it also for null where that may not be; changes the value. Idempotent. */
export function applySchemaDefaults(schema: JsonSchemaProps, value: unknown): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    value.forEach((item: unknown, i) => {
      if (item === null && hasDefault(items)) value[i] = cloneJson(items.default);
      applySchemaDefaults(items, value[i]);
    });
    return;
  }
  const object = objectOf(value);
  if (object === undefined) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (object[key] === undefined && property.default !== undefined) object[key] = cloneJson(property.default);
  }
  for (const [key, member] of Object.entries(object)) {
    const of = memberOf(schema, key);
    if (of === undefined) continue;
    if (member === null && hasDefault(of)) object[key] = cloneJson(of.default);
    applySchemaDefaults(of, object[key]);
  }
}

/** Whether null stands for the default. */
const hasDefault = (schema: JsonSchemaProps): boolean => schema.default !== undefined && schema.nullable !== true;
