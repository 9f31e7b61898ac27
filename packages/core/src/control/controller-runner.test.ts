import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ApiClient, ApiError, builtinKinds, type Client, ConfigMap, type Controller, ControllerRunner, createOrchestrator, Deployment, KindRegistry, type Orchestrator, type ReconcileContext,
  type ReconcileResult, SharedInformers, silentLogger, terminal, Transport, watching,
} from '../index.js';
import { MisbehavingTransport } from '../testing/controller/faulty-transport.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { trackingClient, type WrittenRevisions } from './tracking-client.js';

let clock: VirtualClock;
let orchestrator: Orchestrator;
let wire: MisbehavingTransport;
let client: Client;
let informers: SharedInformers;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  clock = new VirtualClock();
  orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock });
  await orchestrator.start();
  wire = new MisbehavingTransport(orchestrator.get(Transport), clock);
  client = new ApiClient({ transport: wire, kinds: new KindRegistry(builtinKinds), user: { name: 'test', groups: ['system:masters'] } });
  informers = new SharedInformers({ client, clock, random: new SeededRandom(1), log: silentLogger });
  stop = new AbortController();
  running = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await running;
  await informers.close();
  await orchestrator.stop();
  await clock.settle();
  expect(clock.pending).toBe(0);
});

type Reconcile = (key: string, context: ReconcileContext) => Promise<ReconcileResult>;
const run = async (reconcile: Reconcile, more: Partial<Controller> = {}): Promise<ControllerRunner> => {
  const watch = watching({ kind: ConfigMap, keys: ({ metadata }) => (metadata.labels?.['owner'] === undefined ? [`default/${metadata.name}`] : [`default/${metadata.labels['owner']}`]) });
  const controller: Controller = { name: 'test', start: () => ({ watches: [watch], reconcile }), ...more };
  const runner = new ControllerRunner(controller, { client, informers, events: { event: () => {} }, clock, random: new SeededRandom(1), log: silentLogger });
  await new Promise<void>((resolve, reject) => {
    running = runner.run(stop.signal, resolve);
    running.catch(reject);
  });
  return runner;
};
const map = (name: string, meta: object = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...meta } });
const maps = () => orchestrator.client.kind(ConfigMap);

describe('the loop of a controller', () => {
  it('many changes of one key while it is looked at make one more look; one key is never looked at twice at once', async () => {
    let [inside, most, looks] = [0, 0, 0];
    await run(async () => {
      looks += 1;
      most = Math.max(most, (inside += 1));
      await clock.sleep(1_000, stop.signal).catch(() => undefined);
      inside -= 1;
    }, { workers: 8 });
    await maps().create(map('m'));
    await clock.settle();
    for (let i = 0; i < 50; i += 1) await maps().patch({ name: 'm' }, 'merge', { data: { n: String(i) } });
    await clock.advance(10_000);
    expect([looks, most]).toEqual([2, 1]);
  });

  it('a failing key is tried again with a back-off that grows and is forgotten by success', async () => {
    const at: number[] = [];
    let failing = true;
    await run(async () => {
      at.push(clock.monotonic());
      if (failing) throw new Error('not yet');
    });
    await maps().create(map('m'));
    await clock.advance(1_000);
    const pauses = at.slice(1).map((time, i) => time - (at[i] as number));
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 320]);
    failing = false;
    await clock.advance(2_000);
    const quiet = at.length;
    await clock.advance(600_000);
    expect(at.length).toBe(quiet);
    failing = true;
    at.length = 0;
    await maps().patch({ name: 'm' }, 'merge', { data: { n: '1' } });
    await clock.advance(30);
    expect(at.slice(1).map((time, i) => time - (at[i] as number))).toEqual([5, 10]);
  });

  it('a terminal error waits for a change; againAfterMs looks again', async () => {
    let looks = 0;
    await run(async (key) => {
      looks += 1;
      if (key === 'default/bad') throw terminal(new Error('bad spec'));
      return looks < 5 ? { againAfterMs: 60_000 } : undefined;
    });
    await maps().create(map('bad'));
    await clock.advance(3_600_000);
    expect(looks).toBe(1);
    await maps().patch({ name: 'bad' }, 'merge', { data: { n: '1' } });
    await clock.advance(1_000);
    expect(looks).toBe(2);
    await maps().create(map('good'));
    await clock.advance(59_000);
    expect(looks).toBe(3);
    await clock.advance(3_600_000);
    expect(looks).toBe(5);
  });

  it('sees its own writes before it looks again, however late its watch: one child, never two', async () => {
    wire.faults.lagMs = 20_000;
    await run(async (key, context) => {
      const name = key.split('/')[1] ?? '';
      if (informers.get(ConfigMap).lister.get(key) === undefined) return;
      const children = informers.get(ConfigMap).lister.list().filter(({ metadata }) => metadata.labels?.['owner'] === name);
      if (children.length === 0) await context.client.kind(ConfigMap).create(map('', { generateName: `${name}-`, namespace: 'default', labels: { owner: name } }));
    });
    await maps().create(map('m'));
    for (let i = 0; i < 20; i += 1) {
      await maps().patch({ name: 'm' }, 'merge', { data: { n: String(i) } });
      await clock.advance(7_000);
    }
    wire.faults.lagMs = 0;
    await clock.advance(120_000);
    expect((await maps().list()).items).toHaveLength(2);
  });

  it('a stop in the middle of a look ends it by its signal, and nothing is looked at afterwards', async () => {
    const looked: string[] = [];
    let aborted = false;
    await run(async (key, { signal }) => {
      looked.push(key);
      await clock.sleep(60_000, signal).catch((error: unknown) => {
        aborted = true;
        throw error;
      });
    });
    await maps().create(map('a'));
    await clock.settle();
    await maps().create(map('b'));
    stop.abort();
    await running;
    expect([looked, aborted]).toEqual([['default/a'], true]);
    await maps().create(map('c'));
    await clock.settle();
    expect(looked).toHaveLength(1);
  });

  it('a controller that cannot be put together says so and leaves no handler behind', async () => {
    const broken = { name: 'broken', start: () => ({ watches: [watching({ kind: ConfigMap, informer: { indexes: { i: () => [] } }, keys: () => [] }), watching({ kind: ConfigMap, informer: { indexes: { i: () => ['other'] } }, keys: () => [] })], reconcile: async () => {} }) };
    await expect(run(async () => {}, broken)).rejects.toThrow(/choose another name/);
    running = Promise.resolve();
  });
});

describe('what counts as an own write', () => {
  it('everything that answers a version, and what nobody knows the outcome of', async () => {
    const written: WrittenRevisions = new Map();
    const own = trackingClient(client, written);
    const newest = async (): Promise<number> => Number((await maps().list()).metadata.resourceVersion);
    const [mine, deployments] = [own.kind(ConfigMap), own.kind(Deployment)];
    const noted = (kind = 'v1 ConfigMap'): number | undefined => written.get(kind);
    await mine.create(map('a'));
    expect(noted()).toBe(await newest());
    await mine.patch({ name: 'a' }, 'merge', { data: { n: '1' } });
    expect(noted()).toBe(await newest());
    await mine.delete({ name: 'a' });
    expect(noted()).toBe(await newest());
    await own.apply(map('b'));
    expect(noted()).toBe(await newest());
    await mine.deleteCollection({ namespace: 'default' });
    expect(noted()).toBe(await newest());
    await own.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    await deployments.scale({ name: 'd' }, 3);
    expect(noted('apps/v1 Deployment')).toBe(await newest());
    await deployments.updateStatus({ ...(await deployments.get({ name: 'd' })), status: { replicas: 1 } } as Deployment);
    expect(noted('apps/v1 Deployment')).toBe(await newest());
    wire.faults.refuse = () => { throw new ApiError('Timeout', 'no answer'); };
    await expect(mine.create(map('c'))).rejects.toMatchObject({ reason: 'Timeout' });
    expect(noted()).toBe(await newest());
  });
});
