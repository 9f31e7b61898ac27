import { type Client, type Clock, CronJob, Job, type KindDefinition } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { controllerRefOf } from '../shared/claim.js';
import { make } from '../test-support/world.js';
import { cronJobController } from './controller.js';
import { SCHEDULED_ANNOTATION } from './job-of.js';

const ref = { namespace: 'default', name: 'c' };
const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } };
const end = async (client: Client, name: string): Promise<void> => {
  const job = await client.kind(Job).get({ namespace: 'default', name });
  const time = '2026-01-01T01:00:00Z';
  const conditions = [{ type: 'SuccessCriteriaMet', status: 'True' }, { type: 'Complete', status: 'True' }];
  await client.kind(Job).updateStatus({ ...job, status: { startTime: time, completionTime: time, conditions } });
};

/** Its times are over, and Jobs of three of them are there: as after a process that died before it could write down what it had made. */
const bookkeeping: ControllerFixture = {
  controller: () => cronJobController(),
  seed: async (client) => {
    const owner = await client.kind(CronJob).create(make({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: ref, spec: { schedule: '0 0 1 1 *', suspend: true, jobTemplate: { spec: { template } } } }));
    for (const hour of [1, 2, 3]) {
      const metadata = { namespace: 'default', name: `c-${hour}`, annotations: { [SCHEDULED_ANNOTATION]: `2025-12-31T0${hour}:00:00Z` }, ownerReferences: [controllerRefOf(owner)] };
      await client.kind(Job).create(make({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } }));
    }
  },
  changes: [
    { name: 'two have ended', run: async (client) => void (await end(client, 'c-1'), await end(client, 'c-2')) },
    { name: 'one of them is enough', run: async (client) => void (await client.kind(CronJob).patch(ref, 'merge', { spec: { successfulJobsHistoryLimit: 1 } })) },
  ],
  check: async (client, changes) => {
    const { status } = await client.kind(CronJob).get(ref);
    const active = [['c-1', 'c-2', 'c-3'], ['c-3'], ['c-3']][changes];
    check.equal((status?.active ?? []).map(({ name }) => name).sort(), active, 'status.active');
    check.equal([status?.lastScheduleTime, status?.lastSuccessfulTime], ['2025-12-31T03:00:00Z', changes === 0 ? undefined : '2026-01-01T01:00:00Z'], 'Its times');
    const jobs = (await client.kind(Job).list()).items.map(({ metadata }) => metadata.name).filter((name) => name !== 'foreign');
    check.equal(jobs.sort(), changes === 2 ? ['c-2', 'c-3'] : ['c-1', 'c-2', 'c-3'], 'The Jobs');
  },
  foreign: async (client) => {
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'other', uid: 'other-uid', controller: true };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace: 'default', name: 'foreign', ownerReferences: [owner] }, spec: { template } };
    return [{ kind: Job as unknown as KindDefinition, object: await client.kind(Job).create(make(job)) }];
  },
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('cronjob', () => ({ fixture: bookkeeping, store }), { describe, it });
