import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { backoffDelay } from './backoff.js';
import { WorkQueue } from './work-queue.js';

const make = (): { clock: VirtualClock; queue: WorkQueue<string> } => {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue({ clock, random: new SeededRandom(1) }) };
};

type Step = { readonly do: 'add' | 'after' | 'failed' | 'take' | 'done' | 'wait'; readonly key: string; readonly ms: number };
const steps = fc.array(
  fc.record<Step>({ do: fc.constantFrom('add', 'after', 'failed', 'take', 'done', 'wait'), key: fc.constantFrom('a', 'b', 'c'), ms: fc.integer({ min: 0, max: 50 }) }),
  { maxLength: 60 },
);

describe('the work queue', () => {
  it('never hands out a key twice at once, loses nothing, and hands out nothing that nobody asked for', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { clock, queue } = make();
        const working = new Set<string>();
        /** Keys that somebody wanted looked at since they were last handed out, and how often each may still be handed out. */
        const wanted = new Set<string>();
        const asked = new Map<string, number>();
        const taken = (key: string | undefined): void => {
          if (key === undefined) return;
          expect(working.has(key)).toBe(false);
          expect(asked.get(key)).toBeGreaterThan(0);
          asked.set(key, (asked.get(key) ?? 0) - 1);
          wanted.delete(key);
          working.add(key);
        };
        for (const { do: what, key, ms } of script) {
          if (what === 'wait') await clock.advance(ms);
          else if (what === 'take') {
            if (queue.length > 0) taken(await queue.take());
          } else if (what === 'done') {
            if (working.delete(key)) queue.done(key);
          } else {
            wanted.add(key);
            asked.set(key, (asked.get(key) ?? 0) + 1);
            if (what === 'add') queue.add(key);
            else if (what === 'after') queue.addAfter(key, ms);
            else queue.addRateLimited(key);
          }
        }
        for (let round = 0; round < 20 && !queue.idle; round += 1) {
          for (const key of working) queue.done(key);
          working.clear();
          await clock.advance(3_000_000);
          while (queue.length > 0) taken(await queue.take());
        }
        expect([queue.idle, [...wanted]]).toEqual([true, []]);
        queue.close();
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('honours delays: of several the earliest, none before its time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 10 }), async (delays) => {
        const { clock, queue } = make();
        for (const delay of delays) queue.addAfter('a', delay);
        const got = queue.take().then(() => clock.monotonic());
        await clock.advance(2_000);
        expect(await got).toBe(Math.min(...delays));
        expect(queue.length).toBe(0);
        expect(clock.pending).toBe(0);
      }),
    );
  });

  it('a key added while it is worked on comes again after done; an add now takes the place of one later', async () => {
    const { clock, queue } = make();
    queue.addAfter('a', 1_000);
    queue.add('a');
    expect([await queue.take(), queue.length, clock.pending]).toEqual(['a', 0, 0]);
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
  });

  it('close wakes who waits, leaves no timer, and takes nothing more', async () => {
    const { clock, queue } = make();
    const waiting = [queue.take(), queue.take()];
    queue.addAfter('a', 1_000);
    queue.close();
    queue.close();
    queue.add('b');
    queue.addAfter('c', 5);
    expect(await Promise.all([...waiting, queue.take()])).toEqual([undefined, undefined, undefined]);
    expect([queue.length, clock.pending]).toEqual([0, 0]);
  });

  it('counts failures until it is told to forget', () => {
    const { queue } = make();
    queue.addRateLimited('a');
    queue.addRateLimited('a');
    expect(queue.failures('a')).toBe(2);
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
    queue.close();
  });
});

describe('back-off', () => {
  it('doubles up to its bound, and jitter only shortens', () => {
    expect([0, 1, 2, 3, 9, 5_000].map((failures) => backoffDelay({ baseMs: 10, maxMs: 1_000 }, failures))).toEqual([10, 10, 20, 40, 1_000, 1_000]);
    const random = new SeededRandom(3);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, jitter) => {
        const full = backoffDelay({ baseMs: 10, maxMs: 1_000 }, failures);
        const delay = backoffDelay({ baseMs: 10, maxMs: 1_000, jitter }, failures, random);
        expect(delay).toBeLessThanOrEqual(full);
        expect(delay).toBeGreaterThanOrEqual(full * (1 - jitter));
      }),
    );
  });
});
