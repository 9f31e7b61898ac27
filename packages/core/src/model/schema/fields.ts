import { z } from 'zod';
import { canonicalQuantity, QUANTITY_SYNTAX_MESSAGE } from '../quantity.js';
import { canonicalMicroTime, canonicalTime } from '../timestamp.js';

// The vocabulary in which kinds are written: Go's types as zod schemas, with what zod cannot say (pointers, merge keys) kept in a registry.

/** A schema that yields `T` from unknown input. */
export type Schema<T> = z.ZodType<T>;

/** How patches merge a list, map or struct (the `x-kubernetes-*` keys of Kubernetes' OpenAPI). */
export interface MergeInfo {
  /** Strategic merge: merge lists by `key`, drop members of a union that the patch does not name, or both. Absent: replace. */
  readonly strategy?: 'merge' | 'retainKeys' | 'merge,retainKeys';
  /** The field that identifies an item in a strategic merge patch. Absent for lists of plain values. */
  readonly key?: string;
  /** Server-side apply: absent means atomic. */
  readonly listType?: 'map' | 'set';
  /** Server-side apply: the fields that identify an item; absent means just `key`. */
  readonly listKeys?: readonly string[];
  readonly mapType?: 'atomic';
}

/** Scalars that are more than their JSON type. */
export type ScalarFormat = 'quantity' | 'int-or-string' | 'date-time' | 'micro-time' | 'byte';

/** What Go's types know of a field beyond its JSON type. */
export interface FieldFacts {
  /** On objects: optional fields vanish when they hold their zero value (`omitempty`). Not so in users' own schemas. */
  readonly omitsZero?: true;
  /** The zero value is kept although the object omits others: a pointer in Go. */
  readonly pointer?: true;
  /** Go's types have the struct itself here, so that Kubernetes always writes it, if only as `{}`: its writers manage it. */
  readonly always?: true;
  readonly merge?: MergeInfo;
  readonly format?: ScalarFormat;
  /** What it is, for people (`kubectl explain`). */
  readonly description?: string;
}

/** Facts by schema node. A private registry, so that users' own `.meta()` is never in the way. */
export const fieldFacts = z.registry<FieldFacts>();

/** Any text. */
export const text = z.string();
/** A boolean. */
export const flag = z.boolean();
/** A 32 bit integer. */
export const int32 = z.int32();
/** A whole number; those beyond 2^53 cannot be represented and are refused. */
export const int64 = z.int();
/** Anything at all, kept as it is. */
export const anyValue = z.unknown();
/** Any JSON object, kept as it is. */
export const anyObject = z.record(z.string(), z.unknown());

/** An amount such as `500m` or `1Gi`; numbers are accepted; yields Kubernetes' canonical text. */
export const quantity = canonical(z.union([z.string(), z.number()]), 'quantity', (input) => canonicalQuantity(String(input).trim()), QUANTITY_SYNTAX_MESSAGE);
/** An RFC 3339 time, yields seconds precision in UTC (metav1.Time). */
export const timestamp = canonical(z.string(), 'date-time', canonicalTime, 'must be an RFC 3339 time');
/** An RFC 3339 time, yields microseconds precision in UTC (metav1.MicroTime). */
export const microTime = canonical(z.string(), 'micro-time', canonicalMicroTime, 'must be an RFC 3339 time');
/** Bytes as padded base64, yields them without line breaks. */
export const bytes = canonical(z.string(), 'byte', canonicalBase64, 'must be base64');
/** A whole number, or a text such as `25%` or the name of a port. */
export const intOrString = z.union([z.int32(), z.string()]).register(fieldFacts, { format: 'int-or-string' });

/** Texts by key. */
export const textMap = z.record(z.string(), text);
/** Quantities by resource name (ResourceList). */
export const quantityMap = z.record(z.string(), quantity);
/** Base64 texts by key. */
export const bytesMap = z.record(z.string(), bytes);

/** A JSON object with these fields; others are dropped, and reported under strict field validation. */
export function struct<const S extends z.core.$ZodLooseShape>(fields: S): z.ZodObject<S> {
  return z.object(fields).register(fieldFacts, { omitsZero: true }) as unknown as z.ZodObject<S>;
}

/** A struct that server-side apply owns as a whole. */
export function atomicStruct<const S extends z.core.$ZodLooseShape>(fields: S): z.ZodObject<S> {
  return z.object(fields).register(fieldFacts, { omitsZero: true, merge: { mapType: 'atomic' } }) as unknown as z.ZodObject<S>;
}

/** A struct of which people are told what it is. */
export function described<S extends z.ZodType>(schema: S, description: string): S {
  fieldFacts.add(schema, { ...fieldFacts.get(schema), description });
  return schema;
}

/** An optional struct that Go's types hold without a pointer (see {@link FieldFacts.always}). */
export function heldStruct<T>(schema: Schema<T>, merge?: MergeInfo): z.ZodOptional<Schema<T>> {
  return schema.optional().register(fieldFacts, { always: true, ...(merge && { merge }) });
}

/** Values of one type by key. */
export function mapOf<T>(schema: Schema<T>): z.ZodRecord<z.ZodString, Schema<T>> {
  return z.record(z.string(), schema);
}

/** A list; without `merge` it is atomic. */
export function list<T>(schema: Schema<T>, merge?: MergeInfo): z.ZodArray<Schema<T>> {
  const array = z.array(schema);
  return merge === undefined ? array : array.register(fieldFacts, { merge });
}

/** A list that is always written, if empty as `[]`. */
export function requiredList<T>(schema: Schema<T>, merge?: MergeInfo): z.ZodDefault<z.ZodArray<Schema<T>>> {
  return list(schema, merge).default([]);
}

/** A struct that is always present. */
export function requiredStruct<T>(schema: Schema<T>): z.ZodPrefault<Schema<T>> {
  return schema.prefault({});
}

/** An optional field whose zero value differs from its absence. */
export function pointer<T>(schema: Schema<T>): z.ZodOptional<Schema<T>> {
  return schema.optional().register(fieldFacts, { pointer: true });
}

/** An optional field that merges in a way of its own. */
export function withMerge<T>(schema: Schema<T>, merge: MergeInfo): z.ZodOptional<Schema<T>> {
  return schema.optional().register(fieldFacts, { merge });
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Base64 in its one canonical spelling, line breaks removed; undefined when the text is none (encoding/base64.StdEncoding). */
export function canonicalBase64(input: string): string | undefined {
  const joined = /[\r\n]/.test(input) ? input.replaceAll(/[\r\n]/g, '') : input;
  if (joined.length % 4 !== 0 || !BASE64.test(joined)) return undefined;
  return joined;
}

function canonical<T>(input: z.ZodType<T>, format: ScalarFormat, convert: (value: T) => string | undefined, message: string): Schema<string> {
  const schema = input.transform((value, context): string => {
    const converted = convert(value);
    if (converted !== undefined) return converted;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
  fieldFacts.add(schema, { format });
  return schema;
}
