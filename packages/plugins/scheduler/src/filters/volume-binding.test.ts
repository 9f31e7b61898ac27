import type { Pod } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { compileProfile } from '../classes/compiled-profile.js';
import { evaluate } from '../engine/evaluate.js';
import { ClusterState } from '../state/cluster.js';
import { FakeVolumes, aClaim, aClass, aVolume, boundClaim, using } from '../test-support/fake-volumes.js';
import { aNode, aPod } from '../test-support/objects.js';
import { STORAGE } from '../volumes/volumes.js';
import { volumeBinding } from './volume-binding.js';

const LOCAL = aClass('local', STORAGE.noProvisioner);
const MADE = aClass('made', 'example.com/made', { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a', 'b'] }] }] });
const NOW = aClass('now', 'example.com/made', { volumeBindingMode: 'Immediate' });
const NONE_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const OUT_OF_REACH = "node(s) didn't match PersistentVolume's node affinity";

/** Two nodes in zone a and c, with pods on them. */
function world(...placed: readonly Pod[]): ClusterState {
  const cluster = new ClusterState();
  cluster.setNode(aNode('n1', { labels: { zone: 'a' } }));
  cluster.setNode(aNode('n2', { labels: { zone: 'c' } }));
  for (const pod of placed) cluster.setPod(pod);
  return cluster;
}

/** What the filter says of each node: `ok`, or the reasons and what would change them. */
function verdicts(volumes: FakeVolumes, pod: Pod, cluster = world()): Record<string, string> {
  const { nodes } = evaluate(pod, compileProfile({ schedulerName: 'x', filters: [volumeBinding(volumes)], scores: [] }), cluster);
  return Object.fromEntries(nodes.map(({ node, refusals }) => [node.name, refusals.map(({ verdict: { reasons, retryWhen } }) => `${reasons.join(' + ')} (${retryWhen})`).join() || 'ok']));
}
const everywhere = (text: string): Record<string, string> => ({ n1: text, n2: text });
const claim = (storageClassName: string, name = 'data') => aClaim(name, { spec: { storageClassName } });
const user = aPod('user', { spec: using('data') });

describe('VolumeBinding', () => {
  it('has nothing to say of pods without claims', () => {
    const filter = volumeBinding(new FakeVolumes());
    const pod = aPod('p', { spec: { volumes: [{ name: 'v', emptyDir: {} }] } });
    expect(filter.preFilter?.(pod, world())).toEqual({ skip: true });
    expect(filter.signature?.(pod)).toBe('');
  });

  it.each([
    ['that is not there', [], 'persistentvolumeclaim "data" not found'],
    ['that is being deleted', [aClaim('data', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })], 'persistentvolumeclaim "data" is being deleted'],
    ['that lost its volume', [aClaim('data', { spec: { volumeName: 'v' }, status: { phase: 'Lost' } })], 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"'],
    ['that is bound at once, and is not yet', [NOW, claim('now')], 'pod has unbound immediate PersistentVolumeClaims'],
    ['of a class that is not there', [claim('missing')], 'pod has unbound immediate PersistentVolumeClaims'],
    ['that names its volume', [MADE, aClaim('data', { spec: { storageClassName: 'made', volumeName: 'v' } })], 'pod has unbound immediate PersistentVolumeClaims'],
  ])('refuses pods with a claim %s', (_what, objects, reason) => {
    expect(verdicts(new FakeVolumes().put(...objects), user)).toEqual(everywhere(`${reason} (other-changes)`));
  });

  it('holds pods to where the volumes of their claims are', () => {
    const volumes = new FakeVolumes().put(boundClaim('data', 'v1'), aVolume('v1', 'n1'), boundClaim('net', 'v2'), aVolume('v2'));
    expect(verdicts(volumes, user)).toEqual({ n1: 'ok', n2: `${OUT_OF_REACH} (node-changes)` });
    expect(verdicts(volumes, aPod('p', { spec: using('net') }))).toEqual(everywhere('ok'));
    expect(verdicts(volumes.put(boundClaim('data', 'nowhere')), user)).toEqual(everywhere('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s) (other-changes)'));
  });

  it('finds free volumes that are large enough, of the right class, and each only once', () => {
    const volumes = new FakeVolumes().put(LOCAL, claim('local'), aVolume('v1', 'n1', { storageClassName: 'local' }), aVolume('tiny', 'n2', { storageClassName: 'local', capacity: { storage: '1Mi' } }));
    expect(verdicts(volumes, user)).toEqual({ n1: 'ok', n2: `${NONE_TO_BIND} (node-changes)` });
    volumes.put(claim('local', 'more'), aVolume('v3', 'n2', { storageClassName: 'local', capacity: { storage: '3Gi' } }));
    const both = aPod('both', { spec: using('data', 'more') });
    expect(verdicts(volumes, both)).toEqual(everywhere(`${NONE_TO_BIND} (node-changes)`));
    expect(verdicts(volumes.put(aVolume('v4', 'n2', { storageClassName: 'local' })), both)).toEqual({ n1: `${NONE_TO_BIND} (node-changes)`, n2: 'ok' });
  });

  it('leaves a claim the volume that is reserved for it, and no other', () => {
    const reserved = { storageClassName: 'made', claimRef: { namespace: 'default', name: 'data' } };
    const volumes = new FakeVolumes().put(MADE, claim('made'), claim('made', 'other'), aVolume('v2', 'n2', reserved));
    expect(verdicts(volumes, user)).toEqual({ n1: `${NONE_TO_BIND} (node-changes)`, n2: 'ok' });
    expect(verdicts(volumes, aPod('p', { spec: using('other') }))).toEqual({ n1: 'ok', n2: `${NONE_TO_BIND} (node-changes)` });
  });

  it('counts on a volume being made where the class allows it', () => {
    const volumes = new FakeVolumes().put(MADE, claim('made'));
    expect(verdicts(volumes, user)).toEqual({ n1: 'ok', n2: `${NONE_TO_BIND} (node-changes)` });
    expect(verdicts(volumes.put(aClass('made', 'example.com/made')), user)).toEqual(everywhere('ok'));
  });

  it('keeps a claim where its volume is being made, while that node is there', () => {
    const made = (node: string) => aClaim('data', { spec: { storageClassName: 'made' }, metadata: { annotations: { [STORAGE.selectedNode]: node } } });
    const volumes = new FakeVolumes().put(aClass('made', 'example.com/made'), made('n2'));
    expect(verdicts(volumes, user)).toEqual({ n1: `${NONE_TO_BIND} (node-changes)`, n2: 'ok' });
    expect(verdicts(volumes.put(made('gone')), user)).toEqual(everywhere('ok'));
  });

  it('keeps a claim where its first pod is, and gives nobody else the volume it will get', () => {
    const first = aPod('first', { spec: { ...using('data'), nodeName: 'n2' } });
    const volumes = new FakeVolumes().put(aClass('made', 'example.com/made'), claim('made'));
    expect(verdicts(volumes, user, world(first))).toEqual({ n1: `${NONE_TO_BIND} (pod-changes)`, n2: 'ok' });
    volumes.put(LOCAL, claim('local'), claim('local', 'other'), aVolume('v1', 'n1', { storageClassName: 'local' }), aVolume('v2', 'n2', { storageClassName: 'local' }));
    const rival = aPod('rival', { spec: using('other') });
    expect(verdicts(volumes, rival)).toEqual(everywhere('ok'));
    expect(verdicts(volumes, rival, world(first))).toEqual({ n1: 'ok', n2: `${NONE_TO_BIND} (pod-changes)` });
  });

  it('waits for the claims of ephemeral volumes, and takes only those made for the pod', () => {
    const pod = aPod('p', { spec: { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: {} } } }] as never } });
    const volumes = new FakeVolumes();
    expect(verdicts(volumes, pod)).toEqual(everywhere('waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch" (other-changes)'));
    volumes.put(aClass('made', 'example.com/made'), claim('made', 'p-scratch'));
    expect(verdicts(volumes, pod)).toEqual(everywhere('PVC default/p-scratch was not created for pod default/p (pod is not owner) (other-changes)'));
    const owned = { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true }] };
    expect(verdicts(volumes.put(aClaim('p-scratch', { spec: { storageClassName: 'made' }, metadata: owned })), pod)).toEqual(everywhere('ok'));
  });
});
