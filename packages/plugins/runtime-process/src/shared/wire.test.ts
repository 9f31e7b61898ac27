import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineFormatter, MAX_LINE_BYTES, parseLogLine } from './cri-log.js';
import { FRAME, FrameReader, encodeFrame, parseJson } from './protocol.js';

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 20 }), (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((payload) => encodeFrame(FRAME.stdout, payload)));
        const reader = new FrameReader();
        const frames = pieces(stream, cuts).flatMap((piece) => reader.push(piece));
        expect(frames.map(({ payload }) => Buffer.from(payload).toString('hex'))).toEqual(payloads.map((payload) => Buffer.from(payload).toString('hex')));
      }),
    );
  });

  it('of impossible length are refused before anything is kept for them', () => {
    for (const length of [0, 0xffffffff]) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(length);
      expect(() => new FrameReader().push(head)).toThrow(RangeError);
    }
  });

  it('with keys that reach prototypes are refused', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) expect(() => parseJson(`{"a":{"${key}":{}}}`)).toThrow(SyntaxError);
  });
});

describe('the log format', () => {
  const TIME = '2026-01-02T03:04:05.000000006Z';

  it('keeps every byte of any output, however it arrives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 400 }), fc.array(fc.nat(), { maxLength: 8 }), (text, repeat, cuts) => {
        const bytes = Buffer.from(text.repeat(repeat));
        const formatter = new LineFormatter('stdout');
        const written = Buffer.concat([...pieces(bytes, cuts).map((piece) => formatter.push(piece, TIME)), formatter.end(TIME)]);
        const entries = splitLines(written).map((line) => parseLogLine(line));
        expect(entries.map((entry) => `${entry?.line}${entry?.partial === true ? '' : '\n'}`).join('')).toBe(bytes.toString('utf8'));
        for (const entry of entries) expect(Buffer.byteLength(entry?.line ?? '')).toBeLessThanOrEqual(MAX_LINE_BYTES);
      }),
      { numRuns: 50 },
    );
  });

  it('is that of the CRI', () => {
    const formatter = new LineFormatter('stderr');
    expect(formatter.push(Buffer.from('one\ntw'), TIME).toString()).toBe(`${TIME} stderr F one\n`);
    expect(formatter.push(Buffer.from('o\n\n'), TIME).toString()).toBe(`${TIME} stderr F two\n${TIME} stderr F \n`);
    expect(formatter.push(Buffer.from('rest'), TIME).length).toBe(0);
    expect(formatter.end(TIME).toString()).toBe(`${TIME} stderr P rest\n`);
    expect(parseLogLine(Buffer.from('torn li'))).toBeUndefined();
    expect(parseLogLine(Buffer.from(`${TIME} stdin F x`))).toBeUndefined();
  });
});

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0, end = bytes.indexOf(0x0a); end >= 0; start = end + 1, end = bytes.indexOf(0x0a, start)) lines.push(bytes.subarray(start, end));
  return lines;
}
