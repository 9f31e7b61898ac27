import { ApiError, type Client, Client as ClientSeat, Event, Events, Informers, type KindClient, Node, OrreryError, Pod, Runtimes, silentLogger } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type ManifestFile, type ManifestSource, NodeAgent } from '../index.js';
import { isCritical, isStatic } from '../pod/critical.js';
import { VirtualCluster } from '../test/virtual.js';
import { mirrorOf, planMirror, staticPodOf } from './static-pod.js';

const manifest = (more: { metadata?: object; spec?: object } = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', ...more.metadata }, spec: { containers: [{ name: 'main', image: 'none' }], ...more.spec } });
const origin = { file: 'web.yaml', node: 'node-1', now: 0 };
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

describe('a static pod', () => {
  it('is a pod of its node, under a uid that is its content', async () => {
    const pod = await staticPodOf('apiVersion: v1\nkind: Pod\nmetadata: {name: web, uid: chosen}\nspec: {containers: [{name: main, image: none}]}\n', origin);
    expect(pod.metadata).toMatchObject({ name: 'web-node-1', namespace: 'default', annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': pod.metadata.uid, 'kubernetes.io/config.seen': '1970-01-01T00:00:00Z' } });
    expect(pod.metadata.uid).toMatch(/^[0-9a-f]{32}$/);
    expect(pod.spec).toMatchObject({ nodeName: 'node-1', restartPolicy: 'Always', terminationGracePeriodSeconds: 30, tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] });
    const uids = await Promise.all([manifest(), manifest(), manifest({ spec: { hostname: 'x' } })].map(async (text) => (await staticPodOf(text, origin)).metadata.uid));
    expect(uids[0]).toBe(uids[1]);
    expect(new Set([...uids, (await staticPodOf(manifest(), { ...origin, node: 'node-2' })).metadata.uid, (await staticPodOf(manifest(), { ...origin, file: 'other' })).metadata.uid]).size).toBe(4);
    expect(isStatic(pod) && isCritical(pod)).toBe(true);
    expect(isStatic({ metadata: { ...pod.metadata, uid: 'given-by-the-server' } })).toBe(false);
  });

  it.each([
    ['', 'one pod, not 0'],
    [`${manifest()}\n---\n${manifest()}`, 'one pod, not 2'],
    ['{', 'document 1, line 1'],
    ['{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"}}', 'is a v1 Pod'],
    [manifest({ spec: { contaners: [] } }), 'unknown field "spec.contaners"'],
    [manifest({ spec: { containers: [] } }), 'spec.containers: Required value'],
    [manifest({ metadata: { name: '' } }), 'metadata.name: Required value'],
    [manifest({ metadata: { name: '../x' } }), 'metadata.name'],
    [manifest({ metadata: { name: 'x'.repeat(250) } }), 'metadata.name'],
    [manifest({ metadata: { namespace: 'A/b' } }), 'metadata.namespace'],
    [manifest({ spec: { serviceAccountName: 'someone' } }), 'service account'],
    [manifest({ spec: { volumes: [{ name: 'v', secret: { secretName: 's' } }] } }), 'cannot refer to Secret "s"'],
    [manifest({ spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } }), 'cannot refer to'],
    ['{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"__proto__":"x"}},"spec":{}}', '__proto__'],
  ])('is not made from %j', async (text, complaint) => {
    await expect(staticPodOf(text, origin)).rejects.toThrow(complaint);
  });

  it('has a mirror that follows it', async () => {
    const pod = { ...(await staticPodOf(manifest(), origin)), status: { phase: 'Running' } };
    const mirror = mirrorOf(pod, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', uid: 'n' } } as Node);
    expect(mirror.metadata.annotations?.['kubernetes.io/config.mirror']).toBe(pod.metadata.uid);
    expect(mirror.metadata.ownerReferences).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n', controller: true }]);
    expect(planMirror(pod, undefined, same)).toBe('create');
    expect(planMirror(pod, mirror, same)).toBe('status');
    expect(planMirror(pod, { ...mirror, status: pod.status }, same)).toBe('nothing');
    expect(planMirror(pod, { ...mirror, metadata: { ...mirror.metadata, deletionTimestamp: 'now' } }, same)).toBe('delete');
    expect(planMirror({ ...pod, metadata: { ...pod.metadata, annotations: { 'kubernetes.io/config.hash': 'other' } } }, mirror, same)).toBe('delete');
    expect(planMirror(undefined, mirror, same)).toBe('delete');
    expect(planMirror(pod, { ...mirror, metadata: { name: 'web-node-1' } }, same)).toBe('foreign');
    expect(planMirror(undefined, { ...mirror, metadata: { name: 'web-node-1' } }, same)).toBe('nothing');
  });
});

class FakeFolder implements ManifestSource {
  files: Record<string, string> = {};
  #changed = (): void => {};
  read = async (): Promise<readonly ManifestFile[]> => Object.entries(this.files).map(([file, text]) => ({ file, text }));
  watch(changed: () => void): () => void {
    this.#changed = changed;
    return () => (this.#changed = () => {});
  }
  set(file: string, text: string | undefined): void {
    const { [file]: _old, ...others } = this.files;
    this.files = text === undefined ? others : { ...others, [file]: text };
    this.#changed();
  }
}

/** A client whose every answer is that there is nobody, while `down` says so. */
function fragile(client: Client, down: () => boolean): Client {
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (object, key) => {
        const member: unknown = Reflect.get(object, key);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]): unknown => (down() ? Promise.reject(new ApiError('ServiceUnavailable', 'nobody there')) : Reflect.apply(member, object, given));
      },
    });
  return { ...client, kind: (kind) => guarded(client.kind(kind)) as KindClient<never>, apply: client.apply.bind(client), bind: client.bind.bind(client) } as Client;
}

describe('an agent with static pods', () => {
  let cluster: VirtualCluster;
  let stop: () => Promise<void>;
  afterEach(async () => {
    await stop();
    await cluster.stop();
  });

  async function start(folder: FakeFolder, down = (): boolean => false) {
    cluster = new VirtualCluster({ nodes: ['other'], behaviour: () => ({ stopMs: 2_000 }) });
    const orchestrator = await cluster.start();
    const runtime = orchestrator.get(Runtimes).get();
    if (runtime === undefined) throw new Error('no runtime');
    const agent = new NodeAgent({
      config: { name: 'node', labels: {}, taints: [], capacity: { cpu: '4', memory: '4Gi', pods: '10' }, hostIP: '127.0.0.1', runtime: 'simulated' },
      machine: { hostname: 'node', capacity: {}, architecture: 'amd64', operatingSystem: 'linux', kernelVersion: '6' },
      times: { leaseMs: 40_000, renewMs: 10_000, statusMs: 300_000 }, rootDir: '/nonexistent', client: fragile(orchestrator.get(ClientSeat), down), informers: orchestrator.get(Informers),
      runtime, prober: { probe: async () => ({ ok: true, message: '' }) }, events: orchestrator.get(Events)('kubelet'), clock: cluster.clock, log: silentLogger,
      configure: async (config) => config, staticPods: folder,
    });
    const abort = new AbortController();
    let ready = false;
    const ended = agent.run(abort.signal, () => (ready = true));
    ended.catch(() => {});
    stop = async () => {
      abort.abort();
      await cluster.clock.advance(100);
      await ended.catch((error: unknown) => {
        if (!OrreryError.is(error, 'ABORTED')) throw error;
      });
    };
    await cluster.clock.until(() => ready, 60_000, 'the agent');
    const pods = orchestrator.client.kind(Pod);
    const mirror = (): Promise<Pod | undefined> => pods.find({ namespace: 'default', name: 'web-node' });
    const running = (): string[] => cluster.machine.containers().filter(({ state }) => state === 'running').map(({ pod }) => pod.uid);
    return { client: orchestrator.client, pods, mirror, running };
  }

  it('runs them, shows them, and shows them again when somebody deletes what is shown', async () => {
    const folder = new FakeFolder();
    folder.files = { 'web.json': manifest() };
    const { pods, mirror, running, client } = await start(folder);
    await cluster.clock.until(async () => (await mirror())?.status?.phase === 'Running', 30_000, 'the mirror');
    const first = await mirror();
    expect(first?.metadata.annotations?.['kubernetes.io/config.mirror']).toBe(running()[0]);
    expect(first?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Node', name: 'node', uid: (await client.kind(Node).get({ name: 'node' })).metadata.uid });
    await pods.delete({ namespace: 'default', name: 'web-node' });
    await cluster.clock.until(async () => ![undefined, first?.metadata.uid].includes((await mirror())?.metadata.uid) && (await mirror())?.status?.phase === 'Running', 30_000, 'another mirror');
    expect(running()).toHaveLength(1);
    expect(cluster.machine.containers()).toHaveLength(1);
  });

  it('exchanges one whose file changes, the old one first, and ends one whose file goes', async () => {
    const folder = new FakeFolder();
    folder.files = { 'web.json': manifest() };
    const { mirror, running } = await start(folder);
    await cluster.clock.until(() => running().length === 1, 30_000, 'the pod');
    const [old] = running();
    let together = 0;
    folder.set('web.json', manifest({ spec: { hostname: 'changed' } }));
    await cluster.clock.until(() => {
      together = Math.max(together, running().length);
      return running().length === 1 && running()[0] !== old;
    }, 30_000, 'the other pod');
    expect(together).toBe(1);
    await cluster.clock.until(async () => (await mirror())?.spec.hostname === 'changed' && (await mirror())?.status?.phase === 'Running', 30_000, 'its mirror');
    folder.set('web.json', undefined);
    await cluster.clock.until(async () => running().length === 0 && cluster.machine.containers().length === 0 && (await mirror()) === undefined, 60_000, 'its end');
  });

  it('finds a change without a hint, and is not disturbed by a bad file, of which it tells once', async () => {
    const folder = new FakeFolder();
    const { running, client } = await start(folder);
    folder.files = { 'a.json': '{"kind":"Nonsense"}', 'b.json': manifest(), 'c.json': manifest() };
    await cluster.clock.until(() => running().length === 1, 60_000, 'the pod');
    await cluster.clock.advance(100_000);
    const told = (await client.kind(Event).list()).items.filter(({ reason }) => reason === 'FailedStaticPod');
    expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('"a.json"'), expect.stringContaining('another file has a pod')]);
    expect(told.every(({ count = 1 }) => count === 1)).toBe(true);
    // Half-written: what ran goes on.
    folder.set('b.json', '{"apiVersion"');
    await cluster.clock.advance(30_000);
    expect(running()).toHaveLength(1);
  });

  it('runs them without an API, keeps them running, and shows them when it comes', async () => {
    const folder = new FakeFolder();
    folder.files = { 'web.json': manifest() };
    let down = true;
    const { mirror, running } = await start(folder, () => down);
    await cluster.clock.until(() => running().length === 1, 30_000, 'the pod');
    const container = cluster.machine.containers()[0];
    container?.kill();
    await cluster.clock.until(() => running().length === 1 && cluster.machine.containers().some(({ id, state }) => id !== container?.id && state === 'running'), 30_000, 'its next life');
    expect(await mirror()).toBeUndefined();
    down = false;
    await cluster.clock.until(async () => (await mirror())?.status?.phase === 'Running', 60_000, 'the mirror');
    expect((await mirror())?.status?.containerStatuses?.[0]?.restartCount).toBe(1);
  });

  it('removes mirrors of files that are gone', async () => {
    const folder = new FakeFolder();
    const { pods, mirror } = await start(folder);
    await pods.create({ ...(await staticPodOf(manifest(), { file: 'web.json', node: 'node', now: 0 })), metadata: { name: 'web-node', namespace: 'default', annotations: { 'kubernetes.io/config.mirror': 'x' } } });
    await cluster.clock.until(async () => (await mirror()) === undefined, 30_000, 'its end');
  });
});
