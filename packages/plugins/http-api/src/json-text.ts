import { ApiError } from '@orrery/core';

/** Text in UTF-8. Throws BadRequest when it is not. */
export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiError('BadRequest', 'the body is not valid UTF-8', {}, cause);
  }
}

/** What JSON text says. Throws BadRequest, without quoting it, when it is none or nests deeper than it may. */
export function jsonOf(bytes: Uint8Array, depth: number): unknown {
  if (isDeeper(bytes, depth)) throw ApiError.badRequest(`the body is nested more than ${depth} levels deep`);
  const text = utf8(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // The parser's own message may quote the body.
    throw new ApiError('BadRequest', 'the body is not valid JSON', {}, cause);
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Whether JSON nests deeper than it may, told from its brackets: before parsing, which would build it all. */
export function isDeeper(bytes: Uint8Array, limit: number): boolean {
  let [depth, inString] = [0, false];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (CLOSING.has(byte)) depth -= 1;
  }
  return false;
}
