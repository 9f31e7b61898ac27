import { ApiError } from '@orrery/core';

/** One field of a message as it is on the wire: a number, or bytes that the type of the field gives a meaning. */
export type WireValue = bigint | Uint8Array;

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];
/** Bytes of the longest varint. */
const LONGEST_VARINT = 10;

/**
 * Calls `field` for each field of a message, in the order of the wire. Fixed numbers of eight bytes come as bytes. Throws BadRequest for what is cut off, or no protobuf.
 * See https://protobuf.dev/programming-guides/encoding.
 */
export function readFields(bytes: Uint8Array, field: (number: number, value: WireValue) => void): void {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < LONGEST_VARINT; i += 1) {
      const byte = bytes[at];
      if (byte === undefined) throw malformed('a number is cut off');
      at += 1;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a number is too long');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw malformed('a field is cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (number < 1 || number > 536_870_911) throw malformed('a field has no number');
    if (wire === VARINT) field(number, varint());
    else if (wire === BYTES) field(number, take(Number(varint())));
    else if (wire === FIXED64) field(number, take(8));
    else if (wire === FIXED32) field(number, take(4));
    else throw malformed('a field has a wire type that there is not');
  }
}

/** The varints that a packed list holds. Throws BadRequest. */
export function readPacked(bytes: Uint8Array): bigint[] {
  const values: bigint[] = [];
  let [value, shift] = [0n, 0n];
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (shift > 70n) throw malformed('a number is too long');
    if (byte >= 0x80) continue;
    values.push(BigInt.asUintN(64, value));
    [value, shift] = [0n, 0n];
  }
  if (shift !== 0n) throw malformed('a number is cut off');
  return values;
}

/** A body that is no protobuf of the kind it says. */
export const malformed = (what: string): ApiError => ApiError.badRequest(`the body is not valid protobuf: ${what}`);
