import { expect, it } from 'vitest';
import type { ObservedCommit } from './faulty-store.js';
import { FenceOracle } from './fence-oracle.js';

const said: string[] = [];
const pod = (more: object = {}, node?: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...more }, spec: { containers: [], ...(node !== undefined && { nodeName: node }) } });
const commit = (epoch: number | undefined, key: string, value: object): ObservedCommit => ({
  revision: 1, guards: epoch === undefined ? [] : [{ lease: 'leader', epoch }], writes: [{ key, value: value as Record<string, unknown> }],
});

it('notices writes of old leaders, leaders\' work without a fence, and epochs that do not grow; and nothing else', () => {
  const oracle = new FenceOracle((what) => said.push(what));
  const owned = { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }] };
  oracle.acquired({ name: 'leader', epoch: 1 });
  oracle.acquired({ name: 'other', epoch: 1 });
  oracle.committed(commit(1, '/registry/core/pods/default/p', pod(owned)));
  oracle.committed(commit(1, '/registry/core/pods/default/p', pod(owned, 'node')));
  oracle.committed(commit(undefined, '/registry/core/pods/default/p', pod(owned, 'node')));
  oracle.committed(commit(undefined, '/registry/core/pods/default/bare', pod()));
  oracle.committed(commit(undefined, '/registry/core/configmaps/default/c', { metadata: {} }));
  expect(said).toEqual([]);
  oracle.acquired({ name: 'leader', epoch: 2 });
  oracle.committed(commit(1, '/registry/core/pods/default/late', pod(owned)));
  oracle.committed(commit(undefined, '/registry/core/pods/default/made', pod(owned)));
  oracle.committed(commit(undefined, '/registry/core/pods/default/bare', pod({}, 'node')));
  oracle.committed(commit(undefined, '/registry/apps/replicasets/default/r', { metadata: {} }));
  oracle.acquired({ name: 'leader', epoch: 2 });
  expect(said.map((line) => line.replace(/.*\/default\//, ''))).toEqual([
    'late was written under epoch 1 of lease leader after epoch 2 was given out',
    'made was written without a fence, and only a leader does that',
    'bare was written without a fence, and only a leader does that',
    'r was written without a fence, and only a leader does that',
    'lease leader was given out under epoch 2 after epoch 2',
  ]);
  expect([oracle.fenced, oracle.terms]).toEqual([3, 4]);
});
