import type { FilterPlugin, OutsideInput, Pod, SchedulerProfile } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileProfile } from '../classes/compiled-profile.js';
import { defaultProfile } from '../profile.js';
import { Listeners } from '../state/listeners.js';
import { FakeCluster } from '../test-support/fake-cluster.js';
import { FakeVolumes, aClaim, aClass, aVolume, boundClaim, using } from '../test-support/fake-volumes.js';
import { aNode, aPod } from '../test-support/objects.js';
import { settle } from '../test-support/virtual-clock.js';
import { fixedProfiles } from './profiles.js';

// What makes the engine look at refused pods again, besides room on nodes.

let cluster: FakeCluster;
let stop: (() => Promise<void>) | undefined;

const start = async (...args: Parameters<FakeCluster['start']>) => {
  const running = await cluster.start(...args);
  stop = running.stop;
  return running.engine;
};

beforeEach(() => {
  cluster = new FakeCluster();
  cluster.putNode(aNode('n1'));
  cluster.putNode(aNode('n2'));
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  expect(cluster.clock.pending, 'timers left behind').toBe(0);
});

/** Tickets that pods need one of, by the name in their annotation. */
class Tickets implements OutsideInput {
  readonly open = new Set<string>();
  readonly listeners = new Set<() => void>();
  complete: Promise<void> = Promise.resolve();

  readonly filter: FilterPlugin = {
    name: 'Tickets',
    outside: this,
    signature: (pod) => `${ticketOf(pod)}=${this.open.has(ticketOf(pod))}`,
    filter: (pod) => (this.open.has(ticketOf(pod)) ? { ok: true } : { ok: false, reasons: ['no ticket'], retryWhen: 'other-changes' }),
  };

  changed(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  synced = (): Promise<void> => this.complete;

  issue(name: string): void {
    this.open.add(name);
    for (const listener of this.listeners) listener();
  }
}
const ticketOf = ({ metadata }: Pod): string => metadata.annotations?.['ticket'] ?? '';
const withTicket = (name: string, ticket: string): Pod => aPod(name, { metadata: { annotations: { ticket } } });
const profileWith = (...filters: readonly FilterPlugin[]): SchedulerProfile => ({ ...defaultProfile(), filters: [...defaultProfile().filters, ...filters] });

describe('what filters look at outside', () => {
  it('wakes the refused pods that it matters to, and no others', async () => {
    const tickets = new Tickets();
    const engine = await start(fixedProfiles(profileWith(tickets.filter)));
    for (const name of ['red', 'blue']) cluster.put(withTicket(name, name));
    await cluster.clock.advance(60_000);
    expect(cluster.patches.map(({ message }) => message)).toEqual(Array(2).fill('0/2 nodes are available: 2 no ticket.'));
    const before = engine.stats.decided;
    tickets.issue('green');
    tickets.issue('blue');
    await cluster.clock.advance(1_000);
    expect(cluster.nodeOf('blue')).toBeDefined();
    expect(cluster.nodeOf('red')).toBeUndefined();
    expect(engine.stats.decided - before).toBe(1);
  });

  it('is waited for before anything is decided, and not listened to any more at the end', async () => {
    const tickets = new Tickets();
    let complete = (): void => {};
    tickets.complete = new Promise((resolve) => (complete = resolve));
    cluster.put(withTicket('red', 'red'));
    const engine = await start(fixedProfiles(profileWith(tickets.filter)));
    await cluster.clock.advance(10_000);
    expect(engine.stats.decided).toBe(0);
    tickets.issue('red');
    complete();
    await cluster.clock.advance(10);
    expect(cluster.nodeOf('red')).toBeDefined();
    expect(cluster.patches).toEqual([]);
    await stop?.();
    expect(tickets.listeners.size).toBe(0);
  });

  it('is followed as filters are exchanged; one that fails to be complete is reported and used as it is', async () => {
    const [first, second] = [new Tickets(), new Tickets()];
    second.synced = () => Promise.reject(new Error('no connection'));
    const view = { version: 0, profiles: [profileWith(first.filter)], list: () => view.profiles, changed: () => () => {} };
    const engine = await start(view);
    expect(first.listeners.size).toBe(1);
    view.profiles = [profileWith(second.filter)];
    view.version++;
    cluster.put(withTicket('red', 'red'));
    // An explanation reads the profiles too; the engine must not miss the change for that.
    await engine.explain({ namespace: 'default', name: 'red' });
    await cluster.clock.advance(5_000);
    expect([first.listeners.size, second.listeners.size]).toEqual([0, 1]);
    expect(cluster.errors.join()).toContain('no connection');
    second.issue('red');
    await cluster.clock.advance(1_000);
    expect(cluster.nodeOf('red')).toBeDefined();
  });

  it('has to show in a signature', () => {
    const { outside, filter } = new Tickets().filter as Required<Pick<FilterPlugin, 'outside' | 'filter'>>;
    expect(() => compileProfile({ schedulerName: 'x', filters: [{ name: 'Unsigned', outside, filter }], scores: [] })).toThrow('Scheduler plugin "Unsigned" depends on something outside and has no signature.');
  });
});

describe('a new place', () => {
  const web = { matchLabels: { app: 'web' } };
  const alone = (name: string): Pod =>
    aPod(name, { labels: { app: 'web' }, spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: web }] } } as never } });

  it('wakes pods that were refused for what is on other nodes: a node that is new, or in another zone now', async () => {
    cluster.putNode(aNode('n1', { labels: { zone: 'a' } }));
    cluster.putNode(aNode('n2', { labels: { zone: 'a' } }));
    await start();
    for (const name of ['first', 'second', 'third']) cluster.put(alone(name));
    await cluster.clock.advance(10_000);
    expect(cluster.binds).toHaveLength(1);
    cluster.putNode(aNode('n3', { labels: { zone: 'c' } }));
    await cluster.clock.advance(15_000);
    expect(cluster.binds.map(({ node }) => node)).toContain('n3');
    const free = cluster.binds[0]?.node === 'n1' ? 'n2' : 'n1';
    cluster.putNode(aNode(free, { labels: { zone: 'b' } }));
    await cluster.clock.advance(15_000);
    expect(cluster.binds.map(({ node }) => node)).toContain(free);
  });
});

describe('namespaces', () => {
  it('that get the labels a pod asks for let it be scheduled beside their pods', async () => {
    const listeners = new Listeners();
    const other: Record<string, string> = {};
    const namespaces = { version: 0, labels: (name: string) => (name === 'other' ? { ...other } : {}), outside: { changed: (listener: () => void) => listeners.add(listener) } };
    await start(fixedProfiles(defaultProfile('default-scheduler', { namespaces })));
    cluster.put(aPod('web', { labels: { app: 'web' }, metadata: { namespace: 'other' }, spec: { nodeName: 'n2' } }));
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } }, namespaceSelector: { matchLabels: { team: 'a' } } };
    cluster.put(aPod('p', { spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } as never } }));
    await cluster.clock.advance(10_000);
    expect(cluster.nodeOf('p')).toBeUndefined();
    other['team'] = 'a';
    namespaces.version++;
    listeners.tell();
    await cluster.clock.advance(10);
    expect(cluster.nodeOf('p')).toBe('n2');
  });
});

describe('claims', () => {
  const withVolumes = (volumes: FakeVolumes) => fixedProfiles(defaultProfile('default-scheduler', { volumes }));

  it('that come later let their pods be scheduled', async () => {
    const volumes = new FakeVolumes().put(aVolume('v', 'n2'));
    await start(withVolumes(volumes));
    cluster.put(aPod('p', { spec: using('data') }));
    await cluster.clock.advance(10_000);
    expect(cluster.patches.at(-1)?.message).toBe('0/2 nodes are available: persistentvolumeclaim "data" not found.');
    volumes.put(boundClaim('data', 'v'));
    await cluster.clock.advance(10);
    expect(cluster.nodeOf('p')).toBe('n2');
  });

  it('keep their pods together from the first decision on, before any bind is through', async () => {
    const volumes = new FakeVolumes().put(aClass('made', 'example.com/made'), ...['a', 'b', 'c', 'd'].map((name) => aClaim(name, { spec: { storageClassName: 'made' } })));
    cluster.beforeBind = () => cluster.clock.sleep(100, new AbortController().signal);
    await start(withVolumes(volumes));
    for (let i = 0; i < 20; i++) cluster.put(aPod(`p${i}`, { spec: using(['a', 'b', 'c', 'd'][i % 4] as string) }));
    await cluster.clock.advance(10_000);
    expect(cluster.binds).toHaveLength(20);
    for (let claim = 0; claim < 4; claim++) {
      expect(new Set(Array.from({ length: 5 }, (_, i) => cluster.nodeOf(`p${claim + 4 * i}`))).size).toBe(1);
    }
  });

  it('of two pods that want the last volume, one waits', async () => {
    const volumes = new FakeVolumes().put(aClass('local', 'kubernetes.io/no-provisioner'), aVolume('v', 'n1', { storageClassName: 'local' }), ...['a', 'b'].map((name) => aClaim(name, { spec: { storageClassName: 'local' } })));
    const engine = await start(withVolumes(volumes));
    for (const name of ['a', 'b']) cluster.put(aPod(name, { spec: using(name) }));
    await cluster.clock.advance(1_000);
    expect(cluster.binds).toHaveLength(1);
    const waiting = cluster.nodeOf('a') === undefined ? 'a' : 'b';
    const { message, nodes } = await engine.explain({ namespace: 'default', name: waiting });
    expect(message).toBe("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.");
    expect(nodes[0]?.refusals.map(({ plugin }) => plugin)).toEqual(['VolumeBinding']);
    cluster.remove(waiting === 'a' ? 'b' : 'a');
    await cluster.clock.advance(10_000);
    await settle();
    expect(cluster.nodeOf(waiting)).toBe('n1');
  });
});
