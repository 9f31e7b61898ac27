import { LimitRange, PersistentVolumeClaim, Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { make, World } from '../test-support/world.js';
import { podViolations } from './check.js';
import { limitRanges } from './plugin.js';

let world: World;
afterEach(() => world?.stop());

const start = async (...limits: object[]): Promise<void> => {
  world = await World.start([limitRanges()]);
  await world.client.kind(LimitRange).create(make<LimitRange>({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l', namespace: 'default' }, spec: { limits } }));
  await world.clock.advance(0);
};
const create = (resources: object): Promise<Pod> =>
  world.client.kind(Pod).create(make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i', resources }] } }), { dryRun: true });

describe('LimitRange', () => {
  it('a pod is held to what it asks for, not to what it has while it is made smaller', () => {
    const range = make<LimitRange>({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits: [{ type: 'Pod', max: { cpu: '1' } }] } });
    const pod = make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } }] }, status: { containerStatuses: [{ name: 'c', resources: { requests: { cpu: '2' } }, allocatedResources: { cpu: '2' } }] } });
    expect(podViolations(pod, [range])).toEqual([]);
  });

  it('fills in what containers leave open, from its own defaults, and says so', async () => {
    await start({ type: 'Container', max: { cpu: '2' }, min: { cpu: '100m' }, defaultRequest: { memory: '64Mi' } });
    const pod = await create({});
    expect(pod.spec.containers[0]?.resources).toEqual({ requests: { cpu: '2', memory: '64Mi' }, limits: { cpu: '2' } });
    expect(pod.metadata.annotations?.['kubernetes.io/limit-ranger']).toBe('LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c');
    expect((await create({ requests: { cpu: '1', memory: '1Mi' }, limits: { cpu: '1' } })).metadata.annotations).toBeUndefined();
  });

  it('refuses what is too small, too large or too far apart', async () => {
    await start({ type: 'Container', max: { cpu: '2' }, min: { cpu: '100m' }, maxLimitRequestRatio: { cpu: '4' } }, { type: 'Pod', max: { memory: '1Gi' } });
    const refused = async (resources: object, text: string): Promise<void> => expect(create(resources)).rejects.toMatchObject({ reason: 'Forbidden', message: expect.stringContaining(text) as string });
    const memory = { requests: { memory: '1Mi' }, limits: { memory: '1Mi' } };
    await refused({ requests: { ...memory.requests, cpu: '50m' }, limits: { ...memory.limits, cpu: '100m' } }, 'minimum cpu usage per Container is 100m, but request is 50m');
    await refused({ limits: { ...memory.limits, cpu: '3' } }, 'maximum cpu usage per Container is 2, but limit is 3');
    await refused({ requests: { ...memory.requests, cpu: '100m' }, limits: { ...memory.limits, cpu: '1' } }, 'cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000');
    await refused({ requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '1', memory: '2Gi' } }, 'maximum memory usage per Pod is 1Gi, but limit is 2Gi');
    await refused({ limits: { cpu: '1', memory: '2048M' } }, 'maximum memory usage per Pod is 1Gi, but limit is');
    await refused({ requests: { cpu: '0', ...memory.requests }, limits: { ...memory.limits, cpu: '1500m' } }, 'cpu max limit to request ratio per Container is 4, but no request is specified or request is 0]');
    await refused({ requests: { cpu: '1' }, limits: { cpu: '1' } }, 'maximum memory usage per Pod is 1Gi.  No limit is specified');
    await create({ requests: { ...memory.requests, cpu: '1' }, limits: { ...memory.limits, cpu: '1' } });
  });

  it('bounds claims', async () => {
    await start({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } });
    const claim = (storage: string): Promise<PersistentVolumeClaim> =>
      world.client.kind(PersistentVolumeClaim).create(make<PersistentVolumeClaim>({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } } }));
    await expect(claim('3Gi')).rejects.toMatchObject({ message: 'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi' });
    await expect(claim('1Mi')).rejects.toMatchObject({ reason: 'Forbidden' });
    await claim('1Gi');
  });

  it('must make sense itself', async () => {
    world = await World.start([limitRanges()]);
    for (const item of [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }, { type: 'Pod', default: { cpu: '1' } }, { type: 'PersistentVolumeClaim' }, { type: 'Nonsense' }, { type: 'Container', maxLimitRequestRatio: { cpu: '500m' } }]) {
      const object = make<LimitRange>({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l', namespace: 'default' }, spec: { limits: [item] } });
      await expect(world.client.kind(LimitRange).create(object)).rejects.toMatchObject({ reason: 'Invalid' });
    }
  });
});
