import { type Guard, OrreryError, type Write } from '@orrery/core';

/** A commit as the script is told it. */
export interface EncodedCommit {
  /** Guards, and writes with the places of their values from 1. */
  readonly json: string;
  /** The values' JSON. */
  readonly values: readonly string[];
  /** How many keys the script must look at. */
  readonly keys: number;
  readonly bytes: number;
  /** Only deletes: gets through when memory is short. */
  readonly frees: boolean;
}

/**
 * Encodes a commit that was checked. The text is put together by hand: this is done for every commit, and the objects for a serialiser would cost more than the rest.
 * Throws `INVALID` naming the key whose value has more than `maxValueBytes`.
 */
export function encodeCommit({ guards, writes }: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }, maxValueBytes: number): EncodedCommit {
  const values: string[] = [];
  let json = '{"guards":[';
  let separator = '';
  for (const guard of guards) {
    const what = 'key' in guard ? `"key":${JSON.stringify(guard.key)},"revision":${whole(guard.modRevision)}` : `"lease":${JSON.stringify(guard.lease)},"epoch":${whole(guard.epoch)}`;
    json += `${separator}{${what}}`;
    separator = ',';
  }
  json += '],"writes":[';
  separator = '';
  let bytes = 0;
  for (const write of writes) {
    const key = JSON.stringify(write.key);
    if ('delete' in write) json += `${separator}{"key":${key}}`;
    else {
      const value = JSON.stringify(write.value);
      const size = Buffer.byteLength(value);
      if (size > maxValueBytes) throw new OrreryError('INVALID', `The value of ${write.key} has ${size} bytes; at most ${maxValueBytes} are allowed.`, { key: write.key, size });
      bytes += size;
      json += `${separator}{"key":${key},"value":${values.push(value)}}`;
    }
    separator = ',';
  }
  json += ']}';
  return { json, values, keys: guards.length + writes.length, bytes: bytes + json.length, frees: writes.length > 0 && values.length === 0 };
}

/** A revision or epoch; one that is no whole number matches nothing. */
const whole = (n: number): number => (Number.isSafeInteger(n) && n >= 0 ? n : -1);
