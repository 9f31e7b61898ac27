import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { Event, Node, PersistentVolume, PersistentVolumeClaim, type Pod, systemClock } from '@orrery/core';
import { localPathStorage } from '@orrery/storage-local-path';
import { afterEach, describe, expect, it } from 'vitest';
import { never, shell, TestCluster } from '../test/cluster.js';

let cluster: TestCluster;
afterEach(() => cluster.dispose());

const claim = (name: string): object => ({ metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } });
const using = (claimName: string, script: string): Partial<Pod['spec']> => ({
  restartPolicy: 'Never',
  containers: [shell(script, { volumeMounts: [{ name: 'v', mountPath: '/data' }] })],
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
});
const eventually = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const end = systemClock.monotonic() + 15_000;
  while (!(await holds())) {
    if (systemClock.monotonic() > end) throw new Error(`${what} did not come to hold`);
    await systemClock.sleep(30, never);
  }
};

describe('volumes of claims', () => {
  it('are made where their first pod runs, outlive it, and are removed with their claim', async () => {
    cluster = await new TestCluster({ plugins: [workloadControllers(), localPathStorage()] }).start();
    const claims = cluster.orchestrator.client.kind(PersistentVolumeClaim);
    const volumes = cluster.orchestrator.client.kind(PersistentVolume);
    // The pod is there first; it starts when its claim has a volume.
    await cluster.run('writer', using('data', 'echo kept > "$ORRERY_ROOTFS/data/file"'));
    await cluster.create(PersistentVolumeClaim, claim('data'));
    await cluster.phase('writer', 'Succeeded');
    const { metadata } = await claims.get({ namespace: 'default', name: 'data' });
    const volume = `pvc-${metadata.uid}`;
    const root = (await cluster.orchestrator.client.kind(Node).get({ name: 'node' })).metadata.annotations?.['orrery.dev/local-volumes'] ?? '';
    expect(readFileSync(join(root, volume, 'file'), 'utf8')).toBe('kept\n');
    await cluster.pods.delete({ namespace: 'default', name: 'writer' });
    await cluster.gone('writer');
    await cluster.run('reader', using('data', 'cat "$ORRERY_ROOTFS/data/file"'));
    expect(await cluster.output(await cluster.phase('reader', 'Succeeded'))).toEqual(['kept']);
    await cluster.pods.delete({ namespace: 'default', name: 'reader' });
    await cluster.gone('reader');
    await claims.delete({ namespace: 'default', name: 'data' });
    await eventually('the volume is gone', async () => (await volumes.find({ name: volume })) === undefined);
    expect(existsSync(join(root, volume))).toBe(false);
    expect(existsSync(root)).toBe(true);
  });

  it('made by hand need a hostPath that is allowed, and a node within their reach', async () => {
    cluster = await new TestCluster({ plugins: [workloadControllers()] }).start();
    const folder = join(cluster.folder, 'by-hand');
    mkdirSync(folder);
    writeFileSync(join(folder, 'file'), 'secret');
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };
    const at = (node: string): object => ({ required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } });
    await cluster.create(PersistentVolume, { metadata: { name: 'forbidden' }, spec: { ...spec, local: { path: folder }, nodeAffinity: at('node'), claimRef: { namespace: 'default', name: 'forbidden' } } });
    await cluster.create(PersistentVolume, { metadata: { name: 'elsewhere' }, spec: { ...spec, local: { path: folder }, nodeAffinity: at('other'), claimRef: { namespace: 'default', name: 'elsewhere' } } });
    for (const name of ['forbidden', 'elsewhere']) {
      await cluster.create(PersistentVolumeClaim, claim(name));
      await cluster.run(name, using(name, 'cat "$ORRERY_ROOTFS/data/file"'));
    }
    const messages = async (): Promise<string> => (await cluster.orchestrator.client.kind(Event).list()).items.filter(({ reason }) => reason === 'FailedMount').map(({ message }) => message).join('\n');
    await eventually('both are refused with their reason', async () => {
      const said = await messages();
      return said.includes('is not allowed on this node') && said.includes('out of the reach of this node');
    });
    for (const name of ['forbidden', 'elsewhere']) expect((await cluster.get(name)).status?.phase, name).toBe('Pending');
    rmSync(folder, { recursive: true });
  });
});
