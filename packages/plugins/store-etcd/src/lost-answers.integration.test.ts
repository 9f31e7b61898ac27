import { errorMessage, OrreryError } from '@orrery/core';
import { type Etcd, requireParts, startEtcd } from '@orrery/engines';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EtcdStore } from './etcd-store.js';
import { type Proxy, startProxy } from './test/proxy.js';
import { Watching } from './test/watching.js';

/** Within this time every call of a store has ended, whatever happens to its answers (`outcomeTimeoutMs`, by default). */
const OUTCOME_MS = 5_000;

const { missing, note } = requireParts('etcd', 'etcdctl');

describe.skipIf(missing)(`answers that are lost on the way${note}`, () => {
  let etcd: Etcd;
  let proxy: Proxy;
  let store: EtcdStore;
  let direct: EtcdStore;
  let runs = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoints[0] as string);
  });
  afterAll(async () => {
    await store?.close();
    await direct?.close();
    await proxy?.[Symbol.asyncDispose]();
    await etcd?.stop();
  });
  beforeEach(async () => {
    await store?.close();
    await direct?.close();
    runs += 1;
    proxy.way = 'open';
    const prefix = `/lost-${runs}/`;
    store = new EtcdStore({ endpoints: [proxy.endpoint], prefix });
    direct = new EtcdStore({ endpoints: etcd.endpoints, prefix });
  });

  /** One compare-and-set whose first answer is cut. */
  const increment = async (key: string, found: { readonly n: number; readonly revision: number }) => {
    const cuts = proxy.cuts;
    proxy.way = 'cut-replies';
    const committing = store.commit({ guards: [{ key, modRevision: found.revision }], writes: [{ key, value: { n: found.n + 1 } }] });
    await expect.poll(() => proxy.cuts, { interval: 2 }).toBeGreaterThan(cuts);
    proxy.way = 'open';
    return committing;
  };

  it('a commit that happened is told as done, at its revision, and not as a conflict with itself', async () => {
    let found = { n: 0, revision: 0 };
    const watching = new Watching(direct, '/n', await direct.revision());
    for (let i = 0; i < 10; i += 1) {
      const result = await increment('/n', found);
      expect(result.ok).toBe(true);
      const entry = await direct.get('/n');
      expect(entry).toMatchObject({ value: { n: i + 1 }, modRevision: result.ok && result.revision });
      found = { n: i + 1, revision: entry?.modRevision ?? 0 };
    }
    await watching.reached(found.revision);
    expect(watching.events.map(({ value }) => value['n'])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await watching.stop();
  });

  it('a delete is told as done too', async () => {
    const made = await store.commit({ guards: [], writes: [{ key: '/a', value: {} }] });
    const cuts = proxy.cuts;
    proxy.way = 'cut-replies';
    const dropping = store.commit({ guards: [{ key: '/a', modRevision: made.ok ? made.revision : 0 }], writes: [{ key: '/a', delete: true }] });
    await expect.poll(() => proxy.cuts, { interval: 2 }).toBeGreaterThan(cuts);
    proxy.way = 'open';
    expect((await dropping).ok).toBe(true);
    expect(await direct.get('/a')).toBeUndefined();
  });

  it('a commit that is under way when the store is closed is not said to have never happened', async () => {
    await store.revision();
    proxy.way = 'mute';
    const committing = store.commit({ guards: [], writes: [{ key: '/a', value: {} }] }).catch((error: unknown) => error);
    await expect.poll(() => direct.get('/a')).toBeDefined();
    await store.close();
    expect(await committing).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(store.commit({ guards: [], writes: [{ key: '/b', value: {} }] })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await direct.get('/b')).toBeUndefined();
  });

  it('of many commits under way when answers are lost, each happens as often as it says', async () => {
    const revisions = Array.from({ length: 20 }, () => 0);
    let acknowledged = 0;
    let cutting = true;
    const cutter = (async () => {
      while (cutting) {
        const cuts = proxy.cuts;
        proxy.way = 'cut-replies';
        await expect.poll(() => proxy.cuts > cuts || !cutting, { interval: 2, timeout: OUTCOME_MS }).toBe(true);
        proxy.way = 'open';
        const before = acknowledged;
        await expect.poll(() => acknowledged > before + 40 || !cutting, { interval: 2, timeout: 2 * OUTCOME_MS }).toBe(true);
      }
    })();
    const unknown: string[] = [];
    await Promise.all(
      revisions.map(async (_, writer) => {
        for (let n = 1; n <= 30; n += 1) {
          try {
            const result = await store.commit({ guards: [{ key: `/w${writer}`, modRevision: revisions[writer] as number }], writes: [{ key: `/w${writer}`, value: { n } }] });
            // Nobody else writes this key: a conflict would be with itself.
            if (!result.ok) throw new Error(`writer ${writer} at ${n}: a conflict with itself`);
            revisions[writer] = result.revision;
            acknowledged += 1;
          } catch (error) {
            unknown.push(errorMessage(error));
            revisions[writer] = (await direct.get(`/w${writer}`))?.modRevision ?? 0;
          }
        }
      }),
    );
    cutting = false;
    await cutter;
    expect(unknown).toEqual([]);
    expect(acknowledged).toBe(600);
    expect((await direct.range('/w')).entries.map(({ value }) => value['n'])).toEqual(revisions.map(() => 30));
  });

  it('a commit that never arrived is tried again once there is a way', async () => {
    await store.revision();
    proxy.way = 'closed';
    const committing = store.commit({ guards: [], writes: [{ key: '/late', value: { n: 1 } }] });
    await expect.poll(() => direct.get('/late')).toBeUndefined();
    proxy.way = 'open';
    expect((await committing).ok).toBe(true);
    expect((await direct.get('/late'))?.value).toEqual({ n: 1 });
  });

  it('says UNAVAILABLE when it surely did not happen, and OUTCOME_UNKNOWN within its time when it cannot know', async () => {
    await using impatient = new EtcdStore({ endpoints: [proxy.endpoint], prefix: '/impatient/', requestTimeoutMs: 300, outcomeTimeoutMs: 1_000 });
    await impatient.revision();
    proxy.way = 'silent';
    const begun = performance.now();
    const lost = await impatient.commit({ guards: [], writes: [{ key: '/a', value: {} }] }).catch((error: unknown) => error);
    expect(OrreryError.is(lost, 'OUTCOME_UNKNOWN')).toBe(true);
    expect(performance.now() - begun).toBeLessThan(2_500);
    expect(OrreryError.is(await impatient.get('/a').catch((error: unknown) => error), 'UNAVAILABLE')).toBe(true);
    proxy.way = 'closed';
    await expect.poll(async () => (await impatient.commit({ guards: [], writes: [{ key: '/b', value: {} }] }).catch((error: OrreryError) => error) as OrreryError).code, { timeout: 15_000 }).toBe('UNAVAILABLE');
  });
});
