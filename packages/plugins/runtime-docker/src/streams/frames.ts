import { OrreryError } from '@orrery/core';

/** A piece of output and the stream it was written to. */
export interface Frame {
  readonly stream: 'stdout' | 'stderr';
  readonly payload: Buffer;
}

const HEADER_BYTES = 8;
/** The engine writes frames of some tens of kilobytes; a longer one means that the bytes are not framed. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/**
 * Takes the engine's multiplexed output apart: a header of 8 bytes (stream, three zeros, length in big endian), then so many bytes.
 * Each byte is copied once at most (the driver's own demultiplexer copies all that waits for every piece).
 */
export class FrameParser {
  #waiting: Buffer[] = [];
  #bytes = 0;
  #needed = HEADER_BYTES;
  #stream: Frame['stream'] | undefined;

  /** The frames that are complete with these bytes. Throws `UNAVAILABLE` for bytes that are no frames. */
  *push(chunk: Buffer): Generator<Frame> {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#needed) {
      const taken = this.#take();
      if (this.#stream === undefined) {
        this.#readHeader(taken);
      } else {
        yield { stream: this.#stream, payload: taken };
        this.#stream = undefined;
        this.#needed = HEADER_BYTES;
      }
    }
  }

  #readHeader(header: Buffer): void {
    const [kind = 255] = header;
    const length = header.readUInt32BE(4);
    // 3 is an error of the engine itself, told in the stream of errors.
    if (kind > 3 || header.readUIntBE(1, 3) !== 0 || length > MAX_FRAME_BYTES) throw new OrreryError('UNAVAILABLE', 'The engine sent output that is not framed.');
    this.#stream = kind >= 2 ? 'stderr' : 'stdout';
    this.#needed = length;
  }

  /** The next `#needed` bytes. */
  #take(): Buffer {
    const [first = Buffer.alloc(0)] = this.#waiting;
    const all = first.length >= this.#needed ? first : Buffer.concat(this.#waiting);
    if (all !== first) this.#waiting = [all];
    const taken = all.subarray(0, this.#needed);
    if (all.length === this.#needed) this.#waiting.shift();
    else this.#waiting[0] = all.subarray(this.#needed);
    this.#bytes -= taken.length;
    return taken;
  }
}
