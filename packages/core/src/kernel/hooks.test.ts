import { describe, expect, it } from 'vitest';
import { defineHook, HookSet } from './hooks.js';

const series = defineHook<[log: string[]], 'series'>('one-by-one', 'series', ['log']);
const parallel = defineHook<[log: string[]], 'parallel'>('at-once', 'parallel', ['log']);
const waterfall = defineHook<[value: number, by: number], 'waterfall'>('through', 'waterfall', ['value', 'by']);
const tick = (): Promise<void> => Promise.resolve();

describe('hooks', () => {
  it('in series: by stage, then by order, each awaited', async () => {
    const hooks = new HookSet();
    const log: string[] = [];
    hooks.tap(series, 'late', (to) => to.push('late'), 10);
    hooks.tap(series, 'a', async (to) => { await tick(); await tick(); to.push('a'); });
    hooks.tap(series, 'b', (to) => to.push('b'));
    hooks.tap(series, 'early', (to) => to.push('early'), -1);
    await hooks.call(series, log);
    expect(log).toEqual(['early', 'a', 'b', 'late']);
  });

  it('as waterfall: each gets what the one before made of it; undefined leaves it', async () => {
    const hooks = new HookSet();
    expect([hooks.used(waterfall), await hooks.call(waterfall, 1, 2)]).toEqual([false, 1]);
    hooks.tap(waterfall, 'a', (value, by) => value + by);
    hooks.tap(waterfall, 'b', () => undefined);
    hooks.tap(waterfall, 'c', async (value, by) => value * by);
    expect(await hooks.call(waterfall, 1, 2)).toBe(6);
  });

  it('in parallel: all run although some fail, and no failure is lost', async () => {
    const hooks = new HookSet();
    const log: string[] = [];
    hooks.tap(parallel, 'bad', () => { throw new Error('x'); });
    hooks.tap(parallel, 'slow', async (to) => { await tick(); to.push('slow'); });
    const one = await hooks.call(parallel, log).catch((error: unknown) => error);
    expect(one).toMatchObject({ code: 'HOOK_FAILED', details: { plugin: 'bad', hook: 'at-once' } });
    expect(log).toEqual(['slow']);
    hooks.tap(parallel, 'worse', () => Promise.reject(new Error('y')));
    const both = await hooks.call(parallel, log).catch((error: unknown) => error);
    expect((both as AggregateError).errors).toMatchObject([{ details: { plugin: 'bad' } }, { details: { plugin: 'worse' } }]);
  });

  it('a removed tap is gone, also from a call that is under way, and removal is safe to repeat', async () => {
    const hooks = new HookSet();
    const log: string[] = [];
    let removeSecond = (): void => {};
    const removeFirst = hooks.tap(series, 'first', (to) => { to.push('first'); removeSecond(); });
    removeSecond = hooks.tap(series, 'second', (to) => to.push('second'));
    await hooks.call(series, log);
    expect(log).toEqual(['first']);
    removeFirst();
    removeFirst();
    expect(hooks.used(series)).toBe(false);
    await hooks.call(series, log);
    expect(log).toEqual(['first']);
  });
});
