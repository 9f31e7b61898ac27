import { milliValue } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContainerUse } from './container-use.js';
import type { ContainerPolicy } from './kind.js';
import { differs, recommend, type RecommendOptions } from './recommend.js';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const MEBIBYTE = 2 ** 20;
const start = Date.UTC(2026, 0, 1);
const options: RecommendOptions = { margin: 0.15, minCpuMillis: 25, minMemoryBytes: 10 * MEBIBYTE };

/** What one pod uses, minute by minute. */
function seen(days: number, use: (minute: number) => { readonly cpu: number; readonly memory: number }, into = new ContainerUse(), from = 0): ContainerUse {
  for (let minute = from; minute < from + days * 1440; minute += 1) {
    const { cpu, memory } = use(minute);
    into.add({ pod: 'p1', at: start + minute * MINUTE, cpuMillis: cpu, memoryBytes: memory, requestMillis: 100 });
  }
  return into;
}
const advice = (use: ContainerUse, policy?: ContainerPolicy) => recommend('app', use, policy, 1, options);
const millis = (text: string | undefined): number => milliValue(text ?? '0');

describe('what is recommended', () => {
  it('is nothing before anything was seen', () => expect(advice(new ContainerUse())).toBeUndefined());

  it('carries nine of ten moments of cpu and the peak of memory, with a margin', () => {
    const use = seen(8, (minute) => ({ cpu: minute % 10 === 0 ? 900 : 200, memory: (minute % 1440 === 700 ? 800 : 300) * MEBIBYTE }));
    const { target, upperBound } = advice(use) ?? {};
    expect(millis(target?.['cpu'])).toBeGreaterThanOrEqual(230);
    expect(millis(target?.['cpu'])).toBeLessThan(260);
    expect(millis(upperBound?.['cpu'])).toBeGreaterThan(900);
    expect(millis(target?.['memory']) / 1000).toBeGreaterThanOrEqual(800 * 1.15 * MEBIBYTE);
    expect(millis(target?.['memory']) / 1000).toBeLessThan(800 * 1.15 * 1.12 * MEBIBYTE);
  });

  it('follows a change of use, down as well', () => {
    const use = seen(2, () => ({ cpu: 400, memory: 300 * MEBIBYTE }));
    seen(6, () => ({ cpu: 50, memory: 100 * MEBIBYTE }), use, 2 * 1440);
    expect(millis(advice(use)?.target['cpu'])).toBeLessThan(70);
  });

  it('has bounds that hold the target between them and come together with what is known', () =>
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 4000 }), fc.integer({ min: 20, max: 4000 }), fc.integer({ min: 1, max: 90 }), (cpu, memory, noise) => {
        const use = new ContainerUse();
        let last = Infinity;
        for (const day of [0, 1, 4]) {
          seen(1, (minute) => ({ cpu: cpu * (1 + (((minute * 7919) % 100) / 100) * (noise / 100)), memory: memory * MEBIBYTE }), use, day * 1440);
          const { target, lowerBound, upperBound } = advice(use) ?? {};
          for (const name of ['cpu', 'memory']) {
            expect(millis(lowerBound?.[name])).toBeLessThanOrEqual(millis(target?.[name]));
            expect(millis(upperBound?.[name])).toBeGreaterThanOrEqual(millis(target?.[name]));
          }
          const width = millis(upperBound?.['cpu']) / millis(lowerBound?.['cpu']);
          expect(width).toBeLessThan(last);
          last = width * 1.001;
        }
      }),
      { numRuns: 10 },
    ));

  it('never leaves what its policy allows', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 3000 }), (cpu, memory, min, more) => {
        const use = seen(0.1, () => ({ cpu, memory: memory * MEBIBYTE }));
        const policy: ContainerPolicy = {
          containerName: '*', mode: 'Auto', controlledResources: ['cpu', 'memory'], controlledValues: 'RequestsOnly',
          minAllowed: { cpu: `${min}m`, memory: `${min}M` }, maxAllowed: { cpu: `${min + more}m`, memory: `${min + more}M` },
        };
        const { target, lowerBound, upperBound } = advice(use, policy) ?? {};
        for (const one of [target, lowerBound, upperBound]) {
          expect(millis(one?.['cpu'])).toBeGreaterThanOrEqual(min);
          expect(millis(one?.['cpu'])).toBeLessThanOrEqual(min + more);
          expect(millis(one?.['memory']) / 1000).toBeGreaterThanOrEqual(min * 1e6);
          expect(millis(one?.['memory']) / 1000).toBeLessThanOrEqual((min + more) * 1e6);
        }
      }),
      { numRuns: 50 },
    ));
});

it('the same sample twice counts once, and a peak replaces the lower one of its day', () => {
  const use = new ContainerUse();
  const sample = { pod: 'p1', at: start, cpuMillis: 100, memoryBytes: 100 * MEBIBYTE, requestMillis: 100 };
  use.add(sample);
  use.add(sample);
  expect(use.samples).toBe(1);
  use.add({ ...sample, at: start + MINUTE, memoryBytes: 500 * MEBIBYTE });
  expect(use.memory.percentile(0.01)).toBeGreaterThan(490 * MEBIBYTE);
});

it('comes back from what was kept, and is bounded', () => {
  const use = seen(3, (minute) => ({ cpu: 100 + (minute % 100), memory: 200 * MEBIBYTE }));
  const kept = use.save('web', 'app');
  expect(JSON.stringify(kept).length).toBeLessThan(4_000);
  const again = new ContainerUse();
  again.load(kept);
  expect(differs([advice(use) as NonNullable<ReturnType<typeof advice>>], [advice(again) as NonNullable<ReturnType<typeof advice>>])).toBe(false);
  use.keep(new Set());
  use.add({ pod: 'p1', at: start + 4 * DAY, cpuMillis: 1, memoryBytes: 1, requestMillis: 1 });
  expect(use.samples).toBe(again.samples + 1);
});
