import { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '@orrery/core';
import { localPathStorage, NODE_FOLDER, PROVISIONER } from '@orrery/storage-local-path';
import { afterEach, describe, expect, it } from 'vitest';
import { persistentVolumes } from '../index.js';
import { make, World } from '../test-support/world.js';

let world: World;
afterEach(() => world.stop());
const ref = { namespace: 'default', name: 'data' };

const claim = (spec: object = {}): PersistentVolumeClaim =>
  make({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { ...ref }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } });
const volume = (name: string, storage: string, spec: object = {}, metadata: object = {}): PersistentVolume =>
  make({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name, ...metadata }, spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' }, ...spec } });
const user = (name = 'user'): Pod =>
  make({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } });

const claims = () => world.client.kind(PersistentVolumeClaim);
const volumes = () => world.client.kind(PersistentVolume);
const phaseOf = async (name: string): Promise<string | undefined> => (await volumes().find({ name }))?.status?.phase;
const bound = async (): Promise<boolean> => (await claims().get(ref)).status?.phase === 'Bound';
const reasons = async (): Promise<string[]> => (await world.client.kind(Event).list()).items.map(({ reason = '' }) => reason);

describe('volumes that exist', () => {
  it('are bound to claims: the smallest that fits; released when the claim goes', async () => {
    world = await World.start([persistentVolumes()]);
    for (const one of [volume('small', '500Mi'), volume('large', '10Gi'), volume('fits', '2Gi'), volume('other-class', '1Gi', { storageClassName: 'slow' }), volume('many', '1Gi', { accessModes: ['ReadOnlyMany'] })]) await volumes().create(one);
    await world.until(async () => (await phaseOf('fits')) === 'Available');
    await claims().create(claim({ storageClassName: '' }));
    await world.until(bound);
    expect(await claims().get(ref)).toMatchObject({ spec: { volumeName: 'fits' }, status: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } } });
    await world.until(async () => (await phaseOf('fits')) === 'Bound');
    await world.clock.advance(60_000);
    const quiet = await world.revision();
    await world.clock.advance(600_000);
    expect(await world.revision()).toBe(quiet);
    await claims().delete(ref);
    await world.until(async () => (await phaseOf('fits')) === 'Released');
    expect(await claims().find(ref)).toBeUndefined();
    expect((await volumes().get({ name: 'fits' })).spec.claimRef?.name).toBe('data');
    // It is not given to the next claim: somebody's data is on it.
    await claims().create(claim({ storageClassName: '' }));
    await world.until(bound);
    expect((await claims().get(ref)).spec.volumeName).toBe('large');
  });

  it('that come later are found; selectors and reservations are honoured; a lost volume is told', async () => {
    world = await World.start([persistentVolumes()]);
    await claims().create(claim({ storageClassName: '', selector: { matchLabels: { disk: 'ssd' } } }));
    await world.until(async () => (await reasons()).includes('FailedBinding'));
    await volumes().create(volume('hdd', '1Gi', {}, { labels: { disk: 'hdd' } }));
    await volumes().create(volume('reserved', '1Gi', { claimRef: { namespace: 'default', name: 'somebody' } }, { labels: { disk: 'ssd' } }));
    await volumes().create(volume('ssd', '1Gi', {}, { labels: { disk: 'ssd' } }));
    await world.until(bound);
    expect((await claims().get(ref)).spec.volumeName).toBe('ssd');
    // A volume in use is protected; somebody takes it away all the same.
    await volumes().delete({ name: 'ssd' });
    await world.clock.advance(60_000);
    expect((await volumes().get({ name: 'ssd' })).metadata.deletionTimestamp).toBeDefined();
    await volumes().patch({ name: 'ssd' }, 'merge', { metadata: { finalizers: null } });
    await world.until(async () => (await claims().get(ref)).status?.phase === 'Lost');
    expect(await reasons()).toContain('ClaimLost');
  });

  it('that are asked for by name are bound as soon as they are there, if they satisfy the claim', async () => {
    world = await World.start([persistentVolumes()]);
    await claims().create(claim({ storageClassName: '', volumeName: 'mine' }));
    await volumes().create(volume('other', '1Gi'));
    await world.clock.advance(60_000);
    await volumes().create(volume('mine', '500Mi'));
    await world.until(async () => (await reasons()).includes('VolumeMismatch'));
    expect((await volumes().get({ name: 'mine' })).spec.claimRef).toBeUndefined();
    await volumes().delete({ name: 'mine' });
    await world.until(async () => (await volumes().find({ name: 'mine' })) === undefined);
    await volumes().create(volume('mine', '1Gi'));
    await world.until(bound);
  });

  it('that are reserved for a claim are given to it whatever their class, but not when they are too small', async () => {
    world = await World.start([persistentVolumes()]);
    const reservation = { claimRef: { namespace: 'default', name: 'data' } };
    await volumes().create(volume('small', '500Mi', reservation));
    await claims().create(claim({ storageClassName: '' }));
    await world.until(async () => (await reasons()).includes('FailedBinding'));
    expect((await volumes().get({ name: 'small' })).spec.claimRef?.uid).toBeUndefined();
    await volumes().create(volume('classy', '1Gi', { ...reservation, storageClassName: 'slow' }));
    await world.until(bound);
    expect((await claims().get(ref)).spec.volumeName).toBe('classy');
  });

  it('a claim in use is kept until its last pod is gone', async () => {
    world = await World.start([persistentVolumes()]);
    await volumes().create(volume('v', '1Gi'));
    await claims().create(claim({ storageClassName: '' }));
    await world.until(bound);
    await world.client.kind(Pod).create(user());
    await claims().delete(ref);
    await world.clock.advance(120_000);
    expect((await claims().get(ref)).metadata.deletionTimestamp).toBeDefined();
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'user' }, { gracePeriodSeconds: 0 });
    await world.until(async () => (await claims().find(ref)) === undefined);
  });
});

describe('volumes that are made', () => {
  it('wait for the first pod, are made where it runs, and go with their claim', async () => {
    world = await World.start([persistentVolumes(), localPathStorage()]);
    await world.client.kind(Node).patch({ name: 'n1' }, 'merge', { metadata: { annotations: { [NODE_FOLDER]: '/var/lib/volumes/' }, labels: { 'kubernetes.io/hostname': 'host-1' } } });
    expect(await world.client.kind(StorageClass).get({ name: 'local-path' })).toMatchObject({ provisioner: PROVISIONER, volumeBindingMode: 'WaitForFirstConsumer' });
    const { metadata } = await claims().create(claim());
    await world.until(async () => (await reasons()).includes('WaitForFirstConsumer'));
    expect((await claims().get(ref)).spec.storageClassName).toBe('local-path');
    await world.client.kind(Pod).create(user());
    await world.until(bound);
    const name = `pvc-${metadata.uid}`;
    const made = await volumes().get({ name });
    expect(made.spec).toMatchObject({ local: { path: `/var/lib/volumes/${name}` }, storageClassName: 'local-path', persistentVolumeReclaimPolicy: 'Delete', capacity: { storage: '1Gi' } });
    expect(made.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values).toEqual(['host-1']);
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'user' }, { gracePeriodSeconds: 0 });
    await claims().delete(ref);
    await world.until(async () => (await volumes().get({ name })).metadata.deletionTimestamp !== undefined);
    // Only the node's agent knows when the folder is gone.
    await world.until(async () => (await volumes().get({ name })).metadata.finalizers?.join() === 'orrery.dev/local-path');
  });

  it('tell why not', async () => {
    world = await World.start([persistentVolumes(), localPathStorage()]);
    await claims().create(claim({ accessModes: ['ReadWriteMany'] }));
    await world.client.kind(Pod).create(user());
    const messages = async (): Promise<string[]> => (await world.client.kind(Event).list()).items.filter(({ reason }) => reason === 'ProvisioningFailed').map(({ message = '' }) => message);
    await world.until(async () => (await messages()).some((message) => message.includes('keeps no local volumes')));
  });
});
