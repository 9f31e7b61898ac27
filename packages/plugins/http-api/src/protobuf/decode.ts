import { ApiError } from '@orrery/core';
import { utf8 } from '../json-text.js';
import { type Field, type Message, messageName, messageOf } from './messages.js';
import { bytesOf, isNumber, type ScalarReader, SCALARS } from './scalars.js';
import { malformed, readFields, readPacked, type WireValue } from './wire.js';

/** What stands before each body: `k8s` and a zero. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

type Fields = Record<string, unknown>;

/** Schemas in CustomResourceDefinitions that are one thing or another: which field of the message holds what, first the ones that win. */
const UNIONS: ReadonlyMap<string, (read: (type: string, value: WireValue) => unknown, number: number, value: WireValue, before: unknown) => unknown> = new Map([
  ['apiextensions.JSONSchemaPropsOrArray', (read, number, value, before) => (number === 2 ? [...(Array.isArray(before) ? (before as unknown[]) : []), read('apiextensions.JSONSchemaProps', value)] : (before ?? read('apiextensions.JSONSchemaProps', value)))],
  ['apiextensions.JSONSchemaPropsOrBool', (read, number, value, before) => (number === 2 ? read('apiextensions.JSONSchemaProps', value) : (before ?? read('bool', value)))],
  ['apiextensions.JSONSchemaPropsOrStringArray', (read, number, value, before) => (number === 2 ? [...(Array.isArray(before) ? (before as unknown[]) : []), read('string', value)] : (before ?? read('apiextensions.JSONSchemaProps', value)))],
]);

/**
 * The object in a body of `application/vnd.kubernetes.protobuf`, as JSON would have it: zeros that Go's `omitempty` leaves out are left out. Fields that are not known are skipped, as
 * kube-apiserver does. Throws BadRequest for what is malformed, deeper than `maxDepth`, or of a kind without such a form.
 */
export function objectOfProtobuf(bytes: Uint8Array, maxDepth: number): unknown {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw malformed('it does not begin with the prefix of Kubernetes');
  let [apiVersion, kind, contentEncoding, raw]: [string, string, string, Uint8Array] = ['', '', '', new Uint8Array()];
  readFields(bytes.subarray(MAGIC.length), (number, value) => {
    if (number === 1) [apiVersion, kind] = typeOf(bytesOf(value));
    else if (number === 2) raw = bytesOf(value);
    else if (number === 3) contentEncoding = utf8(bytesOf(value));
  });
  if (contentEncoding !== '') throw malformed('it has an encoding that is not accepted');
  const name = messageName(apiVersion, kind);
  const message = name === undefined ? undefined : messageOf(name);
  if (name === undefined || message === undefined) throw ApiError.badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in protobuf; send it as JSON`);
  return { apiVersion, kind, ...readMessage(raw, message, maxDepth) };
}

function typeOf(bytes: Uint8Array): [apiVersion: string, kind: string] {
  const type: [string, string] = ['', ''];
  readFields(bytes, (number, value) => {
    if (number === 1 || number === 2) type[number - 1] = utf8(bytesOf(value));
  });
  return type;
}

function readMessage(bytes: Uint8Array, message: Message, depth: number): Fields {
  const into: Fields = {};
  readInto(into, bytes, message, depth);
  return into;
}

function readInto(into: Fields, bytes: Uint8Array, message: Message, depth: number): void {
  if (depth <= 0) throw ApiError.badRequest('the body is nested too deep');
  readFields(bytes, (number, value) => {
    const field = message.get(number);
    if (field !== undefined) readField(into, field, value, depth);
  });
}

function readField(into: Fields, { json, type, form, omitEmpty }: Field, value: WireValue, depth: number): void {
  if (form === 'inline') return readInto(into, bytesOf(value), requiredMessage(type), depth);
  if (form === 'list') {
    const list = (into[json] ??= []) as unknown[];
    if (isNumber(type) && typeof value !== 'bigint') for (const one of readPacked(value)) list.push(readValue(type, one, depth));
    else list.push(readValue(type, value, depth - 1));
    return;
  }
  if (form === 'map') return readEntry((into[json] ??= {}) as Fields, type, bytesOf(value), depth - 1);
  const read = readValue(type, value, depth - 1);
  if (read === undefined || (omitEmpty && (read === '' || read === 0 || read === false))) delete into[json];
  else into[json] = read;
}

function readEntry(into: Fields, type: string, bytes: Uint8Array, depth: number): void {
  let key = '';
  let value: WireValue | undefined;
  readFields(bytes, (number, inner) => {
    if (number === 1) key = utf8(bytesOf(inner));
    else if (number === 2) value = inner;
  });
  if (key === '__proto__') throw ApiError.badRequest('the body has a key that is not allowed: __proto__');
  into[key] = value === undefined ? (type === 'string' || type === 'bytes' ? '' : {}) : readValue(type, value, depth);
}

function readValue(type: string, value: WireValue, depth: number): unknown {
  const scalar: ScalarReader | undefined = SCALARS.get(type);
  if (scalar !== undefined) return scalar(value, depth);
  const union = UNIONS.get(type);
  if (union === undefined) return readMessage(bytesOf(value), requiredMessage(type), depth);
  let found: unknown;
  readFields(bytesOf(value), (number, inner) => {
    found = union((inType, of) => readValue(inType, of, depth - 1), number, inner, found);
  });
  return found;
}

function requiredMessage(name: string): Message {
  const message = messageOf(name);
  if (message === undefined) throw new Error(`there is no message ${name}`);
  return message;
}
