import { timeOfMillis } from '@orrery/core';
import { jsonOf, utf8 } from '../json-text.js';
import { malformed, readFields, type WireValue } from './wire.js';

/** Reads one value; undefined stands for none, as the empty time does. */
export type ScalarReader = (value: WireValue, maxDepth: number) => unknown;

/** Types that are not written as a message is: what a value of each is in JSON. */
export const SCALARS: ReadonlyMap<string, ScalarReader> = new Map<string, ScalarReader>([
  ['string', (value) => utf8(bytesOf(value))],
  ['int', (value) => integerOf(value)],
  ['bool', (value) => integerOf(value) !== 0],
  ['double', (value) => doubleOf(bytesOf(value))],
  ['bytes', (value) => Buffer.from(bytesOf(value)).toString('base64')],
  ['json', jsonIn],
  ['strings', (value) => stringsIn(value)],
  ['Empty', () => ({})],
  ['Quantity', (value) => stringIn(value) ?? '0'],
  ['IntOrString', intOrString],
  ['Time', (value) => timeIn(value, 0)],
  ['MicroTime', (value) => timeIn(value, 6)],
]);

/** The values of a field that is repeated numbers, which may be packed into one. */
export const isNumber = (type: string): boolean => type === 'int' || type === 'bool';

export const bytesOf = (value: WireValue): Uint8Array => (typeof value === 'bigint' ? refuse('a number where there must be bytes') : value);

function integerOf(value: WireValue): number {
  if (typeof value !== 'bigint') return refuse('bytes where there must be a number');
  const integer = Number(BigInt.asIntN(64, value));
  return Number.isSafeInteger(integer) ? integer : refuse('a number is beyond what JSON can say');
}

function doubleOf(bytes: Uint8Array): number {
  if (bytes.length !== 8) return refuse('a fraction has not eight bytes');
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  return Number.isFinite(value) ? value : refuse('a fraction is not finite');
}

/** RawExtension, FieldsV1 and JSON: text in a message of one field. */
function jsonIn(value: WireValue, maxDepth: number): unknown {
  let raw: Uint8Array = new Uint8Array();
  readFields(bytesOf(value), (number, inner) => {
    if (number === 1) raw = bytesOf(inner);
  });
  return raw.length === 0 ? undefined : jsonOf(raw, maxDepth);
}

function stringIn(value: WireValue): string | undefined {
  return stringsIn(value)[0];
}

function stringsIn(value: WireValue): string[] {
  const texts: string[] = [];
  readFields(bytesOf(value), (number, inner) => {
    if (number === 1) texts.push(utf8(bytesOf(inner)));
  });
  return texts;
}

function intOrString(value: WireValue): number | string | undefined {
  let [isText, integer, text]: [boolean, number, string] = [false, 0, ''];
  readFields(bytesOf(value), (number, inner) => {
    if (number === 1) isText = integerOf(inner) === 1;
    else if (number === 2) integer = integerOf(inner);
    else if (number === 3) text = utf8(bytesOf(inner));
  });
  return isText ? text : integer;
}

/** RFC 3339 with so many digits of the second; none for the empty time. */
function timeIn(value: WireValue, digits: number): string | undefined {
  let [seconds, nanos] = [0, 0];
  readFields(bytesOf(value), (number, inner) => {
    if (number === 1) seconds = integerOf(inner);
    else if (number === 2) nanos = integerOf(inner);
  });
  if (seconds === 0 && nanos === 0) return undefined;
  if (Math.abs(seconds) > 253_402_300_799 || nanos < 0 || nanos > 999_999_999) return refuse('a time is beyond what can be written');
  const text = timeOfMillis(seconds * 1000);
  return digits === 0 ? text : `${text.slice(0, -1)}.${String(nanos).padStart(9, '0').slice(0, digits)}Z`;
}

function refuse(what: string): never {
  throw malformed(what);
}
