import { type KindDefinition, type KubeObject, Lease, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret, ServiceAccount } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../test/cluster.js';
import { nodeOf } from './identity.js';
import { nodeRestriction } from './restriction.js';
import { NodeUses, usesOf } from './uses.js';

// What the agent of a node may do, asked over HTTP.

const [N1, N2] = ['system:node:n1', 'system:node:n2'];
const CORE = '/api/v1/namespaces/default';
const MIRROR = { 'kubernetes.io/config.mirror': 'x' };
const container = { name: 'c', image: 'i' };
let cluster: Cluster;
let uses: NodeUses;

const make = <T extends KubeObject>(kind: KindDefinition<T>, name: string, body: object = {}, metadata: object = {}): Promise<T> =>
  cluster.client.kind(kind).create({ apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, ...(kind.namespaced && { namespace: 'default' }), ...metadata }, ...body } as unknown as T);
const code = async (user: string, method: string, path: string, body?: unknown, type?: string): Promise<number> => (await cluster.ask(user, method, path, body, type === undefined ? {} : { 'content-type': type })).code;
const patch = (user: string, path: string, body: unknown) => code(user, 'PATCH', path, body, 'application/merge-patch+json');

beforeAll(async () => {
  cluster = await Cluster.start();
  uses = new NodeUses(cluster.orchestrator.informers);
  for (const name of ['n1', 'n2']) await make(Node, name, { spec: {} });
  for (const name of ['one', 'two', 'pull', 'env', 'volume', 'mirrored', 'unused']) await make(Secret, name);
  await make(ServiceAccount, 'robot');
  await make(PersistentVolumeClaim, 'claim', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } });
  const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], claimRef: { namespace: 'default', name: 'claim' }, csi: { driver: 'd.example', volumeHandle: 'h', nodePublishSecretRef: { namespace: 'default', name: 'volume' } } };
  await make(PersistentVolume, 'pv', { spec: volume });
  await make(Pod, 'p1', {
    spec: {
      nodeName: 'n1',
      serviceAccountName: 'robot',
      imagePullSecrets: [{ name: 'pull' }],
      containers: [{ ...container, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }], envFrom: [{ configMapRef: { name: 'map' } }] }],
      volumes: [{ name: 'v', secret: { secretName: 'one' } }, { name: 'w', persistentVolumeClaim: { claimName: 'claim' } }],
    },
  });
  await make(Pod, 'p2', { spec: { nodeName: 'n2', containers: [container], volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 'two' } }] } }] } });
  await make(Pod, 'waiting', { spec: { containers: [container], volumes: [{ name: 'v', secret: { secretName: 'unused' } }] } });
  await make(Pod, 'mirror', { spec: { nodeName: 'n1', containers: [container], volumes: [{ name: 'v', secret: { secretName: 'mirrored' } }] } }, { annotations: MIRROR });
  await cluster.until(200, N1, 'GET', `${CORE}/pods/mirror`);
});
afterAll(() => cluster.stop());

describe('the agent of a node', () => {
  it('is known by its name and its group', () => {
    expect(nodeOf({ name: N1, groups: ['system:nodes'] })).toBe('n1');
    for (const user of [{ name: N1, groups: [] }, { name: 'system:node:', groups: ['system:nodes'] }, { name: 'n1', groups: ['system:nodes'] }]) expect(nodeOf(user)).toBeUndefined();
  });

  it('reads what pods of its node use, and nothing else', async () => {
    const read = async (user: string) => Object.fromEntries(await Promise.all(['one', 'two', 'pull', 'env', 'volume', 'mirrored', 'unused'].map(async (name) => [name, await code(user, 'GET', `${CORE}/secrets/${name}`)])));
    expect(await read(N1)).toEqual({ one: 200, pull: 200, env: 200, volume: 200, two: 403, mirrored: 403, unused: 403 });
    expect(await read(N2)).toEqual({ two: 200, one: 403, pull: 403, env: 403, volume: 403, mirrored: 403, unused: 403 });
    expect(await read('system:node:')).toEqual({ one: 403, pull: 403, env: 403, volume: 403, two: 403, mirrored: 403, unused: 403 });
    expect([await code(N1, 'GET', `${CORE}/configmaps/map`), await code(N2, 'GET', `${CORE}/configmaps/map`)]).toEqual([404, 403]);
    for (const path of [`${CORE}/persistentvolumeclaims/claim`, '/api/v1/persistentvolumes/pv', `${CORE}/serviceaccounts/robot`]) expect([await code(N1, 'GET', path), await code(N2, 'GET', path)]).toEqual([200, 403]);
  });

  it('cannot look through lists', async () => {
    for (const path of [`${CORE}/secrets`, '/api/v1/secrets', `${CORE}/secrets?fieldSelector=metadata.name%3Dtwo`, '/api/v1/configmaps', '/api/v1/persistentvolumes', '/api/v1/nodes', '/api/v1/pods', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn2']) {
      expect([path, await code(N1, 'GET', path)]).toEqual([path, 403]);
    }
    for (const path of [`${CORE}/secrets?fieldSelector=metadata.name%3Done`, '/api/v1/nodes?fieldSelector=metadata.name%3Dn1', '/api/v1/services']) expect([path, await code(N1, 'GET', path)]).toEqual([path, 200]);
    const pods = await cluster.ask(N1, 'GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1');
    expect(pods.body.items.map(({ metadata }: any) => metadata.name)).toEqual(['mirror', 'p1']);
    expect([await code(N1, 'GET', `${CORE}/pods/p1`), await code(N1, 'GET', `${CORE}/pods/p2`)]).toEqual([200, 403]);
    expect((await cluster.ask(N1, 'GET', `${CORE}/secrets/two`)).body.message).toContain('no relationship found between node "n1" and this object');
  });

  it('writes its Node, but not what is decided about it', async () => {
    expect(await patch(N1, '/api/v1/nodes/n1/status', { status: { phase: 'Running' } })).toBe(200);
    expect([await patch(N1, '/api/v1/nodes/n2/status', { status: {} }), await patch(N1, '/api/v1/nodes/n2', { metadata: { labels: { a: 'b' } } }), await code(N1, 'DELETE', '/api/v1/nodes/n1')]).toEqual([403, 403, 403]);
    expect(await patch(N1, '/api/v1/nodes/n1', { metadata: { labels: { 'example.com/mine': 'x', 'kubernetes.io/hostname': 'h', 'node.kubernetes.io/x': 'y' } } })).toBe(200);
    for (const label of ['node-role.kubernetes.io/control-plane', 'node-restriction.kubernetes.io/secure', 'a.node-restriction.kubernetes.io/b', 'kubernetes.io/other', 'x.k8s.io/y']) {
      const { body } = await cluster.ask(N1, 'PATCH', '/api/v1/nodes/n1', { metadata: { labels: { [label]: 'x' } } }, { 'content-type': 'application/merge-patch+json' });
      expect(body.message).toBe(`nodes "n1" is forbidden: node "n1" is not allowed to modify the following labels: ${label}`);
    }
    expect(await patch(N1, '/api/v1/nodes/n1', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })).toBe(403);
    expect(await patch(N1, '/api/v1/nodes/n1', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n2', uid: 'u' }] } })).toBe(403);
    expect([await code(N2, 'POST', '/api/v1/nodes', { metadata: { name: 'n3' } }), await code(N2, 'POST', '/api/v1/nodes', { metadata: { name: 'n2' } })]).toEqual([403, 409]);
  });

  it('writes its lease only', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const lease = (name: string) => ({ metadata: { name }, spec: { holderIdentity: name } });
    expect([await code(N1, 'POST', leases, lease('n1')), await code(N1, 'POST', leases, lease('n2'))]).toEqual([201, 403]);
    expect([await patch(N1, `${leases}/n1`, { spec: { leaseDurationSeconds: 40 } }), await patch(N2, `${leases}/n1`, { spec: {} })]).toEqual([200, 403]);
    expect(await code(N1, 'POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', lease('n1'))).toBe(403);
    expect((await cluster.client.kind(Lease).list()).items).toHaveLength(1);
  });

  it('writes the status of its pods, deletes and evicts them, and does not touch others', async () => {
    const status = { status: { phase: 'Running' } };
    expect([await patch(N1, `${CORE}/pods/p1/status`, status), await patch(N1, `${CORE}/pods/p2/status`, status), await patch(N1, `${CORE}/pods/waiting/status`, status)]).toEqual([200, 403, 403]);
    expect([await patch(N1, `${CORE}/pods/p1`, { metadata: { labels: { a: 'b' } } }), await code(N1, 'POST', `${CORE}/pods/waiting/binding`, { target: { kind: 'Node', name: 'n1' } })]).toEqual([403, 403]);
    const eviction = (name: string) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
    expect([await code(N1, 'POST', `${CORE}/pods/p2/eviction?dryRun=All`, eviction('p2')), await code(N2, 'POST', `${CORE}/pods/p2/eviction?dryRun=All`, eviction('p2'))]).toEqual([403, 201]);
    await make(Pod, 'p3', { spec: { nodeName: 'n1', containers: [container] } });
    expect([await code(N2, 'DELETE', `${CORE}/pods/p3`), await code(N1, 'DELETE', `${CORE}/pods/p3`), await code(N1, 'DELETE', `${CORE}/pods`)]).toEqual([403, 200, 403]);
  });

  it('sees the volumes that it keeps, and says when their folders are gone', async () => {
    const volume = (name: string, node: string) => ({
      metadata: { name, labels: { 'orrery.dev/node': node }, finalizers: ['orrery.dev/local-path', 'example.com/other'] },
      spec: { capacity: { storage: '1Mi' }, accessModes: ['ReadWriteOnce'], persistentVolumeReclaimPolicy: 'Delete', local: { path: '/x' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } } },
    });
    const at = '/api/v1/persistentvolumes';
    for (const [name, node] of [['kept', 'n1'], ['theirs', 'n2']] as const) expect(await code('root', 'POST', at, volume(name, node))).toBe(201);
    await cluster.until(200, N1, 'GET', `${at}/kept`);
    await cluster.until(200, N2, 'GET', `${at}/theirs`);
    const list = await cluster.ask(N1, 'GET', `${at}?labelSelector=orrery.dev%2Fnode%3Dn1`);
    expect(list.body.items.map(({ metadata }: any) => metadata.name)).toEqual(['kept']);
    for (const selector of ['orrery.dev%2Fnode%3Dn2', 'orrery.dev%2Fnode', 'orrery.dev%2Fnode+in+(n1,n2)', 'orrery.dev%2Fnode%21%3Dn1', 'a%3Db', '%21%21']) expect([selector, await code(N1, 'GET', `${at}?labelSelector=${selector}`)]).toEqual([selector, 403]);
    const { body } = await cluster.ask(N1, 'GET', `${at}/kept`);
    const put = async (change: (volume: any) => void, user = N1) => {
      const next = structuredClone((await cluster.ask('root', 'GET', `${at}/kept`)).body);
      change(next);
      return code(user, 'PUT', `${at}/kept`, next);
    };
    const released = (next: any) => (next.metadata.finalizers = ['example.com/other']);
    // Not before it is being deleted, and nothing else then.
    expect([body.metadata.finalizers.length, await put(released)]).toEqual([2, 403]);
    expect(await code('root', 'DELETE', `${at}/kept`)).toBe(200);
    expect(await put((next) => (next.metadata.finalizers = []))).toBe(403);
    expect(await put((next) => (released(next), (next.metadata.labels = {})))).toBe(403);
    expect(await put((next) => (released(next), (next.spec.persistentVolumeReclaimPolicy = 'Retain')))).toBe(403);
    expect([await put(released, N2), await code(N1, 'DELETE', `${at}/kept`), await code(N1, 'POST', at, volume('new', 'n1'))]).toEqual([403, 403, 403]);
    expect(await put(released)).toBe(200);
    expect((await cluster.ask('root', 'GET', `${at}/kept`)).body.metadata.finalizers).toEqual(['example.com/other']);
  });

  it('makes mirror pods of itself only, which name nothing', async () => {
    const pod = (name: string, spec: object, annotations: object = MIRROR, more: object = {}) => ({ metadata: { name, annotations, ...more }, spec: { nodeName: 'n1', containers: [container], ...spec } });
    const post = (body: object) => code(N1, 'POST', `${CORE}/pods`, body);
    expect(await post(pod('m1', {}))).toBe(201);
    expect(await post(pod('m2', {}, {}))).toBe(403);
    expect(await post(pod('m2', { nodeName: 'n2' }))).toBe(403);
    expect(await post(pod('m2', { volumes: [{ name: 'v', secret: { secretName: 'two' } }] }))).toBe(403);
    expect(await post(pod('m2', { serviceAccountName: 'robot' }))).toBe(403);
    expect(await post(pod('m2', {}, MIRROR, { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n2', uid: 'u' }] }))).toBe(403);
  });

  it('asks for tokens of its pods', async () => {
    const pod = await cluster.client.kind(Pod).get({ namespace: 'default', name: 'p1' });
    const step = nodeRestriction(() => uses);
    const ask = async (user: string, bound: object | undefined, name = 'robot') => {
      const request = { operation: 'CREATE' as const, ref: { group: '', version: 'v1', resource: 'serviceaccounts', namespace: 'default', name, subresource: 'token' }, kind: ServiceAccount as unknown as KindDefinition, user: { name: user, groups: ['system:nodes'] }, dryRun: false, options: {}, isAgain: false, replace: () => undefined, again: () => undefined, warn: () => undefined, annotate: () => undefined };
      await step.validate?.({ ...request, object: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { boundObjectRef: bound } } as KubeObject });
    };
    const bound = { kind: 'Pod', apiVersion: 'v1', name: 'p1', uid: pod.metadata.uid };
    await expect(ask(N1, bound)).resolves.toBeUndefined();
    await expect(ask(N2, bound)).rejects.toThrow('different node');
    await expect(ask(N1, undefined)).rejects.toThrow('not bound to a pod');
    await expect(ask(N1, { ...bound, uid: 'other' })).rejects.toThrow('not there');
    await expect(ask(N1, { ...bound, uid: '' })).rejects.toThrow('without a uid');
    await expect(ask(N1, bound, 'default')).rejects.toThrow('does not run as');
    expect([(await cluster.ask(N1, 'POST', `${CORE}/serviceaccounts/robot/token`, {})).code === 403, (await cluster.ask(N2, 'POST', `${CORE}/serviceaccounts/robot/token`, {})).code]).toEqual([false, 403]);
  });

  it('lists its rules as incomplete', async () => {
    const { body } = await cluster.ask(N1, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { spec: { namespace: 'default' } });
    expect(body.status).toMatchObject({ incomplete: true, evaluationError: 'node authorizer does not support user rule resolution' });
  });
});

describe('what a pod uses', () => {
  it('is found wherever a pod can name it', () => {
    const spec = {
      serviceAccountName: 'sa',
      imagePullSecrets: [{ name: 'pull' }],
      initContainers: [{ ...container, env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'init', key: 'k' } } }] }],
      containers: [{ ...container, envFrom: [{ secretRef: { name: 'from' } }] }],
      ephemeralContainers: [{ ...container, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'debug', key: 'k' } } }] }],
      volumes: [
        { name: 'a', configMap: { name: 'cm' } },
        { name: 'b', projected: { sources: [{ configMap: { name: 'pcm' } }, { secret: { name: 'ps' } }, { serviceAccountToken: { path: 't' } }] } },
        { name: 'c', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
        { name: 'd', cephfs: { monitors: ['m'], secretRef: { name: 'ceph' } } },
        { name: 'e', ephemeral: { volumeClaimTemplate: { spec: {} } } },
        { name: 'f', emptyDir: {} },
      ],
    };
    const found = [...usesOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec } as unknown as Pod)].map(([kind, name]) => `${kind} ${name}`);
    expect(found.sort()).toEqual([
      'configmap cm', 'configmap init', 'configmap pcm', 'persistentvolumeclaim p-e', 'secret ceph', 'secret csi', 'secret debug', 'secret from', 'secret ps', 'secret pull', 'serviceaccount sa',
    ]);
  });
});
