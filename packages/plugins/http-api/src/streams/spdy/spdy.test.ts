import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDeflate, createInflate, constants } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPDY_DICTIONARY, SPDY_DICTIONARY_ID } from './dictionary.js';
import { CONTROL, controlFrame, dataFrame, type Frame, FrameReader, goAway, rstStream, SpdyError, words } from './frames.js';
import { emptyHeaders, HeaderReader } from './header-blocks.js';

const file = join(process.env['ORRERY_API'] ?? '../shared/api', 'websocket-frames-portforward.json');
const isHere = existsSync(file);
if (!isHere && process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`There are no recordings at ${file}.`);
if (!isHere) console.warn(`skipped: there are no recordings at ${file}`);

const readAll = (...chunks: readonly Buffer[]): Frame[] => {
  const reader = new FrameReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
};
/** Frames as they were sent, whatever pieces their data came in. */
const joined = (frames: readonly Frame[]): unknown[] => {
  const all: unknown[] = [];
  let data = Buffer.alloc(0);
  for (const frame of frames) {
    if (frame.type === 'control') all.push([frame.kind, frame.flags, frame.body.toString('hex')]);
    else {
      data = Buffer.concat([data, frame.payload]);
      all.push(...(frame.fin ? [[frame.stream, data.toString('hex')]] : []));
      if (frame.fin) data = Buffer.alloc(0);
    }
  }
  return all;
};

/** Blocks of headers as a client writes them. */
class Writer {
  readonly #deflate = createDeflate({ dictionary: SPDY_DICTIONARY });

  write(plain: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#deflate.write(plain);
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(this.#deflate.read() as Buffer));
    });
  }

  static plain(headers: Readonly<Record<string, string>>): Buffer {
    const text = (value: string): Buffer[] => [words(value.length), Buffer.from(value)];
    return Buffer.concat([words(Object.keys(headers).length), ...Object.entries(headers).flatMap(([name, value]) => [...text(name), ...text(value)])]);
  }
}

describe('SPDY/3.1', () => {
  it('the dictionary is the one that both sides name', () => {
    let [a, b] = [1, 0];
    for (const byte of SPDY_DICTIONARY) {
      a = (a + byte) % 65_521;
      b = (b + a) % 65_521;
    }
    expect(((b << 16) | a) >>> 0).toBe(SPDY_DICTIONARY_ID);
  });

  it('frames are found wherever the pieces begin and end', () => {
    const frames = [controlFrame(CONTROL.synStream, Buffer.from('abc'), 1), dataFrame(3, Buffer.from('some data'), true), dataFrame(1, Buffer.alloc(0), true), rstStream(5, 3), goAway(7), dataFrame(9, Buffer.alloc(70_000, 1), true)];
    const whole = Buffer.concat(frames);
    const expected = joined(readAll(whole));
    expect(expected).toHaveLength(6);
    expect(expected[1]).toEqual([3, Buffer.from('some data').toString('hex')]);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts, whole.length].sort((one, other) => one - other);
        expect(joined(readAll(...at.slice(1).map((end, index) => whole.subarray(at[index], end))))).toEqual(expected);
      }),
    );
  });

  it('what is no frame, or too long a one, is refused before it is held', () => {
    expect(() => readAll(Buffer.from('GET / HT'))).not.toThrow();
    expect(() => readAll(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]))).toThrow(SpdyError);
    expect(() => readAll(Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]))).toThrow('too long');
  });

  it('headers that are cut off, that cannot be inflated or that inflate to too much are refused', async () => {
    const block = async (plain: Buffer): Promise<Buffer> => new Writer().write(plain);
    await expect(new HeaderReader().read(Buffer.from('no zlib at all'))).rejects.toThrow(SpdyError);
    await expect(new HeaderReader().read(await block(words(3, 4)))).rejects.toThrow('cut off');
    await expect(new HeaderReader().read(await block(words(0xffff_ffff, 0xffff_ffff)))).rejects.toThrow('cut off');
    const reader = new HeaderReader();
    await expect(reader.read(await block(Buffer.alloc(10_000_000)))).rejects.toThrow('too long');
    await expect(reader.read(await block(words(0)))).rejects.toThrow(SpdyError);
  });

  it('blocks of headers share what was said before', async () => {
    const [writer, reader] = [new Writer(), new HeaderReader()];
    for (let index = 0; index < 5; index += 1) {
      const headers = { streamtype: 'data', port: '8099', requestid: String(index) };
      expect(Object.fromEntries(await reader.read(await writer.write(Writer.plain(headers))))).toEqual(headers);
    }
    reader.close();
  });

  it('a block without headers is read by whoever knows the dictionary', async () => {
    const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
    const chunks: Buffer[] = [];
    inflate.on('data', (chunk: Buffer) => chunks.push(chunk));
    for (const isFirst of [true, false, false]) await new Promise((resolve) => inflate.write(emptyHeaders(isFirst), resolve));
    expect(Buffer.concat(chunks)).toEqual(Buffer.alloc(12));
    inflate.destroy();
  });

  it.skipIf(!isHere)('what kubectl and a real server said is read', async () => {
    const [session] = JSON.parse(readFileSync(file, 'utf8')) as { frames: { dir: string; hex: string; len: number }[] }[];
    const side = async (dir: string): Promise<unknown[]> => {
      const [reader, headers] = [new FrameReader(), new HeaderReader()];
      const all: unknown[] = [];
      for (const { hex, len } of session?.frames.filter((frame) => frame.dir === dir) ?? []) {
        // Long messages are recorded by their beginnings.
        for (const frame of reader.push(Buffer.concat([Buffer.from(hex, 'hex')], len))) {
          if (frame.type === 'data') all.push([frame.stream, frame.payload.length, frame.fin]);
          else if (frame.kind === CONTROL.synStream) all.push([frame.body.readUInt32BE(0), Object.fromEntries(await headers.read(frame.body.subarray(10)))]);
          else if (frame.kind === CONTROL.synReply) all.push(['reply', frame.body.readUInt32BE(0), (await headers.read(frame.body.subarray(4))).size]);
        }
      }
      headers.close();
      return all;
    };
    const stream = (streamtype: string, requestid: string): object => ({ streamtype, requestid, port: '8099' });
    expect(await side('client')).toEqual([[1, stream('error', '0')], [1, 0, true], [3, stream('data', '0')], [3, 79, false], [3, 0, true], [5, stream('error', '1')], [5, 0, true]]);
    expect(await side('server')).toEqual([['reply', 1, 0], ['reply', 3, 0], [3, 216, false], [3, 0, true], [1, 0, true], ['reply', 5, 0]]);
  });
});
