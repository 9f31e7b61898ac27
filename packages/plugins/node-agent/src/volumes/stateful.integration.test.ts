import { workloadControllers } from '@orrery/controllers';
import { DaemonSet, PersistentVolumeClaim, StatefulSet, systemClock } from '@orrery/core';
import { localPathStorage } from '@orrery/storage-local-path';
import { afterEach, describe, it } from 'vitest';
import { forever, never, shell, TestCluster } from '../test/cluster.js';

let cluster: TestCluster;
afterEach(() => cluster.dispose());

const ref = { namespace: 'default', name: 'db' };
const eventually = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const end = systemClock.monotonic() + 30_000;
  while (!(await holds())) {
    if (systemClock.monotonic() > end) throw new Error(`${what} did not come to hold`);
    await systemClock.sleep(30, never);
  }
};

describe('pods that belong to a place, as processes', () => {
  it('of a StatefulSet find their own data again when they are rolled, and lose it when they are scaled away and that is asked for', async () => {
    cluster = await new TestCluster({ plugins: [workloadControllers(), localPathStorage()] }).start();
    const env = [{ name: 'ME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    const script = (version: string): object => shell(`echo "$ME ${version}" >> "$ORRERY_ROOTFS/data/log"; cat "$ORRERY_ROOTFS/data/log"; ${forever}`, { env, volumeMounts: [{ name: 'data', mountPath: '/data' }] } as object);
    const template = (version: string) => ({ metadata: { labels: { app: 'db' } }, spec: { nodeName: 'node', terminationGracePeriodSeconds: 1, containers: [script(version)] } });
    const sets = cluster.orchestrator.client.kind(StatefulSet);
    const settled = async (): Promise<boolean> => {
      const { metadata, spec, status } = await sets.get(ref);
      return status?.observedGeneration === metadata.generation && status?.replicas === spec.replicas && status?.availableReplicas === spec.replicas && status?.updatedReplicas === spec.replicas;
    };
    await cluster.create(StatefulSet, {
      metadata: ref,
      spec: {
        replicas: 2, serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template: template('one'), persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } }],
      },
    });
    await eventually('both run', settled);
    const said = async (name: string): Promise<string[]> => cluster.output(await cluster.ready(name));
    /** A process without a probe is ready when it runs: what it writes comes a moment later. */
    const say = async (...expected: string[][]): Promise<void> => {
      const all = async (): Promise<string> => JSON.stringify([await said('db-0'), await said('db-1')]);
      await eventually(JSON.stringify(expected), async () => (await all()) === JSON.stringify(expected));
    };
    await say(['db-0 one'], ['db-1 one']);

    await sets.patch(ref, 'merge', { spec: { template: template('two') } });
    await eventually('both are rolled', settled);
    await say(['db-0 one', 'db-0 two'], ['db-1 one', 'db-1 two']);

    await sets.scale(ref, 1);
    await eventually('the claim is gone', async () => (await cluster.orchestrator.client.kind(PersistentVolumeClaim).find({ namespace: 'default', name: 'data-db-1' })) === undefined);
    await sets.scale(ref, 2);
    await eventually('both run again', settled);
    await say(['db-0 one', 'db-0 two'], ['db-1 two']);
  }, 90_000);

  it('of a DaemonSet run once on the node, and again when somebody deletes them', async () => {
    cluster = await new TestCluster({ plugins: [workloadControllers()] }).start();
    const spec = { nodeName: 'node', terminationGracePeriodSeconds: 1, containers: [shell(forever)] };
    await cluster.create(DaemonSet, { metadata: { namespace: 'default', name: 'agent' }, spec: { selector: { matchLabels: { app: 'agent' } }, template: { metadata: { labels: { app: 'agent' } }, spec } } });
    const available = async (): Promise<boolean> => (await cluster.orchestrator.client.kind(DaemonSet).get({ namespace: 'default', name: 'agent' })).status?.numberAvailable === 1;
    await eventually('it runs', available);
    const [first] = (await cluster.pods.list()).items;
    await cluster.pods.delete({ namespace: 'default', name: first?.metadata.name ?? '' });
    await eventually('another runs', async () => {
      const pods = (await cluster.pods.list()).items;
      return pods.length === 1 && pods[0]?.metadata.uid !== first?.metadata.uid && (await available());
    });
  }, 60_000);
});
