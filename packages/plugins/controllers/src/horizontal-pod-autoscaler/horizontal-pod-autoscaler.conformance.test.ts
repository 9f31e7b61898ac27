import { builtinKinds, type Client, type Clock, Deployment, HorizontalPodAutoscaler } from '@orrery/core';
import { check, type ControllerFixture, controllerConformance } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { make } from '../test-support/world.js';
import { horizontalPodAutoscaler } from './controller.js';

const ref = { namespace: 'default', name: 'web' };
const bound = (spec: object) => async (client: Client): Promise<void> => void (await client.kind(HorizontalPodAutoscaler).patch(ref, 'merge', { spec }));

/** A queue that wants four replicas, whatever else is. */
const fixture: ControllerFixture = {
  controller: () =>
    horizontalPodAutoscaler({
      workers: 2, syncPeriodMs: 1_000, downscaleStabilizationMs: 300_000, tolerance: 0.1, cpuInitializationMs: 300_000, initialReadinessDelayMs: 30_000, maxSampleAgeMs: 120_000, idleMs: 300_000,
      kinds: () => builtinKinds,
      usage: () => [],
      custom: () => [{ name: 'queue', externalMetric: async () => [{ value: 40, timestamp: 0 }] }],
    }),
  seed: async (client) => {
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web' }] } };
    await client.kind(Deployment).create(make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template } }));
    const metrics = [{ type: 'External', external: { metric: { name: 'length' }, target: { type: 'AverageValue', averageValue: '10' } } }];
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    await client.kind(HorizontalPodAutoscaler).create(make({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: ref, spec: { maxReplicas: 8, metrics, scaleTargetRef } }));
  },
  // Its ReplicaSets keep up.
  others: async (client) => {
    const deployment = await client.kind(Deployment).find(ref);
    const replicas = deployment?.spec.replicas ?? 0;
    if (deployment !== undefined && (deployment.status?.replicas ?? 0) !== replicas) await client.kind(Deployment).updateStatus({ ...deployment, status: { ...deployment.status, replicas } });
  },
  changes: [
    { name: 'at least six', run: bound({ minReplicas: 6 }) },
    { name: 'at most three', run: bound({ minReplicas: 1, maxReplicas: 3 }) },
  ],
  check: async (client, changes) => {
    const wanted = [4, 6, 3][changes];
    check.equal((await client.kind(Deployment).get(ref)).spec.replicas, wanted, 'spec.replicas');
    const { status } = await client.kind(HorizontalPodAutoscaler).get(ref);
    check.equal([status?.currentReplicas, status?.desiredReplicas], [wanted, wanted], 'status.currentReplicas and status.desiredReplicas');
  },
  always: async (client) => check.that(((await client.kind(Deployment).find(ref))?.spec.replicas ?? 0) <= 8, 'There are never more replicas than were ever allowed.'),
};

controllerConformance('horizontal-pod-autoscaler', () => ({ fixture, store: (clock: Clock) => new MemoryStore({ clock }) }), { describe, it });
