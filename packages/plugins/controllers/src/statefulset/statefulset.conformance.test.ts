import { type Client, controllerOf, type KindDefinition, PersistentVolumeClaim, Pod, StatefulSet } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { playKubelet } from '../test-support/play-kubelet.js';
import { make } from '../test-support/world.js';
import { statefulSetController } from './controller.js';

const at = (name: string) => ({ namespace: 'default', name });
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
const own = async (client: Client): Promise<readonly Pod[]> => {
  const { uid } = (await client.kind(StatefulSet).get(at('web'))).metadata;
  return (await client.kind(Pod).list()).items.filter((pod) => controllerOf(pod)?.uid === uid);
};

const fixture: ControllerFixture = {
  controller: () => statefulSetController(),
  seed: async (client) => {
    await client.kind(StatefulSet).create(make({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: at('web'), spec: { replicas: 3, serviceName: 'web', selector: { matchLabels: { app: 'web' } }, template: template('web:1'), volumeClaimTemplates: [claim] } }));
  },
  changes: [
    { name: 'another image', run: async (client) => void (await client.kind(StatefulSet).patch(at('web'), 'merge', { spec: { template: template('web:2') } })) },
    { name: 'scaled to 5', run: (client) => client.kind(StatefulSet).scale(at('web'), 5) },
    { name: 'scaled to 2', run: (client) => client.kind(StatefulSet).scale(at('web'), 2) },
  ],
  others: playKubelet,
  check: async (client, changes) => {
    const [wanted = 0, image = ''] = ([[3, 'web:1'], [3, 'web:2'], [5, 'web:2'], [2, 'web:2']] as const)[changes] ?? [];
    check.equal((await own(client)).map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image]).sort(), Array.from({ length: wanted }, (_, n) => [`web-${n}`, image]), 'Pods');
    const { status } = await client.kind(StatefulSet).get(at('web'));
    check.equal([status?.replicas, status?.availableReplicas, status?.updatedReplicas, status?.currentRevision === status?.updateRevision], [wanted, wanted, wanted, true], 'The status');
  },
  always: async (client) => {
    const pods = await own(client);
    const claims = new Set((await client.kind(PersistentVolumeClaim).list()).items.map(({ metadata }) => metadata.name));
    check.that(pods.every(({ metadata }) => claims.has(`data-${metadata.name}`)), 'A pod has its claim before it is there itself.');
    const unwell = pods.filter(({ metadata, status }) => metadata.deletionTimestamp !== undefined || status?.phase !== 'Running');
    check.that(unwell.length <= 1, 'In order, one pod changes at a time.');
  },
  foreign: async (client) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...at('web-7'), labels: { app: 'web' }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'other', uid: 'other-uid', controller: true }] }, spec: { ...template('web:1').spec, nodeName: 'n1' } };
    const running = await client.kind(Pod).create(make(pod));
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    return [{ kind: Pod as unknown as KindDefinition, object: await client.kind(Pod).updateStatus({ ...running, status: ready }) }];
  },
};

controllerConformance('statefulset', () => ({ fixture, store: (clock) => new MemoryStore({ clock }) }), { describe, it });
