import { beforeEach, describe, expect, it } from 'vitest';
import { ProcessClock } from './process-clock.js';
import { VirtualClock } from './virtual-clock.js';

let shared: VirtualClock;
let clock: ProcessClock;
let fired: string[];
beforeEach(() => {
  shared = new VirtualClock(0);
  clock = new ProcessClock(shared);
  fired = [];
});
const after = (ms: number) => clock.timer(ms, () => fired.push(`${ms} at ${clock.monotonic()}`));

describe('the clock of a process', () => {
  it('is the shared one while it runs', async () => {
    after(10);
    const cancel = after(20);
    await shared.advance(15);
    cancel();
    await shared.advance(15);
    expect([fired, clock.monotonic(), clock.now(), shared.pending]).toEqual([['10 at 10'], 30, 30, 0]);
  });

  it('when stopped lets time go on, and fires what was due, in order, when it goes on', async () => {
    after(20);
    after(10);
    const cancel = after(15);
    after(200);
    clock.stop();
    await shared.advance(100);
    expect([fired, clock.monotonic()]).toEqual([[], 100]);
    cancel();
    clock.resume();
    expect(fired).toEqual(['10 at 100', '20 at 100']);
    await shared.advance(100);
    expect([fired.at(-1), clock.lagMs, shared.pending]).toEqual(['200 at 200', 0, 0]);
  });

  it('when frozen stands still, stays behind, and fires nothing sooner for it', async () => {
    await shared.advance(5);
    after(10);
    clock.freeze();
    await shared.advance(100);
    after(30);
    expect([fired, clock.monotonic(), clock.now()]).toEqual([[], 5, 5]);
    clock.resume();
    expect([clock.monotonic(), clock.now(), clock.lagMs, clock.thawedAt]).toEqual([5, 105, 100, 105]);
    await shared.advance(30);
    expect([fired, clock.monotonic(), shared.pending]).toEqual([['10 at 15', '30 at 35'], 35, 0]);
  });

  it('holds back what comes from outside until the process runs', async () => {
    clock.stop();
    let through = false;
    const waiting = clock.awake().then(() => (through = true));
    await shared.advance(10);
    expect(through).toBe(false);
    clock.resume();
    await waiting;
    expect(through).toBe(true);
  });
});
