import { type Client, type Clock, type KindDefinition, Pod, PodDisruptionBudget } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { make } from '../test-support/world.js';
import { disruptionController } from './controller.js';

const ref = { namespace: 'default', name: 'b' };
const pod = (name: string, app: string): Pod => make({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
const ready = async (client: Client, name: string, status: 'True' | 'False'): Promise<void> => {
  const found = await client.kind(Pod).get({ namespace: 'default', name });
  await client.kind(Pod).updateStatus({ ...found, status: { phase: 'Running', conditions: [{ type: 'Ready', status }] } });
};

const budget: ControllerFixture = {
  controller: () => disruptionController({ kinds: () => [] }),
  seed: async (client) => {
    for (const name of ['p1', 'p2', 'p3']) {
      await client.kind(Pod).create(pod(name, 'web'));
      await ready(client, name, 'True');
    }
    await client.kind(PodDisruptionBudget).create(make({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: ref, spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } } }));
  },
  changes: [
    { name: 'one is not ready any more', run: (client) => ready(client, 'p1', 'False') },
    { name: 'fewer are enough', run: async (client) => void (await client.kind(PodDisruptionBudget).patch(ref, 'merge', { spec: { minAvailable: 1 } })) },
  ],
  check: async (client, changes) => {
    const { status } = await client.kind(PodDisruptionBudget).get(ref);
    const [healthy, allowed] = [[3, 1], [2, 0], [2, 1]][changes] as [number, number];
    check.equal([status?.expectedPods, status?.currentHealthy, status?.disruptionsAllowed], [3, healthy, allowed], 'The counts');
    check.equal(status?.conditions?.map(({ type, reason }) => `${type} ${reason}`), [`DisruptionAllowed ${allowed > 0 ? 'SufficientPods' : 'InsufficientPods'}`], 'The conditions');
  },
  foreign: async (client) => [{ kind: Pod as unknown as KindDefinition, object: await client.kind(Pod).create(pod('other', 'db')) }],
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('disruption', () => ({ fixture: budget, store }), { describe, it });
