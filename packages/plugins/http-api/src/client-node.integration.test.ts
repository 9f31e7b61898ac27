import {
  ApiException,
  AppsV1Api,
  AuthenticationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type Informer,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  Metrics,
  type ObjectCache,
  PatchStrategy,
  PolicyV1Api,
  setHeaderOptions,
  topNodes,
  topPods,
  type V1ConfigMap,
  type V1Deployment,
  type V1Lease,
  V1MicroTime,
  type V1Pod,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { join } from 'node:path';
import { ConfigMap, defineKind } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TestCluster, TOKEN } from './test/cluster.js';
import { eventually } from './test/following.js';
import { kubeconfig } from './test/kubectl.js';

// The client library for JavaScript, over HTTPS, against a whole orchestrator with simulated containers. Its streams are in kubectl-streams.integration.test.ts.

let cluster: TestCluster;
let config: KubeConfig;
let core: CoreV1Api;
let namespace = '';
let count = 0;
const informers: Informer<V1ConfigMap>[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start({ store: (folder) => memoryStore({ journal: join(folder, 'journal') }) });
  config = new KubeConfig();
  config.loadFromString(JSON.stringify(kubeconfig(cluster.url, { 'certificate-authority-data': Buffer.from(cluster.authority.certificate).toString('base64') }, { token: TOKEN })));
  core = config.makeApiClient(CoreV1Api);
});
afterAll(async () => {
  for (const informer of informers) await informer.stop();
  await cluster?.stop();
});
beforeEach(async () => {
  namespace = `t${(count += 1)}`;
  await core.createNamespace({ body: { metadata: { name: namespace } } });
});

const configMap = (name: string, data: Record<string, string> = { a: '1' }): V1ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
const create = (name: string): Promise<V1ConfigMap> => core.createNamespacedConfigMap({ namespace, body: configMap(name) });
const deployment = (image: string): V1Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } } },
});
/** What a call is refused with. */
const refusal = (call: Promise<unknown>): Promise<ApiException<string>> => call.then(() => Promise.reject(new Error('it was not refused')), (error: unknown) => error as ApiException<string>);

describe('informers of the client library', () => {
  /** An informer of ConfigMaps of the test that goes on after errors, as its documentation says, with what it told. */
  async function informed(labelSelector?: string): Promise<{ readonly informer: Informer<V1ConfigMap> & ObjectCache<V1ConfigMap>; readonly told: string[] }> {
    const here = namespace;
    const told: string[] = [];
    const list = () => core.listNamespacedConfigMap({ namespace: here, ...(labelSelector !== undefined && { labelSelector }) });
    const informer = makeInformer(config, `/api/v1/namespaces/${here}/configmaps`, list, labelSelector);
    for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb as 'add', ({ metadata }) => void told.push(`${verb} ${metadata?.name}`));
    informer.on('error', () => void setTimeout(() => void informer.start(), 20));
    informers.push(informer);
    await informer.start();
    return { informer, told };
  }

  it('tell what there is and what changes', async () => {
    await create('first');
    const { informer, told } = await informed();
    await create('second');
    await core.replaceNamespacedConfigMap({ namespace, name: 'first', body: configMap('first', { a: '2' }) });
    await core.deleteNamespacedConfigMap({ namespace, name: 'second' });
    await eventually('all is told', () => told.includes('delete second'));
    expect(told).toEqual(['add first', 'add second', 'update first', 'delete second']);
    expect(informer.get('first', namespace)?.data).toEqual({ a: '2' });
    expect(informer.get('second', namespace)).toBeUndefined();
  });

  it('tell of objects that a selector begins and ceases to choose', async () => {
    await create('m');
    const { told } = await informed('colour=red');
    const label = (colour: string) => core.patchNamespacedConfigMap({ namespace, name: 'm', body: { metadata: { labels: { colour } } } }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
    await label('red');
    await label('blue');
    await eventually('it is gone', () => told.length === 2);
    expect(told).toEqual(['add m', 'delete m']);
  });

  it('go on when the server was away, and does not remember what they saw last', async () => {
    await create('kept');
    await create('removed');
    const { informer, told } = await informed();
    await eventually('both are there', () => told.includes('add removed'));
    await cluster.restart(async () => {
      const maps = cluster.orchestrator.client.kind(ConfigMap);
      await maps.delete({ namespace, name: 'removed' });
      await maps.patch({ namespace, name: 'kept' }, 'merge', { data: { a: '2' } });
      await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'between', namespace } });
    });
    await eventually('what came about meanwhile is told', () => told.includes('add between') && told.includes('delete removed'));
    await create('afterwards');
    await eventually('it goes on', () => told.includes('add afterwards'));
    expect(told.filter((line) => !line.startsWith('update'))).toEqual(['add kept', 'add removed', 'delete removed', 'add between', 'add afterwards']);
    expect(informer.get('kept', namespace)?.data).toEqual({ a: '2' });
  });
});

describe('watches of the client library', () => {
  /** What a watch tells until it has told enough, or has ended. */
  async function watched(query: Record<string, string | number | boolean>, enough: (told: readonly string[]) => boolean): Promise<{ readonly told: readonly string[]; readonly error: unknown }> {
    const told: string[] = [];
    return new Promise((resolve, reject) => {
      const begun = new Watch(config).watch(
        `/api/v1/namespaces/${namespace}/configmaps`,
        query,
        (type, { metadata, code }) => {
          told.push(type === 'ERROR' ? `ERROR ${code}` : `${type} ${metadata.name ?? metadata.annotations?.['k8s.io/initial-events-end']}`);
          if (enough(told)) void begun.then((controller) => controller.abort(), reject);
        },
        (error) => resolve({ told: told, error }),
      );
    });
  }

  it('begin where they are told to, and end when they are told to', async () => {
    await create('before');
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    await create('after');
    await core.deleteNamespacedConfigMap({ namespace, name: 'before' });
    const { told } = await watched({ resourceVersion: metadata?.resourceVersion ?? '' }, ({ length }) => length === 2);
    expect(told).toEqual(['ADDED after', 'DELETED before']);
    expect(await watched({ resourceVersion: '0', timeoutSeconds: 1 }, () => false)).toEqual({ told: ['ADDED after'], error: null });
    const initial = await watched({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true }, (lines) => lines.includes('BOOKMARK true'));
    expect(initial.told).toEqual(['ADDED after', 'BOOKMARK true']);
  });

  it('of what is not remembered any more are told so', async () => {
    // The server began anew above, and remembers nothing of before.
    const { told, error } = await watched({ resourceVersion: '1', timeoutSeconds: 5 }, (lines) => lines.length > 0);
    expect(told[0] ?? (error as { statusCode: number }).statusCode).toBe('ERROR 410');
  });
});

describe('objects of the client library', () => {
  const as = (type: (typeof PatchStrategy)[keyof typeof PatchStrategy]) => setHeaderOptions('Content-Type', type);
  const patched = async (type: (typeof PatchStrategy)[keyof typeof PatchStrategy], body: unknown): Promise<V1ConfigMap> => core.patchNamespacedConfigMap({ namespace, name: 'm', body }, as(type));

  it('are patched in every way', async () => {
    await create('m');
    expect((await patched(PatchStrategy.MergePatch, { data: { b: '2' } })).data).toEqual({ a: '1', b: '2' });
    expect((await patched(PatchStrategy.JsonPatch, [{ op: 'remove', path: '/data/a' }])).data).toEqual({ b: '2' });
    expect((await patched(PatchStrategy.StrategicMergePatch, { data: { c: '3', b: null } })).data).toEqual({ c: '3' });
    expect((await refusal(patched(PatchStrategy.JsonPatch, [{ op: 'test', path: '/data/c', value: '4' }]))).code).toBe(422);
  });

  it('are applied, with conflicts', async () => {
    const apply = (fieldManager: string, data: Record<string, string>, force = false) => core.patchNamespacedConfigMap({ namespace, name: 'm', body: configMap('m', data), fieldManager, force }, as(PatchStrategy.ServerSideApply));
    await apply('one', { a: '1', b: '1' });
    const conflict = await refusal(apply('two', { a: '2' }));
    expect([conflict.code, JSON.parse(conflict.body).message]).toEqual([409, 'Apply failed with 1 conflict: conflict with "one": .data.a']);
    await apply('two', { a: '2' }, true);
    expect((await apply('one', { b: '3' })).data).toEqual({ a: '2', b: '3' });
  });

  it('of any kind, also of one that was added while running', async () => {
    await cluster.orchestrator.addKind(defineKind({ group: 'sky.example.com', version: 'v1', kind: 'Comet', spec: z.object({ tail: z.string().optional() }) }));
    const objects = KubernetesObjectApi.makeApiClient(config);
    const comet = { apiVersion: 'sky.example.com/v1', kind: 'Comet', metadata: { name: 'c', namespace }, spec: { tail: 'long' } };
    for (const object of [comet, deployment('web:1')]) await objects.create(object);
    expect(await objects.read({ ...comet })).toMatchObject({ spec: { tail: 'long' } });
    await objects.patch({ ...comet, spec: { tail: 'short' } }, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
    expect((await objects.list('sky.example.com/v1', 'Comet', namespace)).items).toMatchObject([{ spec: { tail: 'short' } }]);
    const applied = await objects.patch(deployment('web:2'), undefined, undefined, 'somebody', true, PatchStrategy.ServerSideApply);
    expect(applied.spec?.template.spec?.containers[0]?.image).toBe('web:2');
    expect(await objects.delete(comet)).toMatchObject({ status: 'Success' });
    expect((await refusal(objects.read({ ...comet }))).code).toBe(404);
    const custom = await config.makeApiClient(CustomObjectsApi).listNamespacedCustomObject({ group: 'sky.example.com', version: 'v1', namespace, plural: 'comets' });
    expect(custom).toMatchObject({ kind: 'CometList', items: [] });
  });

  it('are listed in pieces, scaled, evicted and asked', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const first = await core.listNamespacedConfigMap({ namespace, limit: 2 });
    const rest = await core.listNamespacedConfigMap({ namespace, limit: 2, _continue: first.metadata?._continue ?? '' });
    expect([...first.items, ...rest.items].map(({ metadata }) => metadata?.name)).toEqual(['a', 'b', 'c']);
    const apps = config.makeApiClient(AppsV1Api);
    await apps.createNamespacedDeployment({ namespace, body: deployment('web:1') });
    await apps.replaceNamespacedDeploymentScale({ namespace, name: 'web', body: { metadata: { name: 'web', namespace }, spec: { replicas: 2 } } });
    const running = async (): Promise<readonly V1Pod[]> => (await core.listNamespacedPod({ namespace, fieldSelector: 'status.phase=Running' })).items;
    await eventually('both run', async () => (await running()).length === 2);
    const [pod] = await running();
    await core.createNamespacedPodEviction({ namespace, name: pod?.metadata?.name ?? '', body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod?.metadata?.name ?? '', namespace } } });
    await eventually('another is there', async () => (await running()).every(({ metadata }) => metadata?.uid !== pod?.metadata?.uid));
    expect((await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} })).status?.userInfo?.username).toBe('anna');
    expect((await config.makeApiClient(VersionApi).getCode()).major).toBe('1');
    expect((await config.makeApiClient(PolicyV1Api).listNamespacedPodDisruptionBudget({ namespace })).items).toEqual([]);
  });

  it('are measured', async () => {
    await core.createNamespacedPod({ namespace, body: { metadata: { name: 'busy' }, spec: { containers: [{ name: 'main', image: 'web:1', resources: { requests: { cpu: '100m' } } }] } } });
    const metrics = new Metrics(config);
    await eventually('it is measured', async () => (await metrics.getPodMetrics(namespace)).items.some(({ containers }) => containers.some(({ name, usage }) => name === 'main' && /^\d+[nu]?/.test(usage.cpu))));
    await eventually('both nodes are measured', async () => (await metrics.getNodeMetrics()).items.length === 2);
    const [pod] = await topPods(core, metrics, namespace);
    expect([pod?.Pod.metadata?.name, Number(pod?.CPU.RequestTotal)]).toEqual(['busy', 0.1]);
    expect((await topNodes(core)).map(({ Node }) => Node.metadata?.name).sort()).toEqual(['n1', 'n2']);
  });
});

describe('leaders by Leases, with the client library', () => {
  const SECONDS = 1;

  /** What a program does that wants to lead: takes the Lease when nobody has it or its holder is late, and renews it. True: it leads. */
  async function tryToLead(leases: CoordinationV1Api, me: string): Promise<boolean> {
    const now = new V1MicroTime();
    const mine = { holderIdentity: me, leaseDurationSeconds: SECONDS, renewTime: now, acquireTime: now };
    const refused = (error: unknown): false => {
      if (error instanceof ApiException && error.code === 409) return false;
      throw error;
    };
    const lease: V1Lease | undefined = await leases.readNamespacedLease({ namespace, name: 'leader' }).catch((error: unknown) => {
      if (error instanceof ApiException && error.code === 404) return undefined;
      throw error;
    });
    if (lease === undefined) return leases.createNamespacedLease({ namespace, body: { metadata: { name: 'leader' }, spec: mine } }).then(() => true, refused);
    const isFree = now.getTime() - new Date(lease.spec?.renewTime ?? 0).getTime() > SECONDS * 1000;
    if (lease.spec?.holderIdentity !== me && !isFree) return false;
    return leases.replaceNamespacedLease({ namespace, name: 'leader', body: { ...lease, spec: mine } }).then(() => true, refused);
  }

  it('of ten that want to lead one does, and another when it is late', async () => {
    const leases = config.makeApiClient(CoordinationV1Api);
    const round = async (who: readonly string[]): Promise<string[]> => (await Promise.all(who.map(async (me) => ((await tryToLead(leases, me)) ? [me] : [])))).flat();
    const all = Array.from({ length: 10 }, (_, index) => `contender-${index}`);
    const [leader = '', ...others] = await round(all);
    expect(others).toEqual([]);
    expect(await round(all)).toEqual([leader]);
    const rest = all.filter((me) => me !== leader);
    let next: string[] = [];
    await eventually('another leads', async () => (next = await round(rest)).length > 0);
    expect(next).toHaveLength(1);
    expect(await tryToLead(leases, leader)).toBe(false);
  });
});
