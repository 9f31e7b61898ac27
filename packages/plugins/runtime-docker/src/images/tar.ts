import { OrreryError } from '@orrery/core';

/** One entry of an archive. */
export interface TarEntry {
  /** Relative, at most 100 bytes of ASCII; a folder ends with a slash. */
  readonly name: string;
  /** e.g. 0o755. */
  readonly mode: number;
  /** Absent: a folder. */
  readonly content?: Uint8Array;
}

const BLOCK = 512;
const MAX_NAME = 100;

/** An archive in the ustar format: always the same bytes for the same entries (owner 0, time 0, in the given order). Throws `INVALID` for a name that does not fit. */
export function tarOf(entries: readonly TarEntry[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { name, mode, content } of entries) {
    blocks.push(header(name, mode, content));
    if (content === undefined) continue;
    blocks.push(content, new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  // Two empty blocks are the end.
  blocks.push(new Uint8Array(2 * BLOCK));
  return Buffer.concat(blocks);
}

function header(name: string, mode: number, content: Uint8Array | undefined): Uint8Array {
  if (name.length > MAX_NAME || !/^[\x21-\x7e]+$/.test(name)) throw new OrreryError('INVALID', `${JSON.stringify(name)} cannot be a name in an archive.`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => void block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content?.length ?? 0, 124, 12);
  octal(0, 136, 12);
  block.write(content === undefined ? '5' : '0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  // The sum is taken with spaces in its own place.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
