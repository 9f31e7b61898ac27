import { inject, injectable } from 'inversify';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { memoryStore } from '@orrery/store-memory';
import { Admissions, Clock, Controllers, createOrchestrator, defineKind, definePlugin, hooks, Kinds, NodeFilters, PASS, type Plugin, Pod, Proxies, Runtimes, SchedulerProfiles, seat, Store } from '../index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
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

describe('stopping at awkward moments', () => {
  it('in the middle of a start: the start ends, what had started stops, nothing starts later', async () => {
    const order: string[] = [];
    const tell = (name: string, phase: Runnable['phase'], isReady: boolean): Plugin =>
      plugin(name, ({ run }) => run(part(name, async (signal, ready) => { order.push(`+${name}`); if (isReady) ready(); await untilAborted(signal); order.push(`-${name}`); }, phase)));
    const orchestrator = await assemble(tell('scheduler', 'scheduler', true), tell('slow', 'agents', false), tell('proxy', 'proxy', true));
    const starting = failure(orchestrator.start());
    await vi.waitUntil(() => order.includes('+slow'));
    await orchestrator.stop();
    expect((await starting).code).toBe('ABORTED');
    expect(order).toEqual(['+scheduler', '+slow', '-slow', '-scheduler']);
    await orchestrator.finished();
  });

  it('before a start, also when somebody asked for a cache: no timer is left', async () => {
    const clock = new VirtualClock();
    const orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock });
    orchestrator.informers.get(Pod);
    await clock.settle();
    await orchestrator.stop();
    expect(clock.pending).toBe(0);
    expect((await failure(orchestrator.start())).code).toBe('CLOSED');
  });

  it('a failure while others still start ends the start at once', async () => {
    let fail: (error: Error) => void = () => {};
    const orchestrator = await assemble(
      plugin('fragile', ({ run }) => run(part('glass', (_signal, ready) => { ready(); return new Promise((_, reject) => { fail = reject; }); }, 'scheduler'))),
      plugin('slow', ({ run }) => run(part('slow', (signal) => { fail(new Error('broke')); return untilAborted(signal); }))),
    );
    expect((await failure(orchestrator.start())).message).toContain('broke');
    expect((await failure(orchestrator.finished())).details).toMatchObject({ plugin: 'fragile' });
  });

  it('start is called once; a replacement after stop is refused', async () => {
    const orchestrator = await assemble(plugin('a'));
    const first = orchestrator.start();
    expect((await failure(orchestrator.start())).code).toBe('CLOSED');
    await first;
    const stopping = orchestrator.stop();
    expect((await failure(orchestrator.replace('a', plugin('b')))).code).toBe('CLOSED');
    await stopping;
  });

  it('an assembly that fails after its plugins were set up undoes them', async () => {
    const undone: string[] = [];
    const tidy = plugin('tidy', ({ scope }) => scope.defer(() => undone.push('tidy')));
    await expect(createOrchestrator({ plugins: [tidy] })).rejects.toMatchObject({ code: 'SEAT_EMPTY' });
    await expect(createOrchestrator({ plugins: [tidy, plugin('bad-store', ({ provide }) => provide(Store, () => { throw new Error('no disk'); }))] })).rejects.toThrow('no disk');
    expect(undone).toEqual(['tidy', 'tidy']);
  });

  it('a setup that goes on after its time: what it starts then is undone, and it registers nothing', async () => {
    const undone: string[] = [];
    let goOn: () => void = () => {};
    const gone: unknown[] = [];
    const late = plugin('late', async ({ scope, add }) => {
      await new Promise<void>((resolve) => { goOn = resolve; });
      try { add(NodeFilters, { name: 'late', filter: () => PASS }); } catch (error) { gone.push(error); }
      scope.defer(() => undone.push('late'));
    });
    expect((await failure(assemble(late))).code).toBe('PLUGIN_TIMEOUT');
    goOn();
    await vi.waitUntil(() => undone.length > 0);
    expect(gone).toMatchObject([{ code: 'CLOSED' }]);
  });
});

describe('exchanging what runs', () => {
  const running = (name: string, log: string[], more: Partial<Runnable> = {}): Plugin =>
    plugin(name, ({ run, tap }) => {
      run(() => { log.push(`made ${name}`); return { name, phase: 'agents', run: async (signal, ready) => { log.push(`+${name}`); ready(); await untilAborted(signal); log.push(`-${name}`); }, ...more }; });
      tap(hooks.replaced, () => void log.push(`heard by ${name}`));
    });

  it('a part is made once, the old one is stopped first, and taps change with it', async () => {
    const log: string[] = [];
    const orchestrator = await assemble(running('one', log));
    await orchestrator.start();
    await orchestrator.replace('one', running('two', log));
    expect(log).toEqual(['made one', '+one', '-one', 'made two', '+two', 'heard by two']);
    await orchestrator.stop();
  });

  it('two replacements at once happen one after the other', async () => {
    const log: string[] = [];
    const orchestrator = await assemble(running('one', log), running('b', log));
    await orchestrator.start();
    const outcomes = await Promise.allSettled([orchestrator.replace('one', running('two', log)), orchestrator.replace('one', running('three', log)), orchestrator.replace('two', running('four', log))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await orchestrator.stop();
    expect(log.filter((line) => /^[+-]/.test(line))).toEqual(['+one', '+b', '-one', '+two', '-two', '+four', '-four', '-b'].sort((a, b) => log.indexOf(a) - log.indexOf(b)));
    expect(log).not.toContain('+three');
  });

  it('controllers, proxies and kinds come and go with their plugin', async () => {
    const log: string[] = [];
    const kind = (name: string) => defineKind({ group: 'example.com', version: 'v1', kind: name, spec: z.object({ size: z.number() }) });
    const own = (name: string): Plugin =>
      plugin(name, ({ add }) => {
        add(Controllers, { name, start: () => { log.push(`+${name}`); return { watches: [], reconcile: async () => {} }; } });
        add(Proxies, { name, apply: async () => void log.push(`routes ${name}`) } as never);
        add(Kinds, kind(name === 'one' ? 'Toy' : 'Game') as never);
      });
    const orchestrator = await assemble(own('one'));
    await orchestrator.start();
    await orchestrator.replace('one', own('two'));
    expect(log).toEqual(['+one', 'routes one', '+two', 'routes two']);
    const applied = await orchestrator.client.apply({ apiVersion: 'example.com/v1', kind: 'Game', metadata: { name: 'chess' }, spec: { size: 8 } });
    expect(applied[0]?.action).toBe('created');
    await orchestrator.stop();
  });

  it('a part of the old plugin that cannot be stopped ends the orchestrator, by name', async () => {
    const orchestrator = await assemble(running('deaf', [], { run: (_signal, ready) => { ready(); return never; } }));
    await orchestrator.start();
    expect((await failure(orchestrator.replace('deaf', running('next', [])))).details).toMatchObject({ plugin: 'deaf' });
    expect((await failure(orchestrator.finished())).code).toBe('PLUGIN_TIMEOUT');
  });

  it('an injectable class given by both is two instances; seats that need each other are an error with the path', async () => {
    @injectable()
    class Sorter { readonly name = 's'; }
    const sorting = (name: string): Plugin => plugin(name, ({ provideNamed }) => provideNamed(SchedulerProfiles, 'default-scheduler', Sorter as never));
    const [A, B] = [seat<object>('A'), seat<object>('B')];
    const loop = plugin('loop', ({ provide }) => { provide(A, (get) => ({ b: get(B) })); provide(B, (get) => ({ a: get(A) })); });
    const orchestrator = await assemble(sorting('one'), loop);
    await orchestrator.start();
    const profiles = orchestrator.get(SchedulerProfiles);
    const before = profiles.get();
    await orchestrator.replace('one', sorting('two'));
    expect(profiles.get()).not.toBe(before);
    expect(profiles.get()).toBe(profiles.get());
    expect(() => orchestrator.get(A)).toThrow(/A → B → A/);
    await orchestrator.stop();
  });

  it('ten thousand replacements with taps and parts do not make memory or hooks grow', async () => {
    const orchestrator = await assemble(running('p0', []));
    await orchestrator.start();
    const quiet = (i: number): Plugin => plugin(`p${i}`, ({ tap, add }) => { tap(hooks.replaced, () => {}); add(NodeFilters, { name: `p${i}`, filter: () => PASS }); });
    const span = async (from: number, to: number): Promise<number> => {
      const began = performance.now();
      for (let i = from; i < to; i += 1) await orchestrator.replace(`p${i}`, quiet(i + 1));
      return performance.now() - began;
    };
    await span(0, 1_000);
    const early = await span(1_000, 3_000);
    await span(3_000, 8_000);
    const late = await span(8_000, 10_000);
    // With dead taps kept in the hook, the last ones would take many times as long.
    expect(late).toBeLessThan(early * 3 + 100);
    await orchestrator.stop();
  });
});
