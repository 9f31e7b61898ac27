import { inject, injectable } from 'inversify';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { memoryStore } from '@orrery/store-memory';
import { Admissions, Clock, createOrchestrator, definePlugin, hooks, NodeFilters, PASS, type Plugin, Proxies, Runtimes, SchedulerProfiles, seat, Store } from '../index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { satisfies } from './assemble.js';
import { OrreryError } from './errors.js';
import { systemClock } from './platform.js';
import type { Runnable } from './runnable.js';

const never = new Promise<void>(() => {});
const assemble = (...plugins: Plugin[]) => createOrchestrator({ plugins: [memoryStore(), ...plugins], limits: { setupTimeoutMs: 200, startTimeoutMs: 200, stopTimeoutMs: 200 } });
const plugin = (name: string, setup: Parameters<typeof definePlugin>[0]['setup'] = () => {}, more: Partial<Parameters<typeof definePlugin>[0]> = {}): Plugin =>
  (definePlugin({ name, setup, ...more } as Parameters<typeof definePlugin>[0]) as unknown as () => Plugin)();
const failure = async (promise: Promise<unknown>): Promise<OrreryError> => {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  if (!OrreryError.is(error)) throw new Error(`expected an OrreryError, got ${String(error)}`);
  return error;
};
const untilAborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
const part = (name: string, run: Runnable['run'], phase: Runnable['phase'] = 'agents'): (() => Runnable) => () => ({ name, phase, run });

describe('an assembly that is wrong is one clear error before anything starts', () => {
  it('options that do not parse: plugin and path', async () => {
    const shop = definePlugin({ name: 'shop', options: z.strictObject({ limits: z.object({ max: z.number() }) }), setup: () => {} });
    const error = await failure(assemble(shop({ limits: { max: 'many' as never } })));
    expect(error.code).toBe('OPTIONS_INVALID');
    expect(error.message).toContain('"shop": options.limits.max');
  });

  it('a seat taken twice: both plugins', async () => {
    const error = await failure(assemble(plugin('other-store', ({ provide }) => provide(Store, () => ({}) as never))));
    expect(error.code).toBe('SEAT_TAKEN');
    expect(error.details['plugins']).toEqual(['store-memory', 'other-store']);
    const profile = (name: string): Plugin => plugin(name, ({ provideNamed }) => provideNamed(SchedulerProfiles, 'default-scheduler', () => ({}) as never));
    expect((await failure(assemble(profile('a'), profile('b')))).details['plugins']).toEqual(['a', 'b']);
  });

  it('a seat left empty: the seat, and who needs it', async () => {
    expect((await failure(createOrchestrator({ plugins: [] }))).details).toEqual({ seat: 'Store' });
    const error = await failure(assemble(plugin('agent', () => {}, { requires: [Runtimes] })));
    expect([error.code, error.details]).toEqual(['SEAT_EMPTY', { seat: 'Runtime', plugin: 'agent' }]);
  });

  it('a loop of requirements: its path', async () => {
    const error = await failure(assemble(plugin('a', undefined, { requires: ['b'] }), plugin('b', undefined, { requires: ['c'] }), plugin('c', undefined, { requires: ['a'] })));
    expect([error.code, error.details['path']]).toEqual(['PLUGIN_CYCLE', ['a', 'b', 'c', 'a']]);
  });

  it('a missing plugin, one listed twice, one that was not called, another version', async () => {
    expect((await failure(assemble(plugin('a', undefined, { requires: ['b'] })))).code).toBe('PLUGIN_MISSING');
    expect((await failure(assemble(plugin('a'), plugin('a')))).message).toContain('"a" is listed twice');
    expect((await failure(assemble(memoryStore as never))).message).toContain('did you forget to call it');
    expect((await failure(assemble(plugin('a', undefined, { core: '^9.0.0' })))).details).toMatchObject({ plugin: 'a', needs: '^9.0.0' });
    expect([satisfies('1.4.0', '^1.2'), satisfies('1.1.0', '^1.2'), satisfies('0.2.0', '^0.1.0'), satisfies('0.1.3', '^0.1.0'), satisfies('2.0.0', '^1.2')]).toEqual([true, false, false, true, false]);
  });

  it('a setup that throws or hangs is named, and what was set up before is undone', async () => {
    const undone: string[] = [];
    const before = (name: string): Plugin => plugin(name, ({ scope }) => scope.defer(() => undone.push(name)));
    const thrown = await failure(assemble(before('one'), before('two'), plugin('bad', ({ scope }) => { scope.defer(() => undone.push('bad')); throw new Error('no disk'); })));
    expect([thrown.code, thrown.details]).toEqual(['PLUGIN_FAILED', { plugin: 'bad' }]);
    expect(thrown.message).toContain('no disk');
    expect(undone).toEqual(['bad', 'two', 'one']);
    expect((await failure(assemble(plugin('slow', () => never)))).details).toEqual({ plugin: 'slow' });
  });
});

describe('starting and stopping', () => {
  it('follows the phases, and back', async () => {
    const order: string[] = [];
    const tell = (name: string, phase: Runnable['phase']): Plugin =>
      plugin(name, ({ run }) => run(part(name, async (signal, ready) => { order.push(`+${name}`); ready(); await untilAborted(signal); order.push(`-${name}`); }, phase)));
    const orchestrator = await assemble(tell('proxy', 'proxy'), tell('scheduler', 'scheduler'), tell('agents', 'agents'));
    await orchestrator.start();
    await orchestrator.stop();
    await orchestrator.stop();
    expect(order).toEqual(['+scheduler', '+agents', '+proxy', '-proxy', '-agents', '-scheduler']);
    expect((await failure(orchestrator.start())).code).toBe('CLOSED');
  });

  it('a part that fails or hangs while starting is named, and what had started is stopped', async () => {
    const stopped: string[] = [];
    const good = plugin('good', ({ run }) => run(part('good', async (signal, ready) => { ready(); await untilAborted(signal); stopped.push('good'); }, 'scheduler')));
    const bad = (run: Runnable['run']): Plugin => plugin('bad', (context) => context.run(part('engine', run)));
    const one = await assemble(good, bad(() => Promise.reject(new Error('no socket'))));
    const error = await failure(one.start());
    expect([error.code, error.details]).toEqual(['PLUGIN_FAILED', { plugin: 'bad', part: 'engine' }]);
    expect(stopped).toEqual(['good']);
    const two = await assemble(bad((signal) => untilAborted(signal)));
    expect((await failure(two.start())).code).toBe('PLUGIN_TIMEOUT');
  });

  it('a part that fails later stops everything and is told by finished()', async () => {
    let fail: (error: Error) => void = () => {};
    const orchestrator = await assemble(plugin('fragile', ({ run }) => run(part('glass', (_signal, ready) => { ready(); return new Promise((_, reject) => { fail = reject; }); }))));
    await orchestrator.start();
    fail(new Error('broke'));
    expect((await failure(orchestrator.finished())).message).toContain('"glass" of plugin "fragile"');
    await expect(orchestrator.client.kind((await import('../index.js')).Pod).list()).rejects.toThrow();
  });

  it('a part that does not stop is named, and the rest stops all the same', async () => {
    const stopped: string[] = [];
    const orchestrator = await assemble(
      plugin('deaf', ({ run, scope }) => { scope.defer(() => stopped.push('deaf scope')); run(part('deaf', (_signal, ready) => { ready(); return never; })); }),
      plugin('fine', ({ scope }) => scope.defer(() => stopped.push('fine scope'))),
    );
    await orchestrator.start();
    expect((await failure(orchestrator.stop())).details).toMatchObject({ plugin: 'deaf', part: 'deaf' });
    expect(stopped).toEqual(['fine scope', 'deaf scope']);
  });

  it('two orchestrators in one process do not meet', async () => {
    const [a, b] = await Promise.all([assemble(), assemble()]);
    await Promise.all([a.start(), b.start()]);
    const { ConfigMap } = await import('../index.js');
    await a.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } });
    expect(await b.client.kind(ConfigMap).find({ name: 'mine' })).toBeUndefined();
    await a.stop();
    expect((await b.client.kind(ConfigMap).list()).items).toEqual([]);
    await b.stop();
  });
});

describe('replacing a plugin while running', () => {
  const filter = (name: string): Plugin => plugin(name, ({ add, scope }) => { add(NodeFilters, { name, filter: () => PASS }); scope.defer(() => closed.push(name)); });
  const closed: string[] = [];

  it('exchanges list items in one step, and undoes the old plugin', async () => {
    closed.length = 0;
    const told: unknown[] = [];
    const orchestrator = await assemble(filter('first'), filter('second'), plugin('listener', ({ tap }) => tap(hooks.replaced, (change) => told.push(change))));
    await orchestrator.start();
    const list = orchestrator.get(NodeFilters);
    const before = list.items();
    await orchestrator.replace('first', filter('third'));
    expect(before.map(({ name }) => name)).toEqual(['first', 'second']);
    expect(list.items().map(({ name }) => name)).toEqual(['third', 'second']);
    expect(closed).toEqual(['first']);
    expect(told).toEqual([{ old: 'first', next: 'third' }]);
    await orchestrator.stop();
  });

  it('refuses what cannot be exchanged, and changes nothing', async () => {
    const orchestrator = await assemble(filter('first'));
    await orchestrator.start();
    expect((await failure(orchestrator.replace('store-memory', memoryStore()))).details).toMatchObject({ seat: 'Store' });
    expect((await failure(orchestrator.replace('nobody', filter('x')))).code).toBe('NOT_FOUND');
    expect((await failure(orchestrator.replace('first', plugin('fixed', ({ provide }) => provide(seat('Toy'), () => 1))))).code).toBe('SEAT_FIXED');
    expect((await failure(orchestrator.replace('first', plugin('broken', () => { throw new Error('no'); })))).code).toBe('PLUGIN_FAILED');
    expect(orchestrator.get(NodeFilters).items().map(({ name }) => name)).toEqual(['first']);
    await orchestrator.stop();
  });

  it('puts the old one back when the new one does not start', async () => {
    const runs: string[] = [];
    const running = (name: string, fine: boolean): Plugin =>
      plugin(name, ({ add, run }) => {
        add(NodeFilters, { name, filter: () => PASS });
        run(part(name, async (signal, ready) => { if (!fine) throw new Error('will not'); runs.push(name); ready(); await untilAborted(signal); }));
      });
    const orchestrator = await assemble(running('good', true));
    await orchestrator.start();
    expect((await failure(orchestrator.replace('good', running('bad', false)))).message).toContain('will not');
    expect(runs).toEqual(['good', 'good']);
    expect(orchestrator.get(NodeFilters).items().map(({ name }) => name)).toEqual(['good']);
    await orchestrator.stop();
  });

  it('swaps a thousand times under readers without a mixture and without growth', async () => {
    const orchestrator = await assemble(filter('p0'));
    await orchestrator.start();
    const list = orchestrator.get(NodeFilters);
    for (let i = 1; i <= 1000; i += 1) {
      await orchestrator.replace(`p${i - 1}`, filter(`p${i}`));
      expect(list.items().map(({ name }) => name)).toEqual([`p${i}`]);
    }
    await orchestrator.stop();
  });
});

describe('wiring', () => {
  it('fills seats with functions and with injectable classes, once', async () => {
    const Greeter = seat<{ greet(): string }>('Greeter');
    const Name = seat<string>('Name');
    @injectable()
    class ClassGreeter {
      static made = 0;
      constructor(@inject(Name) private readonly name: string, @inject(Clock) private readonly clock: Clock) {
        ClassGreeter.made += 1;
      }
      greet(): string {
        return `${this.name} ${typeof this.clock.now()}`;
      }
    }
    const orchestrator = await assemble(plugin('greeter', ({ provide }) => { provide(Name, () => 'hello'); provide(Greeter, ClassGreeter); }));
    expect([orchestrator.get(Greeter).greet(), orchestrator.get(Greeter).greet(), ClassGreeter.made]).toEqual(['hello number', 'hello number', 1]);
    await orchestrator.stop();
  });

  it('gives empty lists, defaults of named seats, and errors for empty seats', async () => {
    const orchestrator = await assemble(plugin('rt', ({ provideNamed }) => { provideNamed(Runtimes, 'a', () => ({ name: 'a' }) as never); provideNamed(Runtimes, 'b', () => ({ name: 'b' }) as never); }));
    expect(orchestrator.get(Proxies).items()).toEqual([]);
    expect(orchestrator.get(Admissions).items()).toEqual([]);
    expect([orchestrator.get(Runtimes).get()?.name, orchestrator.get(Runtimes).get('b')?.name, orchestrator.get(Runtimes).get('c')]).toEqual(['a', 'b', undefined]);
    expect(() => orchestrator.get(seat('Nothing'))).toThrow(/"Nothing"/);
    await orchestrator.stop();
  });

  it('takes presets apart: an included plugin is set up once, and a listed one wins', async () => {
    const set: string[] = [];
    const base = definePlugin({ name: 'base', options: z.object({ size: z.number().default(1) }).default({ size: 1 }), setup: ({ options }) => void set.push(`base ${options.size}`) });
    const over = (name: string): Plugin => plugin(name, () => void set.push(name), { includes: () => [base()] });
    await (await assemble(over('x'), over('y'))).stop();
    expect(set).toEqual(['x', 'y', 'base 1']);
    set.length = 0;
    await (await assemble(over('x'), base({ size: 7 }))).stop();
    expect(set).toContain('base 7');
    expect(set).not.toContain('base 1');
  });

  it('names plugin and hook when a tap fails', async () => {
    const orchestrator = await assemble(plugin('tapper', ({ tap }) => tap(hooks.started, () => { throw new Error('not today'); })));
    const error = await failure(orchestrator.start());
    expect([error.code, error.details]).toEqual(['HOOK_FAILED', { plugin: 'tapper', hook: 'started' }]);
  });

  it('uses the clock and the chance it is given', async () => {
    const orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock: systemClock, random: new SeededRandom(1) });
    expect(orchestrator.get(Clock)).toBe(systemClock);
    await orchestrator.stop();
  });
});
