import { describe, expect, it } from 'vitest';
import type { ApiError } from '../model/api-error.js';
import type { Pod } from '../model/kinds/pod.js';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../model/kinds/pod-disruption-budget.js';
import { planEviction } from './eviction-plan.js';

const now = Date.UTC(2026, 0, 1);
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Pod;
const budget = (status: Partial<PodDisruptionBudgetStatus>, generation = 1): PodDisruptionBudget =>
  ({ metadata: { name: 'b', generation }, spec: { minAvailable: 3 }, status: { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 3, expectedPods: 4, ...status } }) as PodDisruptionBudget;
const refusal = (status: Partial<PodDisruptionBudgetStatus>, generation?: number): ApiError['details'] => {
  try {
    planEviction(pod, budget(status, generation), now);
  } catch (error) {
    expect(error).toMatchObject({ reason: 'TooManyRequests', message: "Cannot evict pod as it would violate the pod's disruption budget." });
    return (error as ApiError).details;
  }
  throw new Error('it was allowed');
};
const condition = (reason: string, message: string): Partial<PodDisruptionBudgetStatus> => ({ conditions: [{ type: 'DisruptionAllowed', status: 'False', reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' }] });
const because = (message: string): ApiError['details'] => ({ causes: [{ reason: 'DisruptionBudget', message }] });

describe('planEviction', () => {
  it('takes one off, notes the pod, and says when that was the last', () => {
    expect(planEviction(pod, budget({ disruptionsAllowed: 1 }), now).budget?.status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { p: '2026-01-01T00:00:00Z' },
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
    });
  });

  it('says why not: no time to wait for is told where nobody knows it, so that drains wait as they see fit', () => {
    expect(refusal({})).toEqual(because('The disruption budget b needs 3 healthy pods and has 3 currently'));
    expect(refusal({ currentHealthy: 4 })).toEqual(because('The disruption budget b does not allow evicting pods currently'));
    expect(refusal({ currentHealthy: 4, ...condition('Other', 'why') })).toEqual(because('The disruption budget b does not allow evicting pods currently (Other): why'));
    expect(refusal(condition('SyncFailed', 'no scale'))).toEqual(because('The disruption budget b does not allow evicting pods currently because it failed sync: no scale'));
    expect(refusal({ disruptionsAllowed: 1 }, 2)).toEqual({ ...because('The disruption budget b is still being processed by the server.'), retryAfterSeconds: 10 });
  });

  it('refuses to count with a damaged budget', () => {
    expect(() => planEviction(pod, budget({ disruptionsAllowed: -1 }), now)).toThrow('pdb disruptions allowed is negative');
    const disruptedPods = Object.fromEntries(Array.from({ length: 2001 }, (_, i) => [`p${i}`, '2026-01-01T00:00:00Z']));
    expect(() => planEviction(pod, budget({ disruptionsAllowed: 1, disruptedPods }), now)).toThrow('DisruptedPods map too big');
  });
});
