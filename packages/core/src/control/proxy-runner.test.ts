import { describe, expect, it } from 'vitest';
import type { Informer, InformerHandler, Informers } from '../contracts/client.js';
import type { Proxy, RouteDelta } from '../contracts/proxy.js';
import { OrreryError } from '../kernel/errors.js';
import { silentLogger } from '../kernel/logger.js';
import type { EndpointSlice } from '../model/kinds/endpointslice.js';
import { Service } from '../model/kinds/service.js';
import type { KubeObject } from '../model/object.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { ProxyRunner } from './proxy-runner.js';

const service = (name: string, port = 80, labels: Record<string, string> = {}): Service =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: name, labels }, spec: { clusterIP: '127.200.0.1', clusterIPs: ['127.200.0.1'], ports: [{ port }] } }) as unknown as Service;

/** An informer that a test speaks for. */
class Told<T extends KubeObject> {
  handler: InformerHandler<T> = {};
  revision = 1;
  sync!: () => void;
  readonly #synced = new Promise<void>((resolve) => (this.sync = resolve));

  get informer(): Informer<T> {
    return {
      subscribe: (handler: InformerHandler<T>) => {
        this.handler = handler;
        return () => (this.handler = {});
      },
      synced: () => this.#synced,
      health: () => ({ synced: true, revision: this.revision, silentForMs: 0, relists: 0 }),
    } as unknown as Informer<T>;
  }
}

/** A proxy whose answers a test gives. */
class FakeProxy {
  readonly deltas: RouteDelta[] = [];
  running = 0;
  most = 0;
  answer: () => Promise<void> = async () => {};

  readonly proxy = {
    name: 'fake',
    apply: async (delta: RouteDelta) => {
      this.deltas.push(delta);
      this.running += 1;
      this.most = Math.max(this.most, this.running);
      try {
        await this.answer();
      } finally {
        this.running -= 1;
      }
    },
  } as unknown as Proxy;

  get last(): { upserts: string[]; removes: readonly string[] } | undefined {
    const delta = this.deltas.at(-1);
    return delta && { upserts: delta.upserts.map(({ id, port }) => `${id}${port}`).sort(), removes: delta.removes };
  }
}

function setUp() {
  const services = new Told<Service>();
  const slices = new Told<EndpointSlice>();
  const clock = new VirtualClock();
  const events: string[] = [];
  const fake = new FakeProxy();
  const abort = new AbortController();
  const state = { ready: false, ended: false };
  const informers = { get: (kind: unknown) => (kind === Service ? services.informer : slices.informer) } as unknown as Informers;
  const runner = new ProxyRunner(fake.proxy, {
    informers,
    events: { event: (about, type, reason, message) => events.push(`${about.metadata.name} ${type} ${reason} ${message}`) },
    clock,
    random: new SeededRandom(1),
    log: silentLogger,
  });
  const done = runner.run(abort.signal, () => (state.ready = true)).finally(() => (state.ended = true));
  return { services, slices, clock, events, fake, abort, state, done };
}

async function started() {
  const world = setUp();
  world.services.sync();
  world.slices.sync();
  await world.clock.settle();
  return world;
}

describe('the proxy runner', () => {
  it('gives everything at once when both caches are synced, and is ready then', async () => {
    const { services, slices, clock, fake, state, abort, done } = setUp();
    services.handler.added?.(service('a'), true);
    services.handler.added?.(service('b'), true);
    services.sync();
    await clock.settle();
    expect([fake.deltas.length, state.ready]).toEqual([0, false]);
    [services.revision, slices.revision] = [9, 7];
    slices.sync();
    await clock.settle();
    expect(fake.last).toEqual({ upserts: ['default/a:80', 'default/b:80'], removes: [] });
    expect([fake.deltas[0]?.revision, state.ready]).toEqual([7, true]);
    abort.abort();
    await done;
    expect(services.handler).toEqual({});
  });

  it('gives a first delta also when there is nothing', async () => {
    const { fake, state } = await started();
    expect([fake.last, state.ready]).toEqual([{ upserts: [], removes: [] }, true]);
  });

  it('gives the changes of one turn in one delta, without waiting', async () => {
    const { services, clock, fake } = await started();
    services.handler.added?.(service('a'), false);
    services.handler.added?.(service('b'), false);
    services.handler.updated?.(service('a', 81), service('a'));
    await clock.settle();
    expect([fake.deltas.length, fake.last]).toEqual([2, { upserts: ['default/a:81', 'default/b:80'], removes: [] }]);
    expect([clock.monotonic(), clock.pending]).toEqual([0, 0]);
  });

  it('gives nothing for changes that are no business of the proxy', async () => {
    const { services, clock, fake } = await started();
    services.handler.added?.(service('a'), false);
    await clock.settle();
    services.handler.updated?.(service('a', 80, { some: 'label' }), service('a'));
    await clock.settle();
    expect(fake.deltas.length).toBe(2);
  });

  it('never gives two at once; what changes meanwhile is in the next', async () => {
    const { services, clock, fake } = await started();
    let finish = (): void => {};
    fake.answer = () => new Promise((resolve) => (finish = resolve));
    services.handler.added?.(service('a'), false);
    await clock.settle();
    services.handler.added?.(service('b'), false);
    services.handler.deleted?.(service('a'));
    await clock.settle();
    expect(fake.deltas.length).toBe(2);
    fake.answer = async () => {};
    finish();
    await clock.settle();
    expect([fake.deltas.length, fake.last, fake.most]).toEqual([3, { upserts: ['default/b:80'], removes: ['default/a:'] }, 1]);
  });

  it('gives a failed delta again after a growing while, and tells the service', async () => {
    const { services, clock, fake, events } = await started();
    fake.answer = async () => {
      throw new OrreryError('UNAVAILABLE', 'no', { failures: [{ route: 'default/a:', reason: 'the address is in use' }] });
    };
    services.handler.added?.(service('a'), false);
    await clock.settle();
    expect(events).toEqual(['a Warning ProxyProgrammingFailed Route default/a:: the address is in use']);
    await clock.advance(10_000);
    const attempts = fake.deltas.length - 1;
    expect(attempts > 5 && attempts < 12).toBe(true);
    fake.answer = async () => {};
    await clock.advance(30_000);
    expect(fake.last).toEqual({ upserts: ['default/a:80'], removes: [] });
    const settled = fake.deltas.length;
    await clock.advance(600_000);
    expect(fake.deltas.length).toBe(settled);
  });

  it('merges a failed delta with what is newer, and does not let it hold up the others', async () => {
    const { services, clock, fake } = await started();
    fake.answer = () => Promise.reject(new Error('no'));
    services.handler.added?.(service('a'), false);
    services.handler.added?.(service('b'), false);
    await clock.settle();
    services.handler.deleted?.(service('a'));
    services.handler.updated?.(service('b', 81), service('b'));
    services.handler.added?.(service('c'), false);
    await clock.settle();
    expect([clock.monotonic(), fake.last]).toEqual([0, { upserts: ['default/b:81', 'default/c:80'], removes: ['default/a:'] }]);
  });

  it('does not repeat what cannot succeed', async () => {
    const { services, clock, fake, state } = await started();
    fake.answer = () => Promise.reject(new OrreryError('UNSUPPORTED', 'SCTP'));
    services.handler.added?.(service('a'), false);
    await clock.advance(600_000);
    expect([fake.deltas.length, state.ended]).toEqual([2, false]);
  });

  it('is ready also when the first delta fails, and ends while waiting to repeat it', async () => {
    const { services, slices, clock, fake, state, abort, done } = setUp();
    fake.answer = () => Promise.reject(new Error('no'));
    services.handler.added?.(service('a'), true);
    services.sync();
    slices.sync();
    await clock.settle();
    expect(state.ready).toBe(true);
    abort.abort();
    await done;
    expect(clock.pending).toBe(0);
  });
});
