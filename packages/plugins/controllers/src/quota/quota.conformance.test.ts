import { type Clock, ConfigMap, type KindDefinition, Pod, ResourceQuota } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { make } from '../test-support/world.js';
import { quotaController } from './controller.js';

const ref = { namespace: 'default', name: 'q' };
const map = (name: string): ConfigMap => make({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
const pod = (name: string): Pod => make({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '250m' } } }] } });

const quota: ControllerFixture = {
  controller: () => quotaController({ kinds: () => [ConfigMap, Pod] as unknown as KindDefinition[] }),
  seed: async (client) => {
    for (const name of ['m1', 'm2']) await client.kind(ConfigMap).create(map(name));
    for (const name of ['p1', 'p2']) await client.kind(Pod).create(pod(name));
    await client.kind(ResourceQuota).create(make({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: ref, spec: { hard: { configmaps: '5', 'requests.cpu': '2' } } }));
  },
  changes: [
    { name: 'one is deleted', run: async (client) => void (await client.kind(ConfigMap).delete({ namespace: 'default', name: 'm1' })) },
    {
      name: 'one has ended, and more is counted',
      run: async (client) => {
        await client.kind(Pod).patch({ namespace: 'default', name: 'p1' }, 'merge', { status: { phase: 'Succeeded' } }, { subresource: 'status' });
        await client.kind(ResourceQuota).patch(ref, 'merge', { spec: { hard: { pods: '3' } } });
      },
    },
  ],
  check: async (client, changes) => {
    const { status } = await client.kind(ResourceQuota).get(ref);
    const more = changes === 2 ? { pods: '1' } : {};
    check.equal(status?.used, { configmaps: changes === 0 ? '2' : '1', 'requests.cpu': changes === 2 ? '250m' : '500m', ...more }, 'status.used');
    check.equal(status?.hard, { configmaps: '5', 'requests.cpu': '2', ...(changes === 2 && { pods: '3' }) }, 'status.hard');
  },
  // In a namespace without a quota.
  foreign: async (client) => [{ kind: Pod as unknown as KindDefinition, object: await client.kind(Pod).create({ ...pod('other'), metadata: { name: 'other', namespace: 'kube-system' } }) }],
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('quota', () => ({ fixture: quota, store }), { describe, it });
