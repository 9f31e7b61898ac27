import { milliValue, type Pod } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { applyRecommendation, UPDATED_BY } from './apply.js';
import type { VerticalPodAutoscaler } from './kind.js';
import { planEviction } from './plan-eviction.js';

const podOf = (name: string, cpu: number, ready = true): Pod =>
  make({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: name }, spec: { containers: [{ name: 'app', resources: { requests: { cpu: `${cpu}m` } } }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
const autoscalerOf = (updateMode: string, target: number, minReplicas = 2): VerticalPodAutoscaler =>
  make({
    apiVersion: 'autoscaling.k8s.io/v1', kind: 'VerticalPodAutoscaler', metadata: { name: 'web' },
    spec: { targetRef: { kind: 'Deployment', name: 'web' }, updatePolicy: { updateMode, minReplicas }, resourcePolicy: { containerPolicies: [] } },
    status: { recommendation: { containerRecommendations: [{ containerName: 'app', target: { cpu: `${target}m` }, lowerBound: { cpu: `${Math.floor(target * 0.8)}m` }, upperBound: { cpu: `${Math.ceil(target * 1.2)}m` } }] } },
  });

describe('eviction for the sake of requests', () => {
  it('is for those who ask for it', () => {
    const pods = [podOf('a', 10), podOf('b', 10), podOf('c', 10)];
    for (const mode of ['Off', 'Initial']) expect(planEviction({ autoscaler: autoscalerOf(mode, 500), pods, wanted: 3 })).toBeUndefined();
    expect(planEviction({ autoscaler: autoscalerOf('Recreate', 500), pods, wanted: 3 })?.metadata.name).toBe('a');
  });

  it('begins with the one furthest off', () => {
    const pods = [podOf('a', 300), podOf('b', 5000), podOf('c', 500)];
    expect(planEviction({ autoscaler: autoscalerOf('Recreate', 500), pods, wanted: 3 })?.metadata.name).toBe('b');
  });

  it('is not held up for ever by pods that ended, but waits for one that is going', () => {
    const pods = [podOf('a', 10), podOf('b', 10)];
    const ended = make<Pod>({ ...podOf('c', 10), status: { phase: 'Failed', reason: 'Evicted' } });
    expect(planEviction({ autoscaler: autoscalerOf('Recreate', 500), pods: [...pods, ended], wanted: 2 })?.metadata.name).toBe('a');
    const going = make<Pod>({ ...podOf('c', 10), metadata: { name: 'c', deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(planEviction({ autoscaler: autoscalerOf('Recreate', 500), pods: [...pods, going], wanted: 2 })).toBeUndefined();
  });

  it('leaves alone what another autoscaler gave its requests: the two would never agree', () => {
    const pods = [podOf('a', 10), podOf('b', 10)].map((pod) => make<Pod>({ ...pod, metadata: { ...pod.metadata, annotations: { [UPDATED_BY]: 'other' } } }));
    const view = { autoscaler: autoscalerOf('Recreate', 500), pods, wanted: 2 };
    expect(planEviction({ ...view, others: new Set(['other']) })).toBeUndefined();
    // The other is gone.
    expect(planEviction({ ...view, others: new Set() })?.metadata.name).toBe('a');
  });

  it('never takes one while another is missing or not ready, and comes to an end with all of them within the bounds', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 2, maxLength: 8 }), fc.integer({ min: 10, max: 1500 }), fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (requests, target, slow) => {
        const autoscaler = autoscalerOf('Recreate', target);
        let pods = requests.map((cpu, i) => podOf(`p${i}`, cpu));
        let made = 0;
        for (const isSlow of slow) {
          const victim = planEviction({ autoscaler, pods, wanted: requests.length });
          if (victim !== undefined) {
            expect(pods.every(({ status }) => status?.conditions?.[0]?.status === 'True')).toBe(true);
            expect(pods).toHaveLength(requests.length);
            pods = pods.filter((pod) => pod !== victim);
          } else if (pods.length < requests.length) {
            const next = podOf(`n${(made += 1)}`, 100, !isSlow);
            applyRecommendation(next, autoscaler);
            pods = [...pods, next];
          } else pods = pods.map((pod) => (isSlow ? pod : { ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } as Pod));
        }
        // From here on nothing is slow: each pod needs three rounds at most.
        for (let round = 0; round < 4 * requests.length; round += 1) {
          const victim = planEviction({ autoscaler, pods, wanted: requests.length });
          pods = pods.filter((pod) => pod !== victim).map((pod) => ({ ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }) as Pod);
          if (pods.length === requests.length) continue;
          const next = podOf(`n${(made += 1)}`, 100);
          applyRecommendation(next, autoscaler);
          pods.push(next);
        }
        expect(planEviction({ autoscaler, pods, wanted: requests.length })).toBeUndefined();
        for (const { spec } of pods) {
          const cpu = milliValue(spec.containers?.[0]?.resources?.requests?.['cpu'] ?? '0');
          expect(cpu).toBeGreaterThanOrEqual(Math.floor(target * 0.8));
          expect(cpu).toBeLessThanOrEqual(Math.ceil(target * 1.2));
        }
        // None is replaced twice.
        expect(made).toBeLessThanOrEqual(requests.length);
      }),
    ));
});
