/** The control frames of SPDY/3.1 that matter here, by their numbers. */
export const CONTROL = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;

/** Why a stream is reset. */
export const RESET = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/** A frame, or a piece of the data of one: data frames may be long, and are told as their bytes come. */
export type Frame =
  | { readonly type: 'control'; readonly kind: number; readonly flags: number; readonly body: Buffer }
  /** `fin`: nothing more comes on the stream. */
  | { readonly type: 'data'; readonly stream: number; readonly payload: Buffer; readonly fin: boolean };

/** Bytes in a control frame at most: those of port-forwarding have less than a hundred. */
const MAX_CONTROL = 16 * 1024;
const HEADER = 8;
const FIN = 1;
const VERSION = 3;

/** Not the protocol; the connection cannot be used any more. */
export class SpdyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SpdyError';
  }
}

/** Cuts a stream of bytes into frames, wherever its pieces begin and end. Holds no more than one control frame. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  /** The data frame whose bytes come now. */
  #data: { readonly stream: number; readonly fin: boolean; left: number } | undefined;

  /** The frames that these bytes complete. Throws SpdyError for what is no frame, or too long a one. */
  *push(chunk: Buffer): Generator<Frame, void, undefined> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = bytes;
    for (;;) {
      const step = this.#data === undefined ? this.#frame(bytes) : this.#piece(bytes, this.#data);
      if (step === undefined) break;
      bytes = bytes.subarray(step.taken);
      this.#rest = bytes;
      if (step.frame !== undefined) yield step.frame;
    }
    // A copy, so that a few bytes do not hold a whole read buffer.
    this.#rest = Buffer.from(bytes);
  }

  #frame(bytes: Buffer): { readonly taken: number; readonly frame?: Frame } | undefined {
    if (bytes.length < HEADER) return undefined;
    const [word, length, flags] = [bytes.readUInt32BE(0), bytes.readUIntBE(5, 3), bytes.readUInt8(4)];
    if (word < 0x8000_0000) {
      const fin = (flags & FIN) !== 0;
      if (length === 0) return { taken: HEADER, frame: { type: 'data', stream: word, payload: Buffer.alloc(0), fin } };
      this.#data = { stream: word, fin, left: length };
      return { taken: HEADER };
    }
    if (((word >>> 16) & 0x7fff) !== VERSION) throw new SpdyError('a frame of another version of SPDY');
    if (length > MAX_CONTROL) throw new SpdyError('a control frame is too long');
    if (bytes.length < HEADER + length) return undefined;
    return { taken: HEADER + length, frame: { type: 'control', kind: word & 0xffff, flags, body: bytes.subarray(HEADER, HEADER + length) } };
  }

  #piece(bytes: Buffer, data: { readonly stream: number; readonly fin: boolean; left: number }): { readonly taken: number; readonly frame: Frame } | undefined {
    if (bytes.length === 0) return undefined;
    const payload = bytes.subarray(0, data.left);
    data.left -= payload.length;
    const isLast = data.left === 0;
    if (isLast) this.#data = undefined;
    return { taken: payload.length, frame: { type: 'data', stream: data.stream, payload, fin: isLast && data.fin } };
  }
}

/** A control frame. */
export function controlFrame(kind: number, body: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(kind, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

/** A data frame; `fin`: the last of its stream. At most 16 MiB. */
export function dataFrame(stream: number, payload: Uint8Array, fin = false): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(stream, 0);
  head.writeUInt8(fin ? FIN : 0, 4);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

/** Ends a stream at once. */
export const rstStream = (stream: number, status: number): Buffer => controlFrame(CONTROL.rstStream, words(stream, status));

/** No stream after `last` is looked after any more. */
export const goAway = (last: number): Buffer => controlFrame(CONTROL.goAway, words(last, 0));

/** Numbers of 32 bits. */
export function words(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, index) => bytes.writeUInt32BE(number, 4 * index));
  return bytes;
}
