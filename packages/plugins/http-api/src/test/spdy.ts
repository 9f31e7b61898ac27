import type { Socket } from 'node:net';
import { constants, createDeflate } from 'node:zlib';
import { SPDY_DICTIONARY } from '../streams/spdy/dictionary.js';
import { CONTROL, controlFrame, dataFrame, type Frame, FrameReader, words } from '../streams/spdy/frames.js';

/** A message of a client; its mask is zero, which leaves the bytes as they are. */
export function frame(payload: Buffer, { opcode = 2, masked = true } = {}): Buffer {
  const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 255]);
  length[0] = (length[0] as number) | (masked ? 0x80 : 0);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** A client's side of SPDY/3.1, alone or in a tunnel. */
export class Spdy {
  readonly frames: Frame[] = [];
  readonly #deflate = createDeflate({ dictionary: SPDY_DICTIONARY });
  readonly #changed = new Set<() => void>();
  readonly #reader = new FrameReader();
  head = '';
  closed: number | undefined;
  isEnded = false;
  #rest = Buffer.alloc(0);

  /**
   * @param request what the connection begins with
   * @param isTunnelled SPDY is in the messages of a WebSocket
   */
  constructor(
    readonly socket: Socket,
    request: string,
    private readonly isTunnelled: boolean,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk)).on('close', () => {
      this.isEnded = true;
      this.#notify();
    }).on('error', () => {});
    socket.write(request);
  }

  /** In a tunnel in messages of three bytes: their borders mean nothing. */
  send(bytes: Buffer): void {
    if (!this.isTunnelled) return void this.socket.write(bytes);
    for (let at = 0; at < Math.min(bytes.length, 60); at += 3) this.socket.write(frame(bytes.subarray(at, Math.min(at + 3, 60))));
    for (let at = 60; at < bytes.length; at += 60_000) this.socket.write(frame(bytes.subarray(at, at + 60_000)));
  }

  /** Opens a stream. */
  async stream(id: number, headers: Readonly<Record<string, string>>): Promise<void> {
    const text = (value: string): Buffer[] => [words(value.length), Buffer.from(value)];
    const plain = Buffer.concat([words(Object.keys(headers).length), ...Object.entries(headers).flatMap(([name, value]) => [...text(name), ...text(value)])]);
    const block = await new Promise<Buffer>((resolve) => {
      this.#deflate.write(plain);
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(this.#deflate.read() as Buffer));
    });
    this.send(controlFrame(CONTROL.synStream, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
  }

  /** The two streams of a connection. */
  async connection(id: number, port: number): Promise<void> {
    await this.stream(id, { streamtype: 'error', port: String(port), requestid: String(id) });
    this.send(dataFrame(id, Buffer.alloc(0), true));
    await this.stream(id + 2, { streamtype: 'data', port: String(port), requestid: String(id) });
  }

  /** What was said on a stream. */
  text(id: number): string {
    return Buffer.concat(this.frames.map((one) => (one.type === 'data' && one.stream === id ? one.payload : Buffer.alloc(0)))).toString();
  }

  /** Whether nothing more comes on a stream. */
  isFinished(id: number): boolean {
    return this.frames.some((one) => one.type === 'data' && one.stream === id && one.fin);
  }

  /** The beginnings of control frames of a kind. */
  kinds(kind: number): string[] {
    return this.frames.flatMap((one) => (one.type === 'control' && one.kind === kind ? [one.body.subarray(0, 8).toString('hex')] : []));
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }

  /** Breaks the connection off. */
  leave(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (this.head === '') {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#rest.toString('latin1', 0, end);
      this.#rest = this.#rest.subarray(end + 4);
    }
    if (!this.isTunnelled) {
      this.frames.push(...this.#reader.push(this.#rest));
      this.#rest = Buffer.alloc(0);
    }
    while (this.isTunnelled) {
      const short = (this.#rest[1] ?? 0) & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#rest.length < start) break;
      const length = short < 126 ? short : short === 126 ? this.#rest.readUInt16BE(2) : Number(this.#rest.readBigUInt64BE(2));
      if (this.#rest.length < start + length) break;
      const payload = this.#rest.subarray(start, start + length);
      if (((this.#rest[0] ?? 0) & 0x0f) === 8) {
        this.closed = payload.readUInt16BE(0);
        this.socket.write(frame(payload, { opcode: 8 }));
      } else this.frames.push(...this.#reader.push(payload));
      this.#rest = this.#rest.subarray(start + length);
    }
    this.#notify();
  }

  #notify(): void {
    for (const look of [...this.#changed]) look();
  }
}
