import { createInflate, type Inflate } from 'node:zlib';
import { SPDY_DICTIONARY, SPDY_DICTIONARY_ID } from './dictionary.js';
import { SpdyError, words } from './frames.js';

/** Bytes of one block of headers when it is inflated, at most. */
const MAX_INFLATED = 64 * 1024;

/** Reads the blocks of headers of one direction: all are one stream of zlib. One at a time. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY });
  #chunks: Buffer[] = [];
  #length = 0;
  #fail: (error: Error) => void = () => {};

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length > MAX_INFLATED) this.#inflate.destroy(new SpdyError('headers are too long'));
    });
    this.#inflate.on('error', (error) => this.#fail(error));
  }

  /** The headers of a block. Throws SpdyError. */
  async read(block: Buffer): Promise<ReadonlyMap<string, string>> {
    [this.#chunks, this.#length] = [[], 0];
    await new Promise<void>((resolve, reject) => {
      this.#fail = (error) => reject(error instanceof SpdyError ? error : new SpdyError('headers cannot be inflated'));
      if (this.#inflate.destroyed) this.#fail(new SpdyError('headers come after others that could not be read'));
      else this.#inflate.write(block, (error) => (error == null ? resolve() : this.#fail(error)));
    });
    // One that is destroyed reports its writes as done.
    if (this.#length > MAX_INFLATED) throw new SpdyError('headers are too long');
    return headersOf(Buffer.concat(this.#chunks));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

/** Name and value pairs of an inflated block: each text has its length before it. */
function headersOf(bytes: Buffer): ReadonlyMap<string, string> {
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new SpdyError('headers are cut off');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new SpdyError('headers are cut off');
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const headers = new Map<string, string>();
  const count = number();
  for (let index = 0; index < count; index += 1) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return headers;
}

const ZLIB_WITH_DICTIONARY = Buffer.concat([Buffer.from([0x78, 0xf9]), words(SPDY_DICTIONARY_ID)]);
/** Four bytes of zero as deflate stores them, without compression: that there are no headers. The empty block after them is the one at which Go's reader hands out what it has. */
const NO_HEADERS = Buffer.from([0x00, 0x04, 0x00, 0xfb, 0xff, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xff, 0xff]);

/** A block without headers. Stored blocks need no memory of what was before. `isFirst`: of its direction. */
export const emptyHeaders = (isFirst: boolean): Buffer => (isFirst ? Buffer.concat([ZLIB_WITH_DICTIONARY, NO_HEADERS]) : NO_HEADERS);
