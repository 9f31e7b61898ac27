import fc from 'fast-check';
import type { LogEntry } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { LogPosition } from './log-position.js';

const at = (time: number, stream: LogEntry['stream'], line: string): LogEntry => ({ timestamp: `2024-05-06T07:08:09.${String(time).padStart(9, '0')}Z`, stream, line, partial: false });

describe('the position in a log', () => {
  it('each line is told once, however often the engine goes back, and times do not go back', () => {
    const steps = fc.array(fc.record({ delta: fc.nat({ max: 2 }), stderr: fc.boolean() }), { minLength: 1, maxLength: 60 });
    fc.assert(fc.property(steps, fc.array(fc.nat(), { maxLength: 6 }), fc.nat(), (given, backs, seed) => {
      let time = 10;
      const log = given.map(({ delta, stderr }, index) => at((time += delta), stderr ? 'stderr' : 'stdout', `line ${index}`));
      const position = new LogPosition();
      const told: LogEntry[] = [];
      const read = (from: number, to: number): void => {
        for (const entry of log.slice(from, to)) {
          const accepted = position.accept(entry);
          if (accepted !== undefined) told.push(accepted);
        }
      };
      let end = 0;
      for (const back of backs) {
        const next = Math.min(log.length, end + (seed % 20));
        // Back to a moment, at latest that of each stream's last line: all its lines come again, as from a request with `since`.
        const begin = (index: number): number => log.findIndex(({ timestamp }) => timestamp === log[index]?.timestamp);
        const lasts = (['stdout', 'stderr'] as const).map((name) => log.slice(0, end).findLastIndex(({ stream }) => stream === name)).filter((index) => index >= 0);
        position.resume();
        read(Math.min(end, begin(back % log.length), ...lasts.map(begin)), next);
        end = next;
      }
      position.resume();
      read(0, log.length);
      expect(told.map(({ line }) => line)).toEqual(log.map(({ line }) => line));
      expect(told.map(({ timestamp }) => timestamp)).toEqual(told.map(({ timestamp }) => timestamp).sort());
    }));
  });

  it('going back without a new request is noticed by the times', () => {
    const position = new LogPosition();
    const entries = [at(1, 'stdout', 'a'), at(2, 'stdout', 'b'), at(1, 'stdout', 'a'), at(2, 'stdout', 'b'), at(3, 'stdout', 'c')];
    expect(entries.flatMap((entry) => position.accept(entry) ?? []).map(({ line }) => line)).toEqual(['a', 'b', 'c']);
  });

  it('two streams may be written in the other order', () => {
    const position = new LogPosition();
    const entries = [at(5, 'stdout', 'a'), at(4, 'stderr', 'b'), at(6, 'stdout', 'c')].flatMap((entry) => position.accept(entry) ?? []);
    expect(entries.map(({ line }) => line)).toEqual(['a', 'b', 'c']);
    expect(entries.map(({ timestamp }) => timestamp.slice(-2, -1))).toEqual(['5', '5', '6']);
  });
});
