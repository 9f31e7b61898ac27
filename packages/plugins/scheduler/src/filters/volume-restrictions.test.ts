import { describe, expect, it } from 'vitest';
import { compileProfile } from '../classes/compiled-profile.js';
import { PodClass } from '../classes/pod-class.js';
import { ClusterState, podId } from '../state/cluster.js';
import { FakeVolumes, aVolume, boundClaim, using } from '../test-support/fake-volumes.js';
import { aNode, aPod } from '../test-support/objects.js';
import { volumeRestrictions } from './volume-restrictions.js';

describe('VolumeRestrictions', () => {
  it('lets one pod at a time use a claim that is for one pod only', () => {
    const volumes = new FakeVolumes().put(boundClaim('mine', 'v', { accessModes: ['ReadWriteOncePod'] }), boundClaim('shared', 'w'), aVolume('v'), aVolume('w'));
    const cluster = new ClusterState();
    for (const name of ['n1', 'n2']) cluster.setNode(aNode(name));
    const profile = compileProfile({ schedulerName: 'x', filters: [volumeRestrictions(volumes)], scores: [] });
    const [mine, shared] = ['mine', 'shared'].map((claim) => new PodClass(aPod('p', { spec: using(claim) }), profile, cluster)) as [PodClass, PodClass];
    const look = (): readonly number[] => {
      mine.refresh();
      shared.refresh();
      return [mine.feasibleCount, shared.feasibleCount];
    };
    expect(look()).toEqual([2, 2]);
    const first = aPod('first', { spec: using('mine', 'shared') });
    cluster.assume(first, 'n1');
    expect(look()).toEqual([0, 2]);
    expect(mine.diagnosis().message).toBe('0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.');
    cluster.removePod(podId(first));
    expect(look()).toEqual([2, 2]);
  });

  it('refuses pods whose claim is not there', () => {
    const filter = volumeRestrictions(new FakeVolumes());
    expect(filter.preFilter?.(aPod('p', { spec: using('data') }), new ClusterState())).toMatchObject({ ok: false, reasons: ['persistentvolumeclaim "data" not found'], unresolvable: true });
  });
});
