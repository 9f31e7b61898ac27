import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../client/api-client.js';
import type { Network } from '../contracts/network.js';
import type { Store } from '../contracts/store.js';
import { silentLogger } from '../kernel/logger.js';
import { builtinKinds } from '../model/builtin-kinds.js';
import { Service } from '../model/kinds/service.js';
import { KindRegistry } from '../model/registry.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { FaultyStore } from '../testing/simulation/faulty-store.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { ApiServer } from './server.js';

let clock: VirtualClock;
let store: MemoryStore;
const ends: (() => Promise<void>)[] = [];

beforeEach(() => {
  clock = new VirtualClock();
  store = new MemoryStore({ clock });
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await store.close();
  expect(clock.pending).toBe(0);
});

/** Gives out the lowest of a few addresses that it does not know to be taken. */
class SmallNetwork implements Network {
  readonly taken = new Set<string>();
  /** @param deaf it does not listen to what it is told */
  constructor(private readonly deaf = false) {}
  allocate(draft: Service, old: Service | undefined): () => void {
    if (old !== undefined) return () => {};
    const wanted = draft.spec.clusterIP ?? '';
    const address = wanted !== '' ? wanted : [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `10.0.0.${n}`).find((one) => !this.taken.has(one));
    if (address === undefined) throw new Error('no address is left');
    if (wanted !== '' && this.taken.has(wanted)) throw new Error(`${wanted} is taken`);
    this.taken.add(address);
    draft.spec.clusterIP = address;
    draft.spec.clusterIPs = [address];
    return () => this.taken.delete(address);
  }
  holds({ spec }: Service): readonly string[] {
    return (spec.clusterIPs ?? []).map((address) => `ip/${address}`);
  }
  take(names: readonly string[]): void {
    if (!this.deaf) for (const name of names) this.taken.add(name.slice(3));
  }
  free(names: readonly string[]): void {
    for (const name of names) this.taken.delete(name.slice(3));
  }
}

async function serve(network = new SmallNetwork(), on: Store = store) {
  const kinds = new KindRegistry(builtinKinds);
  const server = new ApiServer({ store: on, kinds, clock, random: new SeededRandom(ends.length + 1), log: silentLogger, admissions: { items: () => [] }, network });
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const ready = new Promise<void>((resolve) => {
    running = server.run(stop.signal, resolve);
  });
  await ready;
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  ends.push(end);
  return { services: new ApiClient({ transport: server, kinds, user: { name: 'test', groups: [] } }).kind(Service), network, end };
}

const service = (name: string, clusterIP?: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports: [{ port: 80 }], ...(clusterIP !== undefined && { clusterIP }) } }) as Service;
const addressOf = ({ spec }: Service): string => spec.clusterIP ?? '';

describe('two servers on one store', () => {
  it('give out again what was given up while one of them could not hear of it', async () => {
    const deaf = new FaultyStore(store, clock, { watch: (prefix, { events }) => (prefix.includes('claims') && events.some(({ type }) => type === 'delete') ? { end: 'EXPIRED' } : undefined) });
    const [a, b] = [await serve(), await serve(new SmallNetwork(), deaf)];
    await a.services.create(service('first', '10.0.0.5'));
    await clock.settle();
    expect(b.network.taken).toContain('10.0.0.5');
    await a.services.delete({ namespace: 'default', name: 'first' });
    await clock.advance(1_000);
    expect(addressOf(await b.services.create(service('second', '10.0.0.5')))).toBe('10.0.0.5');
    await expect(a.services.create(service('third', '10.0.0.5'))).rejects.toThrow(/10\.0\.0\.5 is taken/);
  });

  it('never give one address to two Services, also when they do not know of each other yet', async () => {
    const [a, b] = [await serve(), await serve()];
    const made = await Promise.all([a, b, a, b, a, b, a, b].map(({ services }, i) => services.create(service(`s${i}`))));
    expect(new Set(made.map(addressOf)).size).toBe(8);
    await expect(a.services.create(service('one-more'))).rejects.toThrow(/no address is left/);
  });

  it('refuse an address that another gave out, and give it out again once it is free', async () => {
    const [a, b] = [await serve(), await serve()];
    await a.services.create(service('first', '10.0.0.5'));
    await expect(b.services.create(service('second', '10.0.0.5'))).rejects.toThrow(/10\.0\.0\.5 is taken/);
    await a.services.delete({ namespace: 'default', name: 'first' });
    await clock.settle();
    expect(addressOf(await b.services.create(service('second', '10.0.0.5')))).toBe('10.0.0.5');
  });

  it('write a claim and its Service together, or neither', async () => {
    const a = await serve();
    await a.services.create(service('s'));
    expect((await store.range('/orrery/claims/')).entries.map(({ key, value }) => [key, value['service']])).toEqual([['/orrery/claims/ip/10.0.0.1', 'default/s']]);
    await expect(a.services.create(service('s'))).rejects.toMatchObject({ reason: 'AlreadyExists' });
    expect((await store.range('/orrery/claims/')).entries).toHaveLength(1);
    await a.services.delete({ namespace: 'default', name: 's' });
    expect((await store.range('/orrery/claims/')).entries).toHaveLength(0);
  });

  it('claim what Services hold that were written before there were claims', async () => {
    const before = await serve();
    await before.services.create(service('old'));
    await before.end();
    await store.commit({ guards: [], writes: [{ key: '/orrery/claims/ip/10.0.0.1', delete: true }] });
    const [a, b] = [await serve(), await serve()];
    expect((await store.range('/orrery/claims/')).entries).toHaveLength(1);
    expect(addressOf(await a.services.create(service('new')))).toBe('10.0.0.2');
    expect(b.network.taken).toContain('10.0.0.1');
  });

  it('are not held up by a network that offers what is taken for ever', async () => {
    const [a, deaf] = [await serve(), await serve(new SmallNetwork(true))];
    await a.services.create(service('s'));
    await expect(deaf.services.create(service('t'))).rejects.toMatchObject({ reason: 'InternalError' });
  });
});
