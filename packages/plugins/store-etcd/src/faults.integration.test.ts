import { rmSync } from 'node:fs';
import { type HistoryLoss, OrreryError } from '@orrery/core';
import { type Etcd, requireParts, startEtcd } from '@orrery/engines';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EtcdStore } from './etcd-store.js';
import { type Proxy, startProxy } from './test/proxy.js';
import { Watching } from './test/watching.js';

const { missing, note } = requireParts('etcd', 'etcdctl');

/** Writes 1, 2, 3 … to a key until told to stop; knows what was acknowledged. */
class Writer {
  acknowledged = 0;
  revision = 0;
  readonly failures: unknown[] = [];
  #stopped = false;
  readonly done: Promise<void>;

  constructor(private readonly store: EtcdStore, private readonly key: string) {
    this.done = this.#write();
  }

  async past(n: number): Promise<void> {
    await expect.poll(() => this.acknowledged, { timeout: 40_000, interval: 5 }).toBeGreaterThan(n);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.done;
  }

  async #write(): Promise<void> {
    for (let n = 1; !this.#stopped; n += 1) {
      try {
        const result = await this.store.commit({ guards: [{ key: this.key, modRevision: this.revision }], writes: [{ key: this.key, value: { n } }] });
        if (!result.ok) throw new Error(`a conflict with itself at ${n}`);
        this.revision = result.revision;
        this.acknowledged = n;
      } catch (error) {
        this.failures.push(error);
        const entry = await this.#found();
        this.revision = entry?.modRevision ?? 0;
        n = (entry?.value['n'] as number | undefined) ?? 0;
      }
    }
  }

  async #found() {
    for (;;) {
      try {
        return await this.store.get(this.key);
      } catch (error) {
        if (!OrreryError.is(error, 'UNAVAILABLE')) throw error;
      }
    }
  }
}

describe.skipIf(missing)(`one member${note}`, () => {
  let etcd: Etcd;
  let proxy: Proxy;
  let store: EtcdStore;
  beforeEach(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoints[0] as string);
    store = new EtcdStore({ endpoints: [proxy.endpoint], bookmarkMs: 200 });
  });
  afterEach(async () => {
    await store?.close();
    await proxy?.[Symbol.asyncDispose]();
    await etcd?.stop();
  });

  it('kill -9 and start again: nothing acknowledged is lost, and a watch misses nothing', async () => {
    const watching = new Watching(store, '/', await store.revision());
    const writer = new Writer(store, '/n');
    for (let life = 1; life <= 3; life += 1) {
      await writer.past(writer.acknowledged + 100);
      await etcd.members[0]?.kill('SIGKILL');
      etcd.members[0]?.start();
      await etcd.ready();
    }
    await writer.past(writer.acknowledged + 20);
    await writer.stop();
    expect(writer.failures.filter((error) => !OrreryError.is(error, 'UNAVAILABLE') && !OrreryError.is(error, 'OUTCOME_UNKNOWN'))).toEqual([]);
    expect(await store.get('/n')).toMatchObject({ value: { n: writer.acknowledged }, modRevision: writer.revision });
    await watching.reached(writer.revision);
    expect(watching.events.map(({ value }) => value['n'])).toEqual(Array.from({ length: writer.acknowledged }, (_, i) => i + 1));
    await watching.stop();
  });

  it('a watch that was cut off while its place was compacted ends with EXPIRED', async () => {
    await store.commit({ guards: [], writes: [{ key: '/a', value: { n: 0 } }] });
    await using other = new EtcdStore({ endpoints: etcd.endpoints });
    const watching = new Watching(store, '/', await store.revision());
    await watching.reached(1);
    proxy.way = 'closed';
    let last = 0;
    for (let n = 1; n <= 10; n += 1) {
      const result = await other.commit({ guards: [], writes: [{ key: '/a', value: { n } }] });
      last = result.ok ? result.revision : 0;
    }
    await other.compact(last);
    proxy.way = 'open';
    await watching.done;
    expect(OrreryError.is(watching.error, 'EXPIRED')).toBe(true);
    expect(watching.events).toEqual([]);
    // And from a new list it goes on.
    const { revision } = await store.range('/');
    const again = new Watching(store, '/', revision);
    const next = await other.commit({ guards: [], writes: [{ key: '/a', delete: true }] });
    await again.reached(next.ok ? next.revision : 0);
    expect(again.events.map(({ type, previous }) => [type, previous])).toEqual([['delete', { n: 10 }]]);
    await again.stop();
  });

  it('a watch goes on behind a place that others have compacted, if it had seen everything of its own', async () => {
    const watching = new Watching(store, '/', await store.revision());
    const made = await store.commit({ guards: [], writes: [{ key: '/a', value: {} }] });
    await watching.reached(made.ok ? made.revision : 0);
    for (let n = 0; n < 5; n += 1) await etcd.ctl('put', '/foreign', String(n));
    const next = await store.commit({ guards: [], writes: [{ key: '/b', value: {} }] });
    await watching.reached(next.ok ? next.revision : 0);
    await store.compact(next.ok ? next.revision : 0);
    proxy.way = 'closed';
    proxy.way = 'open';
    const last = await store.commit({ guards: [], writes: [{ key: '/c', value: {} }] });
    await watching.reached(last.ok ? last.revision : 0);
    expect(watching.events.map(({ key }) => key)).toEqual(['/a', '/b', '/c']);
    await watching.stop();
  });

  it('while etcd cannot be heard there are no bookmarks', async () => {
    const bookmarks: number[] = [];
    const abort = new AbortController();
    const since = await store.revision();
    const reading = (async () => {
      for await (const { revision } of store.watch('/', { since, signal: abort.signal })) bookmarks.push(revision);
    })();
    await expect.poll(() => bookmarks.length).toBeGreaterThan(2);
    proxy.way = 'silent';
    // The connection is given up when it no longer answers pings.
    await expect.poll(async () => {
      const before = bookmarks.length;
      await new Promise((resolve) => setTimeout(resolve, 700));
      return bookmarks.length - before;
    }, { timeout: 20_000 }).toBe(0);
    proxy.way = 'closed';
    proxy.way = 'open';
    const before = bookmarks.length;
    await expect.poll(() => bookmarks.length, { timeout: 10_000 }).toBeGreaterThan(before);
    abort.abort();
    await reading;
  });

  it('data that is gone is told as lost history, before anything of the new one', async () => {
    const losses: HistoryLoss[] = [];
    store.onHistoryLost((loss) => losses.push(loss));
    for (let n = 1; n <= 20; n += 1) await store.commit({ guards: [], writes: [{ key: '/a', value: { n } }] });
    const watching = new Watching(store, '/', await store.revision());
    await watching.reached(20);
    const seen = await store.revision();
    await etcd.members[0]?.kill('SIGKILL');
    rmSync(etcd.members[0]?.dataDir as string, { recursive: true });
    etcd.members[0]?.start();
    await etcd.ready();
    await expect.poll(() => store.get('/a'), { timeout: 20_000 }).toBeUndefined();
    expect(losses).toHaveLength(1);
    expect(losses[0]).toMatchObject({ lastCommon: 0, seen });
    await watching.done;
    expect(OrreryError.is(watching.error, 'REVISION_AHEAD')).toBe(true);
    expect((await store.commit({ guards: [], writes: [{ key: '/a', value: { n: 0 } }] })).ok).toBe(true);
  });

  it('another cluster behind the same address is told as lost history', async () => {
    await using other = await startEtcd();
    const losses: HistoryLoss[] = [];
    store.onHistoryLost((loss) => losses.push(loss));
    await store.commit({ guards: [], writes: [{ key: '/a', value: {} }] });
    // It is further on, so its revision alone gives nothing away.
    for (let n = 0; n < 10; n += 1) await other.ctl('put', '/foreign', String(n));
    proxy.leadTo(other.endpoints[0] as string);
    await expect.poll(() => store.get('/a'), { timeout: 20_000 }).toBeUndefined();
    expect(losses.map(({ reason }) => reason)).toEqual([expect.stringContaining('another cluster')]);
  });

  it('the lease of a holder that died can be taken when etcd has ended it, with a greater epoch; one that renews keeps it', async () => {
    const holder = new EtcdStore({ endpoints: etcd.endpoints });
    const lease = await holder.acquireLease('leader', { holder: 'a', ttlMs: 1_000 });
    const begun = performance.now();
    while (performance.now() - begun < 3_500) {
      await lease?.renew(new AbortController().signal);
      expect(await store.acquireLease('leader', { holder: 'b', ttlMs: 1_000 })).toBeUndefined();
    }
    // Its process is gone: nothing is given back.
    await holder.close();
    let next: Awaited<ReturnType<typeof store.acquireLease>>;
    await expect.poll(async () => (next = await store.acquireLease('leader', { holder: 'b', ttlMs: 5_000 })), { timeout: 20_000 }).toBeDefined();
    expect(next?.epoch).toBeGreaterThan(lease?.epoch ?? 0);
    const refused = await store.commit({ guards: [{ lease: 'leader', epoch: lease?.epoch ?? 0 }], writes: [{ key: '/a', value: {} }] });
    expect(refused.ok).toBe(false);
  });
});

describe.skipIf(missing)(`three members${note}`, () => {
  let etcd: Etcd;
  let store: EtcdStore;
  beforeEach(async () => {
    etcd = await startEtcd({ members: 3 });
    store = new EtcdStore({ endpoints: etcd.endpoints, requestTimeoutMs: 1_000 });
  });
  afterEach(async () => {
    await store?.close();
    await etcd?.stop();
  });

  const throughFaults = async (faults: () => Promise<void>): Promise<void> => {
    const watching = new Watching(store, '/', await store.revision());
    const writer = new Writer(store, '/n');
    await writer.past(50);
    await faults();
    await writer.past(writer.acknowledged + 50);
    await writer.stop();
    expect(writer.failures.filter((error) => !OrreryError.is(error, 'UNAVAILABLE') && !OrreryError.is(error, 'OUTCOME_UNKNOWN'))).toEqual([]);
    expect(await store.get('/n')).toMatchObject({ value: { n: writer.acknowledged }, modRevision: writer.revision });
    await watching.reached(writer.revision);
    // Every number once, in order.
    expect(watching.events.map(({ value }) => value['n'])).toEqual(Array.from({ length: writer.acknowledged }, (_, i) => i + 1));
    await watching.stop();
  };

  it('the leader is killed: writes go on, and a watch misses nothing', () =>
    throughFaults(async () => {
      const leader = await etcd.leader();
      await leader.kill('SIGKILL');
      leader.start();
      await etcd.ready();
    }));

  it('the member that the store speaks to is stopped: the next one takes over', () =>
    throughFaults(async () => {
      await etcd.members[0]?.kill('SIGSTOP');
      // It comes back to a cluster that has gone on without it.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await etcd.members[0]?.kill('SIGCONT');
    }));

  it('all members are killed at once and started again: nothing acknowledged is lost', () =>
    throughFaults(async () => {
      await Promise.all(etcd.members.map((member) => member.kill('SIGKILL')));
      for (const member of etcd.members) member.start();
      await etcd.ready();
    }));
});
