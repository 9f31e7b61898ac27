import fc from 'fast-check';
import type { LogEntry } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { FrameParser } from './frames.js';
import { logDecoder } from './log-lines.js';

const STAMP = '2024-05-06T07:08:09.123456789Z';

function frame(kind: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** The bytes cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

function decode(tty: boolean, chunks: readonly Buffer[]): LogEntry[] {
  const decoder = logDecoder(tty);
  return [...chunks.flatMap((chunk) => [...decoder.push(chunk)]), ...decoder.end()];
}

describe('frames', () => {
  it('come out as they went in, whatever way the bytes are cut', () => {
    const frames = fc.array(fc.record({ stream: fc.constantFrom('stdout' as const, 'stderr' as const), payload: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 20 });
    fc.assert(fc.property(frames, fc.array(fc.nat(), { maxLength: 30 }), (given, places) => {
      const bytes = Buffer.concat(given.map(({ stream, payload }) => frame(stream === 'stdout' ? 1 : 2, Buffer.from(payload))));
      const parser = new FrameParser();
      const out = cut(bytes, places).flatMap((chunk) => [...parser.push(chunk)]);
      expect(out.map(({ stream, payload }) => ({ stream, payload: new Uint8Array(payload) }))).toEqual(given.map(({ stream, payload }) => ({ stream, payload: new Uint8Array(payload) })));
    }));
  });

  it('bytes that are no frames are an error, not output', () => {
    expect(() => [...new FrameParser().push(Buffer.from('plain text, no frames'))]).toThrow('not framed');
    const long = frame(1, 'x');
    long.writeUInt32BE(0x7fffffff, 4);
    expect(() => [...new FrameParser().push(long)]).toThrow('not framed');
  });
});

describe('log lines', () => {
  it('are told with stream and time; a frame without a line end goes on in the next', () => {
    const bytes = Buffer.concat([frame(1, `${STAMP} one \n`), frame(2, `${STAMP} two\n`), frame(1, `${STAMP} long`), frame(1, `${STAMP} er\n`), frame(1, `${STAMP} \n`)]);
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 10 }), (places) => {
      expect(decode(false, cut(bytes, places))).toEqual([
        { timestamp: STAMP, stream: 'stdout', line: 'one ', partial: false },
        { timestamp: STAMP, stream: 'stderr', line: 'two', partial: false },
        { timestamp: STAMP, stream: 'stdout', line: 'long', partial: true },
        { timestamp: STAMP, stream: 'stdout', line: 'er', partial: false },
        { timestamp: STAMP, stream: 'stdout', line: '', partial: false },
      ]);
    }));
  });

  it('times have nine digits', () => {
    const bytes = Buffer.concat([frame(1, '2024-05-06T07:08:09.5Z a\n'), frame(2, '2024-05-06T07:08:09.4Z b\n'), frame(1, '2024-05-06T07:08:10Z c\n')]);
    expect(decode(false, [bytes]).map(({ timestamp }) => timestamp)).toEqual(['2024-05-06T07:08:09.500000000Z', '2024-05-06T07:08:09.400000000Z', '2024-05-06T07:08:10.000000000Z']);
  });

  it('of a terminal are cut at line ends, and long ones where the engine cut them', () => {
    const long = 'x'.repeat(16 * 1024);
    const bytes = Buffer.from(`${STAMP} one\r\n${STAMP} ${long}${STAMP} rest\r\n${STAMP} unfinished`);
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 10 }), (places) => {
      expect(decode(true, cut(bytes, places)).map(({ line, partial }) => [line, partial])).toEqual([['one\r', false], [long, true], ['rest\r', false], ['unfinished', true]]);
    }), { numRuns: 50 });
  });

  it('a line of a terminal that never ends does not grow in memory', () => {
    const decoder = logDecoder(true);
    let told = 0;
    for (let index = 0; index < 100; index++) for (const { line } of decoder.push(Buffer.from('y'.repeat(10_000)))) told += line.length;
    expect(told).toBeGreaterThan(100 * 10_000 - 50_000);
  });
});
