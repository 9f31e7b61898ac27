import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecayingHistogram, type HistogramShape } from './histogram.js';

const DAY = 86_400_000;
const shape: HistogramShape = { first: 10, ratio: 1.05, max: 100_000, halfLifeMs: DAY };
const start = Date.UTC(2026, 0, 1);
const values = fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 60 });

function of(all: readonly number[], at = start): DecayingHistogram {
  const histogram = new DecayingHistogram(shape);
  for (const value of all) histogram.add(value, 1, at);
  return histogram;
}

describe('a percentile', () => {
  it('is at most a bucket above the true one', () =>
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 99 }), (all, percent) => {
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
        const told = of(all).percentile(percent / 100);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(Math.max(shape.first, exact * 1.05 + shape.first));
      }),
    ));

  it('grows with what is asked for, and is 0 when nothing was seen', () => {
    expect(new DecayingHistogram(shape).percentile(0.9)).toBe(0);
    fc.assert(fc.property(values, (all) => of(all).percentile(0.5) <= of(all).percentile(0.95)));
  });

  it('forgets: what was seen two days ago weighs a quarter', () => {
    const histogram = of(Array<number>(30).fill(10_000));
    for (let i = 0; i < 30; i += 1) histogram.add(100, 1, start + 2 * DAY);
    expect(histogram.percentile(0.75)).toBeLessThan(200);
    expect(histogram.percentile(0.85)).toBeGreaterThan(9_000);
  });

  it('stays exact over years', () => {
    const histogram = of([50_000]);
    for (let day = 0; day < 1_000; day += 1) histogram.add(1_000, 1, start + day * DAY);
    expect(histogram.percentile(0.99)).toBeLessThan(1_100);
    expect(histogram.percentile(0.99)).toBeGreaterThanOrEqual(1_000);
  });

  it('what is taken back was never there', () =>
    fc.assert(
      fc.property(values, values, (kept, taken) => {
        const histogram = of([...kept, ...taken]);
        for (const value of taken) histogram.add(value, -1, start);
        for (const p of [0.1, 0.5, 0.9]) expect(histogram.percentile(p)).toBeCloseTo(of(kept).percentile(p), 6);
      }),
    ));
});

it('comes back from what was kept of it, but for what hardly weighs anything', () =>
  fc.assert(
    fc.property(values, (all) => {
      const histogram = of(all);
      const kept = JSON.parse(JSON.stringify(histogram.save())) as ReturnType<DecayingHistogram['save']>;
      expect(Object.keys(kept.bucketWeights).length).toBeLessThanOrEqual(200);
      const again = new DecayingHistogram(shape);
      again.load(kept);
      for (const p of [0.5, 0.9, 0.95]) expect(again.percentile(p)).toBeGreaterThan(0);
      expect(again.percentile(1)).toBeCloseTo(histogram.percentile(1), 6);
      again.add(1, 1, start);
      expect(again.isEmpty).toBe(false);
    }),
  ));
