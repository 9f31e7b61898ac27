import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Controller, Controllers, watching } from '../contracts/controller.js';
import { LeaderClient } from '../contracts/client.js';
import { Store } from '../contracts/store.js';
import { Transport } from '../contracts/transport.js';
import type { Runnable } from '../kernel/runnable.js';
import { definePlugin } from '../kernel/plugin.js';
import { ConfigMap } from '../model/kinds/configmap.js';
import { createOrchestrator } from '../orchestrator.js';
import type { Orchestrator } from '../orchestrator-api.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';

let clock: VirtualClock;
let store: MemoryStore;
/** How far the store's clock is ahead: what was leased is over there before its holder knows. */
let skew: number;
const all: Orchestrator[] = [];

beforeEach(() => {
  clock = new VirtualClock();
  skew = 0;
  store = new MemoryStore({ clock: { now: () => clock.now(), monotonic: () => clock.monotonic() + skew, timer: (ms, fire) => clock.timer(ms, fire), sleep: (ms, signal) => clock.sleep(ms, signal) } });
});
afterEach(async () => {
  for (const one of all.splice(0)) await driven(one.stop());
  expect(clock.pending).toBe(0);
});

/** Lets virtual time pass until the promise settles. */
async function driven<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => undefined);
  for (let i = 0; i < 1_000 && !settled; i += 1) await clock.advance(50);
  return watched;
}

/** The one store, as if this process had opened it: others use it when this one closes. */
const sharedStore = definePlugin({
  name: 'shared-store',
  setup({ provide }) {
    const opened = new Proxy(store, { get: (target, key) => (key === 'shared' ? true : typeof target[key as never] === 'function' ? (target[key as never] as () => void).bind(target) : target[key as never]) });
    provide(Store, () => opened as unknown as Store);
  },
});

/** Marks each ConfigMap that has no mark; notes in which order it began, worked and ended. */
function marking(mark: string, log: string[]): Controller {
  return {
    name: 'marker',
    start({ informer }) {
      log.push(`${mark} begins`);
      const maps = informer(ConfigMap);
      return {
        watches: [watching<ConfigMap>({ kind: ConfigMap, keys: (map) => [`${map.metadata.namespace}/${map.metadata.name}`] })],
        async reconcile(key, { client }) {
          const map = maps.lister.get(key);
          if (map === undefined || map.data?.['by'] !== undefined) return;
          await client.kind(ConfigMap).update({ ...map, data: { ...map.data, by: mark } });
          log.push(`${mark} marks ${map.metadata.name}`);
        },
      };
    },
  };
}

async function join(mark: string, log: string[], parts: readonly Runnable[] = []): Promise<Orchestrator> {
  const plugin = definePlugin({
    name: 'marking',
    setup({ add, run }) {
      add(Controllers, marking(mark, log));
      for (const part of parts) run(() => part);
    },
  });
  const orchestrator = await createOrchestrator({ plugins: [sharedStore(), plugin()], clock, random: new SeededRandom(mark.charCodeAt(0)) });
  all.push(orchestrator);
  await driven(orchestrator.start());
  return orchestrator;
}

const map = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });

describe('orchestrators on one store', () => {
  it('have one whose controllers act, and another that takes over with the state it finds', async () => {
    const log: string[] = [];
    const a = await join('a', log);
    const b = await join('b', log);
    expect([a.leadership, b.leadership]).toEqual([{ leading: true, epoch: 1 }, { leading: false, epoch: 0 }]);
    await b.client.kind(ConfigMap).create(map('one'));
    await clock.advance(100);
    expect(log).toEqual(['a begins', 'a marks one']);
    await driven(a.stop());
    await clock.advance(1_000);
    expect(b.leadership).toEqual({ leading: true, epoch: 2 });
    await b.client.kind(ConfigMap).create(map('two'));
    await clock.advance(100);
    expect(log).toEqual(['a begins', 'a marks one', 'b begins', 'b marks two']);
  });

  it('refuse what a replaced leader writes, in every way it may write, and it learns so', async () => {
    const a = await join('a', []);
    const leader = a.get(LeaderClient).kind(ConfigMap);
    const made = await leader.create(map('before'));
    skew = 60_000;
    expect(await store.acquireLease('orrery-leader', { holder: 'thief', ttlMs: 60_000 })).toMatchObject({ epoch: 2 });
    // Its own clock still says that it leads.
    expect(a.leadership).toEqual({ leading: true, epoch: 1 });
    const revision = await store.revision();
    const term = { fence: { lease: 'orrery-leader', epoch: 1 } };
    const ref = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default', name: 'before' };
    const context = { user: { name: 'old', groups: ['system:masters'] }, ...term };
    const { name: _name, ...place } = ref;
    const late = [
      a.get(Transport).request({ verb: 'create', ref: place, body: map('after'), ...context }),
      a.get(Transport).request({ verb: 'update', ref, body: { ...made, data: { a: 'b' } }, ...context }),
      a.get(Transport).request({ verb: 'patch', ref, type: 'merge', body: { data: { a: 'b' } }, ...context }),
      a.get(Transport).request({ verb: 'delete', ref, options: {}, ...context }),
      a.get(Transport).request({ verb: 'deletecollection', ref: place, options: {}, ...context }),
    ];
    expect(await Promise.allSettled(late)).toMatchObject(late.map(() => ({ status: 'rejected', reason: { reason: 'Conflict', cause: { code: 'LEASE_LOST' } } })));
    expect(await store.revision()).toBe(revision);
    await expect(leader.update({ ...made, data: { a: 'b' } })).rejects.toMatchObject({ reason: 'Conflict' });
    expect(a.leadership).toEqual({ leading: false, epoch: 1 });
    await expect(leader.update({ ...made, data: { a: 'b' } })).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    await a.client.kind(ConfigMap).create(map('not-fenced'));
    expect(await store.revision()).toBe(revision + 1);
  });

  it.each([
    [{ ttlMs: 0 }, /ttlMs must be a positive number/],
    [{ retryMs: Number.NaN }, /retryMs must be a positive number/],
    [{ ttlMs: 1_000, renewMs: 900 }, /renewMs \(900\) must be at most half of ttlMs \(1000\)/],
  ])('are not assembled with times under which nobody could lead: %j', async (leaderElection, message) => {
    await expect(createOrchestrator({ plugins: [sharedStore()], clock, leaderElection })).rejects.toThrow(message);
  });

  it('run a part again in the next term, and never twice at once', async () => {
    const runs: string[] = [];
    let active = 0;
    const part: Runnable = {
      name: 'counted',
      phase: 'scheduler',
      async run(signal, ready) {
        active += 1;
        runs.push(`run ${active}`);
        ready();
        await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
        await clock.sleep(200, new AbortController().signal);
        active -= 1;
      },
    };
    const a = await join('a', [], [part]);
    for (let term = 2; term <= 4; term += 1) {
      skew += 60_000;
      await clock.advance(6_000);
      expect(a.leadership).toEqual({ leading: true, epoch: term });
    }
    expect(runs).toEqual(['run 1', 'run 1', 'run 1', 'run 1']);
  });
});
