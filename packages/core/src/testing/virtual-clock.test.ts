import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtual-clock.js';

describe('VirtualClock', () => {
  it('never fires early, so that waiting for a deadline ends', async () => {
    const clock = new VirtualClock();
    await clock.advance(1000.3);
    const deadline = clock.monotonic() + 999.9999;
    let looks = 0;
    const look = (): void => {
      looks += 1;
      if (clock.monotonic() < deadline) clock.timer(deadline - clock.monotonic(), look);
    };
    look();
    await clock.advance(2_000);
    expect(looks).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('fires timers of one moment in the order in which they were set', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.timer(10, () => fired.push('first'));
    clock.timer(9.5, () => fired.push('second'));
    clock.timer(5, () => fired.push('earlier'));
    await clock.advance(10);
    expect(fired).toEqual(['earlier', 'first', 'second']);
  });

  it('jumps without anybody waiting longer or less', async () => {
    const clock = new VirtualClock(1_000_000);
    const fired: number[] = [];
    clock.timer(10, () => fired.push(clock.now()));
    clock.jump(-5_000);
    expect([clock.now(), clock.monotonic()]).toEqual([995_000, 0]);
    clock.jump(60_000);
    await clock.advance(10);
    expect(fired).toEqual([1_055_010]);
    expect(clock.monotonic()).toBe(10);
  });
});
