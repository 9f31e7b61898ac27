import { memoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { type Controller, Controllers, watching } from './contracts/controller.js';
import { RemoteApi } from './contracts/remote-api.js';
import { type ApiRequest, Transport } from './contracts/transport.js';
import { errorMessage, OrreryError } from './kernel/errors.js';
import { definePlugin, type Plugin } from './kernel/plugin.js';
import { defineKind } from './model/define-kind.js';
import { ConfigMap } from './model/kinds/configmap.js';
import { Lease } from './model/kinds/lease.js';
import { createOrchestrator } from './orchestrator.js';
import type { Orchestrator } from './orchestrator-api.js';
import { SeededRandom } from './testing/seeded-random.js';
import { VirtualClock } from './testing/virtual-clock.js';
import { z } from 'zod';

const all: Orchestrator[] = [];
let clock = new VirtualClock();
afterEach(async () => {
  for (const one of all.splice(0).reverse()) await driven(one.stop());
  expect(clock.pending).toBe(0);
  clock = new VirtualClock();
});

/** Lets virtual time pass until the promise settles. */
async function driven<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => (settled = true));
  watched.catch(() => undefined);
  for (let i = 0; i < 2_000 && !settled; i += 1) await clock.advance(50);
  return watched;
}

async function assembled(plugins: readonly Plugin[], seed: number, more: object = {}): Promise<Orchestrator> {
  const one = await createOrchestrator({ plugins, clock, random: new SeededRandom(seed), ...more });
  all.push(one);
  return one;
}

/** As over a wire: no fence goes with it. */
function wired(transport: Transport): RemoteApi {
  return { silenceMs: 120_000, request: ({ fence: _fence, ...request }, signal) => transport.request(request as ApiRequest, signal), watch: (request, signal) => transport.watch(request, signal) };
}

/** The line to an orchestrator of this process, as if it were elsewhere. */
const lineTo = (server: () => Orchestrator): Plugin =>
  definePlugin({
    name: 'line',
    setup({ provide }) {
      provide(RemoteApi, () => wired(server().get(Transport)));
    },
  })();

/** Marks each ConfigMap that has a label, with its own name. */
const marker = (mark: string): Plugin => {
  const controller: Controller = {
    name: 'marker',
    start({ informer }) {
      const maps = informer(ConfigMap);
      return {
        watches: [watching<ConfigMap>({ kind: ConfigMap, keys: (map) => [`${map.metadata.namespace}/${map.metadata.name}`] })],
        async reconcile(key, { client }) {
          const map = maps.lister.get(key);
          if (map === undefined || map.metadata.labels?.['mark'] !== 'please' || map.data?.['by'] !== undefined) return;
          await client.kind(ConfigMap).patch(map.metadata as { name: string }, 'merge', { data: { by: mark } });
        },
      };
    },
  };
  return definePlugin({ name: 'marker', setup: ({ add }) => add(Controllers, controller) })();
};

const wanted = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name, labels: { mark: 'please' } } });

async function markOf(server: Orchestrator, name: string): Promise<string | undefined> {
  for (let i = 0; i < 1_000; i += 1) {
    const map = await server.client.kind(ConfigMap).get({ name });
    if (map.data?.['by'] !== undefined) return map.data['by'];
    await clock.advance(50);
  }
  return undefined;
}

describe('an orchestrator over a remote API', () => {
  it('needs the store or the line, and not both: each error names both', async () => {
    const neither = await createOrchestrator({ plugins: [] }).catch(errorMessage);
    expect(neither).toContain('"Store"');
    expect(neither).toContain('"RemoteApi"');
    const server = await assembled([memoryStore()], 1);
    const both = createOrchestrator({ plugins: [memoryStore(), lineTo(() => server)] });
    await expect(both).rejects.toSatisfy((error) => OrreryError.is(error, 'SEAT_TAKEN') && error.message.includes('"Store"') && error.message.includes('"RemoteApi"'));
  });

  it('runs controllers, informers and its client on the other’s objects, and serves none of its own', async () => {
    const server = await assembled([memoryStore()], 1);
    await driven(server.start());
    const away = await assembled([lineTo(() => server), marker('away')], 2);
    await driven(away.start());
    await away.client.kind(ConfigMap).create(wanted('one'));
    expect(await markOf(server, 'one')).toBe('away');
    expect(away.leadership).toEqual({ leading: true, epoch: 1 });
  });

  it('elects one of several by a Lease object; another leads after it has stopped, and after it was killed', async () => {
    const server = await assembled([memoryStore()], 1);
    await driven(server.start());
    let cut = false;
    const cuttable = definePlugin({
      name: 'line',
      setup({ provide }) {
        provide(RemoteApi, () => {
          const line = wired(server.get(Transport));
          const gone = (): never => {
            throw new OrreryError('UNAVAILABLE', 'The line is cut (test).');
          };
          return { ...line, request: async (request, signal) => (cut ? gone() : line.request(request, signal)), watch: (request, signal) => (cut ? gone() : line.watch(request, signal)) } satisfies RemoteApi;
        });
      },
    });
    const times = { leaderElection: { ttlMs: 15_000, renewMs: 5_000, retryMs: 2_000 } };
    const first = await assembled([lineTo(() => server), marker('first')], 2, times);
    await driven(first.start());
    const second = await assembled([cuttable(), marker('second')], 3, times);
    const third = await assembled([lineTo(() => server), marker('third')], 4, times);
    await driven(second.start());
    expect([first.leadership.leading, second.leadership.leading]).toEqual([true, false]);
    const lease = await server.client.kind(Lease).get({ namespace: 'kube-system', name: 'orrery-leader' });
    expect(lease.spec).toMatchObject({ leaseDurationSeconds: 15, leaseTransitions: 0 });

    await driven(first.stop());
    await server.client.kind(ConfigMap).create(wanted('after-stop'));
    const asked = clock.monotonic();
    expect(await markOf(server, 'after-stop')).toBe('second');
    expect(clock.monotonic() - asked).toBeLessThan(5_000);

    await driven(third.start());
    expect(third.leadership.leading).toBe(false);
    cut = true;
    await server.client.kind(ConfigMap).create(wanted('after-cut'));
    const cutAt = clock.monotonic();
    expect(await markOf(server, 'after-cut')).toBe('third');
    const took = clock.monotonic() - cutAt;
    expect(took).toBeGreaterThanOrEqual(10_000);
    expect(took).toBeLessThan(25_000);
    expect(second.leadership.leading).toBe(false);
    cut = false;
  });

  it('without controllers and scheduler campaigns for nothing', async () => {
    const server = await assembled([memoryStore()], 1);
    await driven(server.start());
    const away = await assembled([lineTo(() => server)], 2);
    await driven(away.start());
    await clock.advance(5_000);
    expect((await server.client.kind(Lease).list()).items).toEqual([]);
  });

  it('knows kinds that are added, which the server serves', async () => {
    const Lamp = defineKind({ group: 'example.com', version: 'v1', kind: 'Lamp', spec: z.object({ on: z.boolean() }) });
    const server = await assembled([memoryStore()], 1);
    await driven(server.start());
    await driven(server.addKind(Lamp));
    const away = await assembled([lineTo(() => server)], 2);
    await driven(away.start());
    await away.addKind(Lamp);
    await away.client.kind(Lamp).create({ apiVersion: 'example.com/v1', kind: 'Lamp', metadata: { name: 'l' }, spec: { on: true } });
    expect((await server.client.kind(Lamp).get({ name: 'l' })).spec).toEqual({ on: true });
  });
});
