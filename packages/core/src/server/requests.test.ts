import { MemoryStore } from '@orrery/store-memory';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ApiClient, ApiError, ApiServer, builtinKinds, type Client, ConfigMap, defineKind, Deployment, type KindDefinition, KindRegistry, type KubeObject, Namespace, type Network,
  OrreryError, Pod, Service, silentLogger, type StatusReason, type Store,
} from '../index.js';
import { z } from 'zod';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';

let end: () => Promise<void> = async () => {};
afterEach(() => end());

interface Bench {
  readonly client: Client;
  readonly server: ApiServer;
  readonly clock: VirtualClock;
}
const bench = async (over: { store?: (inner: MemoryStore) => Store; network?: Network; random?: SeededRandom; admit?: (object: KubeObject) => void } = {}): Promise<Bench> => {
  const clock = new VirtualClock();
  const inner = new MemoryStore({ clock });
  const kinds = new KindRegistry(builtinKinds);
  const { admit, network } = over;
  const admission = { name: 'test', mutate: async ({ object }: { object?: KubeObject }) => void (object && admit?.(object)) };
  const admissions = { items: () => (admit === undefined ? [] : [admission]), version: 0 } as never;
  const server = new ApiServer({ store: over.store?.(inner) ?? inner, kinds, clock, random: over.random ?? new SeededRandom(1), log: silentLogger, admissions, ...(network && { network }) });
  const stop = new AbortController();
  let running!: Promise<void>;
  await new Promise<void>((resolve, reject) => {
    running = server.run(stop.signal, resolve);
    running.catch(reject);
  });
  end = async () => {
    stop.abort();
    await running;
    await inner.close();
    expect(clock.pending).toBe(0);
  };
  return { client: new ApiClient({ transport: server, kinds, user: { name: 'test', groups: [] } }), server, clock };
};
const refused = (promise: Promise<unknown>, reason: StatusReason): Promise<void> => expect(promise).rejects.toMatchObject({ reason });
const map = (name: string, meta: object = {}, data: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...meta }, data });
const service = (meta: object = { name: 's' }): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: meta, spec: { ports: [{ port: 80 }] } }) as Service;

/** Counts what is held. */
class CountingNetwork implements Network {
  held = 0;
  givenBack = 0;
  given = 0;
  allocate(draft: Service): () => void {
    this.held += 1;
    this.given += 1;
    draft.spec.clusterIP = `127.1.0.${this.given}`;
    draft.spec.clusterIPs = [draft.spec.clusterIP];
    return () => {
      this.held -= 1;
      this.givenBack += 1;
    };
  }
  holds({ spec }: Service): readonly string[] {
    return (spec.clusterIPs ?? []).map((address) => `ip/${address}`);
  }
  take(): void {}
  free(): void {
    throw new Error('the network is gone');
  }
}
const failingCommit = (fail: () => Error | undefined) => (inner: MemoryStore): Store =>
  new Proxy(inner, {
    get(target, property) {
      if (property !== 'commit') return (Reflect.get(target, property) as (() => unknown) | undefined)?.bind(target);
      return async (change: Parameters<Store['commit']>[0]) => {
        const error = fail();
        if (error !== undefined) throw error;
        return target.commit(change);
      };
    },
  });

describe('addresses of a write', () => {
  it('are given back once when it is refused or only tried, and kept when nobody knows how it ended', async () => {
    const network = new CountingNetwork();
    let error: Error | undefined;
    const { client } = await bench({ network, store: failingCommit(() => error) });
    const services = client.kind(Service);
    await services.create(service(), { dryRun: true });
    expect([network.held, network.givenBack]).toEqual([0, 1]);
    error = new OrreryError('UNAVAILABLE', 'no connection');
    await refused(services.create(service()), 'ServiceUnavailable');
    expect([network.held, network.givenBack]).toEqual([0, 2]);
    error = new OrreryError('OUTCOME_UNKNOWN', 'no answer');
    await refused(services.create(service()), 'Timeout');
    expect([network.held, network.givenBack]).toEqual([1, 2]);
    error = undefined;
    await services.create(service());
    await refused(services.create(service()), 'AlreadyExists');
    expect([network.held, network.givenBack]).toEqual([2, 3]);
    error = new OrreryError('OUTCOME_UNKNOWN', 'no answer');
    await refused(services.patch({ name: 's' }, 'merge', { spec: { ports: [{ port: 81 }] } }), 'Timeout');
    expect([network.held, network.givenBack]).toEqual([3, 3]);
  });

  it('a network that fails after a write is no reason to call the write failed', async () => {
    const { client } = await bench({ network: new CountingNetwork() });
    await client.kind(Service).create(service());
    await client.kind(Service).delete({ name: 's' });
    expect(await client.kind(Service).find({ name: 's' })).toBeUndefined();
  });
});

describe('generateName', () => {
  it('tries again from what was asked, also where defaults, admission and the network fill things in', async () => {
    const network = new CountingNetwork();
    /** Gives the same name until it is taken. */
    class Stuck extends SeededRandom {
      draws = 0;
      override int(below: number): number {
        this.draws += 1;
        return this.draws <= 10 ? 0 : super.int(below);
      }
    }
    const { client } = await bench({ network, random: new Stuck(1), admit: (object) => { if (object.kind === 'Service') (object.metadata.labels ??= {})['admitted'] = 'yes'; } });
    const asked = service({ generateName: 's-', labels: { mine: 'x' } });
    const first = await client.kind(Service).create(asked);
    const second = await client.kind(Service).create(asked);
    expect(second.metadata.name).not.toBe(first.metadata.name);
    expect(second.metadata.labels).toEqual({ mine: 'x', admitted: 'yes' });
    expect(network.held).toBe(2);
  });
});

describe('what must not be possible', () => {
  it('a binding of anything but a pod, a delete or create at status, a status by plain update', async () => {
    const { client, server } = await bench();
    await client.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    const user = { name: 'test', groups: [] };
    const ref = { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'default', name: 'd' };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'd' }, target: { name: 'n1' } };
    await refused(server.request({ verb: 'create', user, ref: { ...ref, subresource: 'binding' }, body: binding }), 'NotFound');
    await refused(server.request({ verb: 'delete', user, ref: { ...ref, subresource: 'status' }, options: {} }), 'MethodNotAllowed');
    await refused(server.request({ verb: 'create', user, ref: { ...ref, subresource: 'status' }, body: {} }), 'MethodNotAllowed');
    const current = await client.kind(Deployment).get({ name: 'd' });
    expect(await client.kind(Deployment).update({ ...current, status: { replicas: 9 } } as Deployment)).toBe(current);
  });

  it('a JSON patch may test and set the version', async () => {
    const { client } = await bench();
    const maps = client.kind(ConfigMap);
    const { resourceVersion } = (await maps.create(map('m'))).metadata;
    const add = (n: string) => ({ op: 'add', path: '/data', value: { n } });
    await maps.patch({ name: 'm' }, 'json', [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, add('1')]);
    await refused(maps.patch({ name: 'm' }, 'json', [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, add('2')]), 'Invalid');
    await refused(maps.patch({ name: 'm' }, 'merge', { metadata: { resourceVersion }, data: { n: '2' } }), 'Conflict');
    expect((await maps.patch({ name: 'm' }, 'merge', { metadata: { resourceVersion: null }, data: { n: '3' } })).data).toEqual({ n: '3' });
  });

  it('new things in a namespace that was deleted in the very moment before', async () => {
    const { client } = await bench();
    await client.kind(Namespace).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team', finalizers: ['example.com/hold'] } } as Namespace);
    await client.kind(ConfigMap).create(map('a', { namespace: 'team' }));
    await client.kind(Namespace).delete({ name: 'team' });
    await refused(client.kind(ConfigMap).create(map('b', { namespace: 'team' })), 'Forbidden');
  });
});

describe('the server', () => {
  const toy = (name: string): KindDefinition => defineKind({ group: 'example.com', version: 'v1', kind: name, spec: z.object({ size: z.number() }) }) as unknown as KindDefinition;

  it('serves kinds added while it runs, and refuses them once it has stopped', async () => {
    const { client, server } = await bench();
    await server.addKind(toy('Toy'));
    expect((await client.apply({ apiVersion: 'example.com/v1', kind: 'Toy', metadata: { name: 't' }, spec: { size: 1 } }))[0]?.action).toBe('created');
    await expect(server.addKind(toy('Toy'))).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await end();
    end = async () => {};
    await expect(server.addKind(toy('Game'))).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('fails when its store is closed under it, and then nothing of it goes on', async () => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock });
    const server = new ApiServer({ store, kinds: new KindRegistry(builtinKinds), clock, random: new SeededRandom(1), log: silentLogger, admissions: { items: () => [], version: 0 } as never });
    const running = server.run(new AbortController().signal, () => {});
    const failed = expect(running).rejects.toMatchObject({ code: 'CLOSED' });
    await clock.settle();
    await store.close();
    await failed;
    expect(clock.pending).toBe(0);
  });
});

describe('lists', () => {
  it('versions: not older than, exactly, too large, and what does not go together', async () => {
    const { client, server } = await bench();
    const maps = client.kind(ConfigMap);
    const list = (more: object): Promise<unknown> => server.request({ verb: 'list', user: { name: 't', groups: [] }, ref: { group: '', version: 'v1', resource: 'configmaps' }, ...more }).then((answer) => ('items' in answer ? (answer.items as KubeObject[]).map(({ metadata }) => metadata.name) : []));
    const { resourceVersion = '' } = (await maps.create(map('a'))).metadata;
    await maps.create(map('b'));
    expect(await list({ resourceVersion, resourceVersionMatch: 'Exact' })).toEqual(['a']);
    expect(await list({ resourceVersion, resourceVersionMatch: 'NotOlderThan' })).toEqual(['a', 'b']);
    await refused(list({ resourceVersion: '9999' }), 'Timeout');
    await refused(list({ resourceVersion: '9999', resourceVersionMatch: 'Exact' }), 'Timeout');
    await refused(list({ resourceVersionMatch: 'Exact' }), 'Invalid');
    await refused(list({ resourceVersion: '0', resourceVersionMatch: 'Exact' }), 'Invalid');
    await refused(list({ resourceVersion, resourceVersionMatch: 'Newest' }), 'Invalid');
  });

  it('in pages with selectors give what a plain filter gives, in order, at one revision', async () => {
    const { client } = await bench();
    const pods = client.kind(Pod);
    const made: Pod[] = [];
    for (let i = 0; i < 40; i += 1) {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${String(i).padStart(2, '0')}`, namespace: i % 7 === 0 ? 'kube-system' : 'default', labels: { k: `v${i % 3}` } }, spec: { nodeName: `n${i % 4}`, containers: [{ name: 'c', image: 'i' }] } } as Pod;
      made.push(await pods.create(pod));
    }
    const inOrder = made.sort((a, b) => (`${a.metadata.namespace}/${a.metadata.name}` < `${b.metadata.namespace}/${b.metadata.name}` ? -1 : 1));
    const subset = <T>(values: readonly T[]): fc.Arbitrary<T | undefined> => fc.option(fc.constantFrom(...values), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 15 }), subset(['default', 'kube-system']), subset(['v0', 'v2', 'none']), subset(['n1', 'n3', 'none']), async (limit, namespace, label, node) => {
        const wanted = inOrder.filter(({ metadata, spec }) => (namespace ?? metadata.namespace) === metadata.namespace && (label ?? metadata.labels?.['k']) === metadata.labels?.['k'] && (node ?? spec.nodeName) === spec.nodeName);
        const selection = { namespace, limit, ...(label !== undefined && { labelSelector: `k=${label}` }), ...(node !== undefined && { fieldSelector: `spec.nodeName=${node}` }) };
        const got: string[] = [];
        const versions = new Set<string | undefined>();
        for (let next: string | undefined = ''; next !== undefined; ) {
          const page: Awaited<ReturnType<typeof pods.list>> = await pods.list({ ...selection, continue: next });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          if (page.metadata.continue !== undefined && label === undefined && node === undefined) expect(page.metadata.remainingItemCount).toBe(wanted.length - got.length - page.items.length);
          got.push(...page.items.map(({ metadata }) => metadata.uid ?? ''));
          versions.add(page.metadata.resourceVersion);
          next = page.metadata.continue;
        }
        expect(got).toEqual(wanted.map(({ metadata }) => metadata.uid));
        expect(versions.size).toBe(1);
      }),
      { numRuns: 60 },
    );
  });
});

describe('errors', () => {
  it('of the store become Statuses that say what to do', async () => {
    let error: Error | undefined;
    const { client } = await bench({ store: failingCommit(() => error) });
    const outcomes: readonly [Error, StatusReason][] = [[new OrreryError('UNAVAILABLE', 'x'), 'ServiceUnavailable'], [new OrreryError('OUTCOME_UNKNOWN', 'x'), 'Timeout'], [new TypeError('bug'), 'InternalError'], [ApiError.badRequest('x'), 'BadRequest']];
    for (const [thrown, reason] of outcomes) {
      error = thrown;
      await refused(client.kind(ConfigMap).create(map('m')), reason);
    }
  });
});

describe('ephemeral containers', () => {
  const pod = (): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'main', image: 'app' }] } }) as Pod;
  const debug = (over: object = {}): object => ({ spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: 'main', ...over }] } });

  it('come only through their subresource, one at a time, and stay as they are', async () => {
    const { client } = await bench();
    const pods = client.kind(Pod);
    const ref = { namespace: 'default', name: 'p' };
    const add = (body: object): Promise<Pod> => pods.patch(ref, 'strategic', body, { subresource: 'ephemeralcontainers' });
    await refused(pods.create({ ...pod(), spec: { ...pod().spec, ...(debug() as { spec: object }).spec } } as Pod), 'Invalid');
    const created = await pods.create(pod());
    await refused(pods.patch(ref, 'strategic', debug()), 'Invalid');
    const changed = await add(debug());
    expect(changed.spec.ephemeralContainers).toMatchObject([{ name: 'debug', imagePullPolicy: 'Always', terminationMessagePolicy: 'File' }]);
    expect(changed.metadata.generation).toBe((created.metadata.generation ?? 0) + 1);
    expect((await add({ spec: { ephemeralContainers: [{ name: 'second', image: 'busybox' }] } })).spec.ephemeralContainers).toHaveLength(2);
    await refused(add(debug({ image: 'other' })), 'Invalid');
    await refused(pods.patch(ref, 'merge', { spec: { ephemeralContainers: [] } }, { subresource: 'ephemeralcontainers' }), 'Invalid');
    await refused(add({ spec: { ephemeralContainers: [{ name: 'main', image: 'x' }] } }), 'Invalid');
    await refused(add({ spec: { ephemeralContainers: [{ name: 'third', image: 'x', targetContainerName: 'none' }] } }), 'Invalid');
    await refused(add({ spec: { ephemeralContainers: [{ name: 'third', image: 'x', ports: [{ containerPort: 80 }] }] } }), 'Invalid');
    // Nothing else of the pod changes this way.
    expect((await add({ metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'other' }] } })).spec.containers[0]?.image).toBe('app');
    await refused(client.kind(ConfigMap).patch({ namespace: 'default', name: 'm' }, 'merge', {}, { subresource: 'ephemeralcontainers' }), 'NotFound');
  });
});
