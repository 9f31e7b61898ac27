import { describe, expect, it } from 'vitest';
import { Limiter } from './limiter.js';

describe('the limiter', () => {
  const never = new AbortController().signal;

  it('runs so many at once, in order, and goes on after failures', async () => {
    const limiter = new Limiter(2);
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const all = [0, 1, 2, 3].map((index) =>
      limiter.run(never, () => {
        begun.push(index);
        return new Promise<void>((resolve, reject) => (finish[index] = index === 0 ? () => reject(new Error('fails')) : resolve));
      }),
    );
    const first = expect(all[0]).rejects.toThrow('fails');
    expect(begun).toEqual([0, 1]);
    finish[0]?.();
    await first;
    expect(begun).toEqual([0, 1, 2]);
    finish[2]?.();
    await all[2];
    expect(begun).toEqual([0, 1, 2, 3]);
    finish[1]?.();
    finish[3]?.();
    await Promise.all([all[1], all[3]]);
    expect(await limiter.run(never, () => Promise.resolve('free again'))).toBe('free again');
  });

  it('who leaves the queue does not hold it up', async () => {
    const limiter = new Limiter(1);
    let finish = (): void => undefined;
    const running = limiter.run(never, () => new Promise<void>((resolve) => (finish = resolve)));
    const abort = new AbortController();
    const leaving = limiter.run(abort.signal, () => Promise.resolve('never'));
    const last = limiter.run(never, () => Promise.resolve('last'));
    abort.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
    finish();
    await running;
    expect(await last).toBe('last');
  });
});
