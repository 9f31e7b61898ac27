import type { Controller, CronJob, Job, KubeObject, PodDisruptionBudget, ResourceQuota } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { allControllers } from './control-plane.js';
import type { Rates } from './faults.js';
import { simulateMixed } from './simulate-mixed.js';
import { meddled, type Meddle } from './test/meddling.js';

const as = <T extends KubeObject>(object: KubeObject): T => object as T;

/** Broken controllers, each with what the oracles must say of it. */
const mutants: readonly { readonly name: string; readonly says: RegExp; readonly controller: string; readonly meddle: Meddle; readonly faults?: Partial<Rates> }[] = [
  {
    name: 'a Job controller that counts a success twice',
    says: /counts \d+ successes|tells \d+ successes/,
    controller: 'job-controller',
    meddle: (plural, verbs) =>
      plural !== 'jobs' ? {} : {
        updateStatus: (object) => {
          const { status = {} } = as<Job>(object);
          return verbs.updateStatus({ ...object, status: { ...status, ...((status.succeeded ?? 0) > 0 && { succeeded: (status.succeeded ?? 0) + 1 }) } } as KubeObject);
        },
      },
  },
  {
    name: 'a Job controller that lets pods go before they are counted',
    says: /successes of|has not ended/,
    controller: 'job-controller',
    meddle: (plural, verbs) => (plural !== 'jobs' ? {} : { updateStatus: (object) => verbs.updateStatus({ ...object, status: { ...as<Job>(object).status, uncountedTerminatedPods: {} } } as KubeObject) }),
  },
  {
    name: 'a Job controller that makes each pod twice',
    says: /which has an active one|is active beside/,
    controller: 'job-controller',
    meddle: (plural, verbs) =>
      plural !== 'pods' ? {} : {
        create: async (object) => {
          await verbs.create(object);
          return verbs.create(object);
        },
      },
  },
  {
    name: 'a Job controller that forgets failures',
    says: /counts \d+ failures of|beyond \d+ and the/,
    controller: 'job-controller',
    meddle: (plural, verbs) => (plural !== 'jobs' ? {} : { updateStatus: (object) => verbs.updateStatus({ ...object, status: { ...as<Job>(object).status, failed: 0 } } as KubeObject) }),
  },
  {
    name: 'a StatefulSet controller that does not wait until a pod is gone',
    says: /was made while another one of that name still runs/,
    controller: 'statefulset',
    meddle: (plural, verbs) => (plural !== 'pods' ? {} : { delete: (ref, options) => verbs.delete(ref, { ...options, gracePeriodSeconds: 0 }) }),
  },
  {
    name: 'a CronJob controller that forgets the last time: Jobs have to tell it for ever',
    says: /keeps \d+ (complete|failed) jobs of/,
    controller: 'cronjob-controller',
    meddle: (plural, verbs) =>
      plural !== 'cronjobs' ? {} : {
        updateStatus: (object) => {
          const { lastScheduleTime: _, ...status } = as<CronJob>(object).status ?? {};
          return verbs.updateStatus({ ...object, status } as KubeObject);
        },
      },
  },
  {
    name: 'a CronJob controller that serves each time twice',
    says: /served .* twice/,
    controller: 'cronjob-controller',
    meddle: (plural, verbs) =>
      plural !== 'jobs' ? {} : {
        create: async (object) => {
          await verbs.create({ ...object, metadata: { ...object.metadata, name: `${object.metadata.name}-again` } });
          return verbs.create(object);
        },
      },
  },
  {
    name: 'a CronJob controller that does not start every second Job',
    says: /skipped/,
    controller: 'cronjob-controller',
    meddle: (plural, verbs) =>
      plural !== 'jobs' ? {} : { create: async (object) => (Number(object.metadata.name?.at(-1)) % 2 === 0 ? verbs.create(object) : object) },
  },
  {
    name: 'a CronJob controller that does not know of Jobs that go on',
    says: /with (Forbid|Replace) made .* beside/,
    controller: 'cronjob-controller',
    meddle: (plural, verbs) =>
      plural === 'cronjobs' ? { updateStatus: (object) => verbs.updateStatus({ ...object, status: { ...as<CronJob>(object).status, active: [] } } as KubeObject) }
      : plural === 'jobs' ? { create: (object) => verbs.create({ ...object, spec: { ...as<Job>(object).spec, suspend: false } } as KubeObject), delete: async (ref) => verbs.get(ref) }
      : {},
  },
  {
    name: 'an autoscaler without bounds',
    says: /was scaled to \d+, beyond/,
    controller: 'horizontal-pod-autoscaler',
    meddle: (plural, verbs) => (plural !== 'deployments' ? {} : { scale: (ref, replicas) => verbs.scale(ref, replicas + 2) }),
  },
  {
    name: 'a disruption controller that always allows three',
    says: /which leaves \d+ healthy pods/,
    controller: 'disruption',
    meddle: (plural, verbs) =>
      plural !== 'poddisruptionbudgets' ? {} : { updateStatus: (object) => verbs.updateStatus({ ...object, status: { ...as<PodDisruptionBudget>(object).status, disruptionsAllowed: 3 } } as KubeObject) },
  },
  {
    name: 'a disruption controller that wants nobody healthy',
    says: /which leaves \d+ healthy pods|budget .* says/,
    controller: 'disruption',
    meddle: (plural, verbs) =>
      plural !== 'poddisruptionbudgets' ? {} : {
        updateStatus: (object) => {
          const { status = {} } = as<PodDisruptionBudget>(object);
          return verbs.updateStatus({ ...object, status: { ...status, desiredHealthy: 0, disruptionsAllowed: (status as { currentHealthy?: number }).currentHealthy ?? 0 } } as KubeObject);
        },
      },
  },
  {
    name: 'a quota controller that always counts one',
    says: /was made beyond quota/,
    controller: 'resourcequota',
    meddle: (plural, verbs) =>
      plural !== 'resourcequotas' ? {} : { updateStatus: (object) => verbs.updateStatus({ ...object, status: { ...as<ResourceQuota>(object).status, used: { pods: '1', 'requests.cpu': '0' } } } as KubeObject) },
  },
  {
    name: 'nobody who removes Jobs that have ended',
    says: /is there after it was to go/,
    controller: 'ttl-after-finished',
    meddle: (plural) => (plural !== 'jobs' ? {} : { delete: async (ref) => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: ref.name } }) }),
  },
];

const SEEDS = 8;

describe('the oracles of mixed workloads notice', () => {
  for (const { name, says, controller, meddle, faults } of mutants) {
    it(`${name}, within ${SEEDS} seeds`, async () => {
      const sabotage = { meddle: (controllers: readonly Controller[]) => controllers.map((one) => (one.name === controller ? meddled(one, meddle) : one)) };
      expect(allControllers().map((one) => one.name)).toContain(controller);
      const said: string[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violations } = await simulateMixed({ seed, sabotage, ...(faults && { faults }) });
        if (violations.some((violation) => says.test(violation))) return;
        said.push(...violations);
      }
      expect.fail(`${SEEDS} seeds did not show it: ${said.slice(0, 5).join('\n')}`);
    });
  }
});
