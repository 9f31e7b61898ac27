import { type Client, type KubeObject, Node, type Orchestrator, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, createOrchestrator } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { persistentVolumes } from '@orrery/controllers';
import { NODE_FOLDER, localPathStorage } from '@orrery/storage-local-path';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scheduler } from '../plugin.js';
import { using } from '../test-support/fake-volumes.js';

// Claims from end to end: the scheduler, the binder and a provisioner over one API, in virtual time.

let clock: VirtualClock;
let orchestrator: Orchestrator;
let client: Client;

const make = <T extends KubeObject>(object: object): T => object as T;
const ref = (name: string) => ({ namespace: 'default', name });

async function addNode(name: string, cpu: string): Promise<void> {
  const node = make<Node>({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, [NODE_FOLDER]: 'true' }, annotations: { [NODE_FOLDER]: '/volumes' } }, spec: {} });
  const made = await client.kind(Node).create(node);
  await client.kind(Node).updateStatus({ ...made, status: { allocatable: { cpu, memory: '8Gi', pods: '10' } } });
}
const addPod = (name: string, cpu: string, ...claims: readonly string[]): Promise<Pod> =>
  client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: ref(name), spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }], ...using(...claims) } }));
const addClaim = (name: string, spec: object = {}): Promise<PersistentVolumeClaim> =>
  client.kind(PersistentVolumeClaim).create(make({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: ref(name), spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } }));
const nodeOf = async (name: string): Promise<string | undefined> => (await client.kind(Pod).get(ref(name))).spec.nodeName;
const isBound = async (name: string): Promise<boolean> => (await client.kind(PersistentVolumeClaim).get(ref(name))).status?.phase === 'Bound';
const whyNot = async (name: string): Promise<string | undefined> => (await client.kind(Pod).get(ref(name))).status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')?.message;

beforeEach(async () => {
  clock = new VirtualClock();
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), persistentVolumes(), localPathStorage(), scheduler()], clock, random: new SeededRandom(1) });
  await orchestrator.start();
  client = orchestrator.client;
  await addNode('n1', '4');
  await addNode('n2', '2');
});
afterEach(() => orchestrator.stop());

describe('pods with claims', () => {
  it('go where the first pod of a claim went, before its volume is there and after', async () => {
    await addClaim('data');
    await addPod('filler', '1500m');
    await clock.until(async () => (await nodeOf('filler')) === 'n1');
    // Alone, each would go to the node with more room, which is another one each time.
    for (const [name, cpu] of [['first', '1'], ['second', '100m']] as const) await addPod(name, cpu, 'data');
    await clock.until(() => isBound('data'));
    const home = await nodeOf('first');
    await addPod('third', '100m', 'data');
    await addPod('elsewhere', '1500m', 'data');
    await clock.until(async () => (await whyNot('elsewhere')) !== undefined);
    expect([await nodeOf('second'), await nodeOf('third')]).toEqual([home, home]);
    expect(await whyNot('elsewhere')).toBe("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match PersistentVolume's node affinity.");
    const { nodes } = await orchestrator.explain(ref('elsewhere'));
    expect(nodes.find(({ node }) => node !== home)?.refusals.at(-1)).toMatchObject({ plugin: 'VolumeBinding', reasons: ["node(s) didn't match PersistentVolume's node affinity"] });
  });

  it('are scheduled as soon as their claim exists', async () => {
    await addPod('early', '1', 'data');
    await clock.until(async () => (await whyNot('early')) !== undefined);
    expect(await whyNot('early')).toBe('0/2 nodes are available: persistentvolumeclaim "data" not found.');
    await clock.advance(60_000);
    const since = clock.monotonic();
    await addClaim('data', { storageClassName: 'local-path' });
    await clock.until(async () => (await nodeOf('early')) !== undefined);
    expect(clock.monotonic() - since).toBeLessThan(1_000);
    await clock.until(() => isBound('data'));
  });

  it('of volumes that people made go to them, one each; who comes too late waits for another', async () => {
    await client.kind(StorageClass).create(make({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'disks' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' }));
    const disk = (node: string): PersistentVolume =>
      make({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: `disk-${node}` },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'disks',
          local: { path: '/disk' },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } },
        },
      });
    for (const name of ['a', 'b']) await addClaim(name, { storageClassName: 'disks' });
    await client.kind(PersistentVolume).create(disk('n2'));
    await clock.advance(1_000);
    await Promise.all(['a', 'b'].map((name) => addPod(name, '1', name)));
    await clock.until(async () => (await isBound('a')) || (await isBound('b')));
    const [served, waiting] = (await isBound('a')) ? ['a', 'b'] : ['b', 'a'];
    await clock.advance(60_000);
    expect([await nodeOf(served as string), await nodeOf(waiting as string)]).toEqual(['n2', undefined]);
    await client.kind(PersistentVolume).create(disk('n1'));
    await clock.until(() => isBound(waiting as string));
    expect(await nodeOf(waiting as string)).toBe('n1');
  });
});
