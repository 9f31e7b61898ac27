import type { z } from 'zod';
import { canonicalQuantity, QUANTITY_SYNTAX_MESSAGE } from '../quantity.js';
import { canonicalMicroTime, canonicalTime } from '../timestamp.js';
import { canonicalBase64, fieldFacts } from './fields.js';
import type { FieldFacts, ScalarFormat } from './fields.js';
import { formatPath, refuseDangerousKey, copyAny } from './safe-copy.js';
import { MISMATCH } from './mismatch.js';

// Compiles a schema into closures that decode in one pass as Go does. zod itself would need one pass to strip nulls, one to parse,
// one to find what was dropped, and one to drop zero values; this is what makes a pod cost a few microseconds.

/** State of one decoding. */
export interface DecodeContext {
  /** Where we are; grows and shrinks on the way. */
  readonly path: (string | number)[];
  /** Paths of keys that the schema does not know. */
  readonly unknown: string[];
}

/** Decodes a value that is neither null nor absent. Throws `Mismatch`. */
export type Decode = (input: unknown, context: DecodeContext) => unknown;

interface Field {
  readonly decode: Decode;
  /** The zero value vanishes, as `omitempty` does. */
  readonly omitsZero: boolean;
}

const compiled = new WeakMap<z.core.$ZodType, Decode>();

/** The decoder of a schema; compiled once. */
export function decoderOf(schema: z.core.$ZodType): Decode {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  // A recursive schema finds this stand-in while it is being compiled; when it is called, the real one is there.
  compiled.set(schema, (input, context) => decoderOf(schema)(input, context));
  const decode = compile(schema);
  compiled.set(schema, decode);
  return decode;
}

type Definition = z.core.$ZodTypes['_zod']['def'];

function compile(schema: z.core.$ZodType): Decode {
  const format = factsOf(schema)?.format;
  if (format !== undefined) return SCALARS[format];
  const def = schema._zod.def as Definition;
  switch (def.type) {
    case 'string':
      return decodeText;
    case 'boolean':
      return decodeFlag;
    case 'number':
      return 'format' in def ? (def.format === 'int32' ? decodeInt32 : decodeInt) : decodeNumber;
    case 'unknown':
    case 'any':
      return (input, context) => copyAny(input, context.path);
    case 'enum':
    case 'literal':
      return decodeScalar;
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
      return decoderOf(def.innerType);
    case 'lazy':
      return (input, context) => decoderOf(def.getter())(input, context);
    case 'array':
      return compileList(decoderOf(def.element), zeroOf(def.element));
    case 'record':
      return compileMap(decoderOf(def.valueType), zeroOf(def.valueType));
    case 'object':
      return compileObject(def, factsOf(schema)?.omitsZero === true);
    default:
      // Unions, pipes and the like of users' own kinds: zod decides.
      return (input, context) => parseWithZod(schema, input, context);
  }
}

const SCALARS: Readonly<Record<ScalarFormat, Decode>> = {
  quantity: canonicalScalar((input) => (typeof input === 'number' ? canonicalQuantity(String(input)) : canonicalQuantity((input as string).trim())), QUANTITY_SYNTAX_MESSAGE, true),
  'int-or-string': (input, context) => (typeof input === 'string' ? input : decodeInt32(input, context)),
  'date-time': canonicalScalar((input) => canonicalTime(input as string), 'must be an RFC 3339 time'),
  'micro-time': canonicalScalar((input) => canonicalMicroTime(input as string), 'must be an RFC 3339 time'),
  byte: canonicalScalar((input) => canonicalBase64(input as string), 'illegal base64 data'),
};

function canonicalScalar(convert: (input: string | number) => string | undefined, message: string, numbers = false): Decode {
  return (input) => {
    if (typeof input !== 'string' && !(numbers && typeof input === 'number')) throw MISMATCH.type(input, 'string');
    const converted = convert(input);
    if (converted === undefined) throw MISMATCH.value(message);
    return converted;
  };
}

const decodeText: Decode = (input) => {
  if (typeof input !== 'string') throw MISMATCH.type(input, 'string');
  return input;
};
const decodeFlag: Decode = (input) => {
  if (typeof input !== 'boolean') throw MISMATCH.type(input, 'bool');
  return input;
};
const decodeInt32: Decode = (input) => {
  if (typeof input !== 'number' || (input | 0) !== input) throw MISMATCH.type(input, 'int32');
  return input;
};
const decodeInt: Decode = (input) => {
  if (!Number.isSafeInteger(input)) throw MISMATCH.type(input, 'int64');
  return input;
};
const decodeNumber: Decode = (input) => {
  if (typeof input !== 'number') throw MISMATCH.type(input, 'float64');
  return input;
};
const decodeScalar: Decode = (input) => {
  if (typeof input === 'object') throw MISMATCH.type(input, 'string');
  return input;
};

function compileList(item: Decode, zero: Decode): Decode {
  return (input, context) => {
    if (!Array.isArray(input)) throw MISMATCH.type(input, 'list');
    const output: unknown[] = new Array(input.length);
    const { path } = context;
    const depth = path.length;
    path.push(0);
    for (let i = 0; i < input.length; i++) {
      path[depth] = i;
      const value: unknown = input[i];
      output[i] = value === null || value === undefined ? zero(value, context) : item(value, context);
    }
    path.length = depth;
    return output;
  };
}

function compileMap(value: Decode, zero: Decode): Decode {
  return (input, context) => {
    const source = asRecord(input, 'map');
    const output: Record<string, unknown> = {};
    const { path } = context;
    const depth = path.length;
    for (const key in source) {
      refuseDangerousKey(key, path);
      const item = source[key];
      if (item === undefined) continue;
      path.push(key);
      output[key] = item === null ? zero(item, context) : value(item, context);
      path.length = depth;
    }
    return output;
  };
}

function compileObject(def: z.core.$ZodObjectDef, dropsZero: boolean): Decode {
  const fields = new Map<string, Field>();
  const defaults: { readonly key: string; readonly make: (context: DecodeContext) => unknown }[] = [];
  for (const [key, schema] of Object.entries(def.shape)) {
    fields.set(key, { decode: decoderOf(schema), omitsZero: dropsZero && schema._zod.def.type === 'optional' && factsOf(schema)?.pointer !== true });
    const make = defaultOf(schema);
    if (make !== undefined) defaults.push({ key, make });
  }
  const keepsUnknown = def.catchall !== undefined && def.catchall._zod.def.type !== 'never';
  return (input, context) => {
    const source = asRecord(input, 'object');
    const output: Record<string, unknown> = {};
    const { path } = context;
    const depth = path.length;
    for (const key in source) {
      const value = source[key];
      const field = fields.get(key);
      if (field === undefined) {
        refuseDangerousKey(key, path);
        path.push(key);
        const copy = copyAny(value, path);
        if (keepsUnknown) output[key] = copy;
        else context.unknown.push(formatPath(path));
        path.length = depth;
        continue;
      }
      if (value === null || value === undefined) continue;
      path.push(key);
      const decoded = field.decode(value, context);
      path.length = depth;
      if (field.omitsZero && isZero(decoded)) continue;
      output[key] = decoded;
    }
    for (const { key, make } of defaults) if (output[key] === undefined) output[key] = make(context);
    return output;
  };
}

function asRecord(input: unknown, wanted: string): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw MISMATCH.type(input, wanted);
  return input as Record<string, unknown>;
}

function isZero(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

const factsOf = (schema: z.core.$ZodType): FieldFacts | undefined => fieldFacts.get(schema as z.ZodType);

/** What `null` means as an item of a list or a value of a map: Go's zero value. */
function zeroOf(schema: z.core.$ZodType): Decode {
  switch (schema._zod.def.type) {
    case 'string':
      return () => '';
    case 'number':
      return () => 0;
    case 'boolean':
      return () => false;
    case 'object':
      return (_, context) => decoderOf(schema)({}, context);
    default:
      return (input) => {
        throw MISMATCH.type(input, 'value');
      };
  }
}

function defaultOf(schema: z.core.$ZodType): ((context: DecodeContext) => unknown) | undefined {
  const def = schema._zod.def as Definition;
  if (def.type === 'default') return () => structuredClone(def.defaultValue);
  if (def.type === 'prefault') {
    const decode = decoderOf(def.innerType);
    return (context) => decode(def.defaultValue, context);
  }
  return undefined;
}

function parseWithZod(schema: z.core.$ZodType, input: unknown, context: DecodeContext): unknown {
  const result = (schema as z.ZodType).safeParse(copyAny(input, context.path));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  context.path.push(...(issue?.path ?? []).map((key) => (typeof key === 'symbol' ? String(key) : key)));
  throw MISMATCH.value(issue?.message ?? 'does not fit');
}
