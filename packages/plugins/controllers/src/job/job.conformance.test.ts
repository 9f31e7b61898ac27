import { type Client, type Clock, controllerOf, Job, type KindDefinition, Pod } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { make } from '../test-support/world.js';
import { jobController } from './controller.js';
import { INDEX_KEY } from './pod-facts.js';

const ref = { namespace: 'default', name: 'j' };
const create = (client: Client, spec: object) =>
  client.kind(Job).create(make({ apiVersion: 'batch/v1', kind: 'Job', metadata: ref, spec: { ...spec, template: { metadata: { labels: { app: 'x' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } } } }));
const patch = (client: Client, spec: object) => client.kind(Job).patch(ref, 'merge', { spec });
const statusOf = async (client: Client) => (await client.kind(Job).get(ref)).status ?? {};

async function pods(client: Client): Promise<readonly Pod[]> {
  const { uid } = (await client.kind(Job).get(ref)).metadata;
  return (await client.kind(Pod).list()).items.filter((pod) => controllerOf(pod)?.uid === uid);
}

async function setPhase(client: Client, wanted: string): Promise<void> {
  for (const pod of await pods(client)) if (pod.status?.phase !== wanted) await client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, phase: wanted } });
}

const foreign: ControllerFixture['foreign'] = async (client) => {
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'other', uid: 'other-uid', controller: true };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'foreign', labels: { app: 'x' }, ownerReferences: [owner] }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  return [{ kind: Pod as unknown as KindDefinition, object: await client.kind(Pod).create(make(pod)) }];
};

/** Its pods run and run. */
const running: ControllerFixture = {
  controller: () => jobController(),
  seed: async (client) => void (await create(client, { completions: 10, parallelism: 3, manualSelector: true, selector: { matchLabels: { app: 'x' } } })),
  others: (client) => setPhase(client, 'Running'),
  changes: [
    { name: 'more at once', run: async (client) => void (await patch(client, { parallelism: 5 })) },
    { name: 'suspended', run: async (client) => void (await patch(client, { suspend: true })) },
  ],
  check: async (client, changes) => {
    const wanted = [3, 5, 0][changes];
    check.equal((await pods(client)).length, wanted, 'Pods');
    const { active = 0, failed = 0, succeeded = 0 } = await statusOf(client);
    check.equal([active, failed, succeeded], [wanted, 0, 0], 'The status');
  },
  always: async (client) => check.that((await pods(client)).length <= 5, 'There are never more pods than were ever asked for.'),
  foreign,
};

/** Its pods succeed as soon as they are there. */
const ending: ControllerFixture = {
  controller: () => jobController(),
  seed: async (client) => void (await create(client, { completions: 7, parallelism: 2, completionMode: 'Indexed' })),
  others: (client) => setPhase(client, 'Succeeded'),
  changes: [{ name: 'may be removed after an hour', run: async (client) => void (await patch(client, { ttlSecondsAfterFinished: 3600 })) }],
  check: async (client) => {
    const indexes = (await pods(client)).map(({ metadata }) => Number(metadata.annotations?.[INDEX_KEY])).sort();
    check.equal(indexes, [0, 1, 2, 3, 4, 5, 6], 'The indexes of the pods');
    const { succeeded, completedIndexes, uncountedTerminatedPods, conditions } = await statusOf(client);
    check.equal([succeeded, completedIndexes, uncountedTerminatedPods, conditions?.at(-1)?.type], [7, '0-6', {}, 'Complete'], 'The status');
    check.equal((await pods(client)).flatMap(({ metadata }) => metadata.finalizers ?? []), [], 'Finalizers');
  },
  always: async (client) => check.that(((await statusOf(client)).succeeded ?? 0) <= 7, 'No more is counted than succeeded.'),
};

/** The same, without indexes: each is counted by its uid. */
const counted: ControllerFixture = {
  ...ending,
  seed: async (client) => void (await create(client, { completions: 7, parallelism: 3 })),
  check: async (client) => {
    const { succeeded, uncountedTerminatedPods, conditions } = await statusOf(client);
    const all = await pods(client);
    check.equal([succeeded, uncountedTerminatedPods, conditions?.at(-1)?.type], [all.length, {}, 'Complete'], 'The status');
    check.that(all.length >= 7, 'As many pods as were asked for have succeeded.');
  },
  always: async (client) => check.that(((await statusOf(client)).succeeded ?? 0) <= (await pods(client)).length, 'No more is counted than succeeded.'),
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('job that runs', () => ({ fixture: running, store }), { describe, it });
controllerConformance('job that ends', () => ({ fixture: ending, store }), { describe, it });
controllerConformance('job without indexes', () => ({ fixture: counted, store }), { describe, it });
