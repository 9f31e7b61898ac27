import { Duration } from '@orrery/cel';
import { type Json, type JsonSchemaProps, memberOf, objectOf, propertyOf } from '../schema/types.js';

// Values of JSON as rules see them, by their schema: whole numbers are ints, texts of some formats are times, names that are no words of CEL are written in another way.

const RESERVED: ReadonlySet<string> = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return',
]);

/** How the name of a property is written in rules (cel.Escape of Kubernetes): `a-b` as `a__dash__b`; undefined when it cannot be. */
export function escapedName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');
}

/** A value as rules see it. */
export function celValue(schema: JsonSchemaProps | undefined, value: unknown, isRoot = false): unknown {
  if (typeof value === 'number') return schema?.type === 'number' || !Number.isSafeInteger(value) ? value : BigInt(value);
  if (typeof value === 'string') return textValue(schema?.format, value);
  if (Array.isArray(value)) return value.map((item) => celValue(schema?.items, item));
  const object = objectOf(value);
  return object === undefined ? value : objectValue(schema, object, isRoot || schema?.['x-kubernetes-embedded-resource'] === true);
}

function objectValue(schema: JsonSchemaProps | undefined, object: Json, isResource: boolean): Json {
  const seen: Json = {};
  for (const [key, member] of Object.entries(object)) {
    if (isResource && key === 'metadata') {
      const { name, generateName } = objectOf(member) ?? {};
      seen['metadata'] = { ...(name !== undefined && { name }), ...(generateName !== undefined && { generateName }) };
      continue;
    }
    // The keys of maps are data.
    const name = propertyOf(schema, key) === undefined ? key : escapedName(key);
    if (name !== undefined) seen[name] = celValue(memberOf(schema, key), member);
  }
  return seen;
}

function textValue(format: string | undefined, text: string): unknown {
  if (format === 'date-time' || format === 'datetime' || format === 'date') {
    const millis = Date.parse(text);
    return Number.isNaN(millis) ? text : new Date(millis);
  }
  if (format === 'duration') return durationOf(text) ?? text;
  return format === 'byte' ? new Uint8Array(Buffer.from(text, 'base64')) : text;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function durationOf(text: string): Duration | undefined {
  if (!/^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let nanos = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) nanos += Number(amount) * (UNITS[unit as string] as number);
  const sign = text.startsWith('-') ? -1 : 1;
  return new Duration(BigInt(sign * Math.floor(nanos / 1e9)), sign * Math.round(nanos % 1e9));
}
