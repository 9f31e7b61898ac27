import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiError } from '../model/api-error.js';
import type { Pod } from '../model/kinds/pod.js';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../model/kinds/pod-disruption-budget.js';
import { needsNoBudget, planEviction } from './eviction-plan.js';

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

describe('evictions one after the other', () => {
  const counts = fc.record({ disruptionsAllowed: fc.integer({ min: 0, max: 4 }), currentHealthy: fc.nat({ max: 6 }), desiredHealthy: fc.nat({ max: 6 }), expectedPods: fc.nat({ max: 6 }) });
  const pods = fc.array(fc.record({ ready: fc.boolean(), phase: fc.constantFrom('Running', 'Pending', 'Succeeded', 'Failed'), leaving: fc.boolean() }), { minLength: 1, maxLength: 8 });
  const podOf = ({ ready, phase, leaving }: { readonly ready: boolean; readonly phase: string; readonly leaving: boolean }, name: string): Pod =>
    ({ ...pod, metadata: { name, ...(leaving && { deletionTimestamp: '2026-01-01T00:00:00Z' }) }, status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }) as Pod;

  it('take no more from a budget than it has, of which each takes one and is noted; what costs nothing changes nothing; late views are refused by the version', () => {
    // By each eviction: whether it is decided by the budget as it was one write earlier. The server then decides anew.
    fc.assert(
      fc.property(counts, pods, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.boolean(), (status, facts, late, always) => {
        let current = budget({ ...status, ...(status.disruptionsAllowed > 0 && condition('Other', '')) });
        if (always) current.spec.unhealthyPodEvictionPolicy = 'AlwaysAllow';
        let [before, version, versionBefore] = [current, 0, 0];
        const taken: string[] = [];
        facts.forEach((one, i) => {
          const subject = podOf(one, `p${i}`);
          const free = needsNoBudget(subject) || (!one.ready && (always || (current.status!.currentHealthy >= current.status!.desiredHealthy && current.status!.desiredHealthy > 0)));
          const decide = (by: PodDisruptionBudget): PodDisruptionBudget | 'free' | 'refused' => {
            try {
              return planEviction(subject, by, now).budget ?? 'free';
            } catch (error) {
              expect(error).toMatchObject({ reason: 'TooManyRequests' });
              return 'refused';
            }
          };
          let decision = decide(late[i] === true ? before : current);
          // The commit holds for the version that was read: a late one is decided about anew.
          if (typeof decision !== 'string' && late[i] === true && versionBefore !== version) decision = decide(current);
          if (free) expect(decision).toBe('free');
          if (typeof decision === 'string') {
            if (late[i] !== true && !free) expect(current.status?.disruptionsAllowed).toBe(0);
            return;
          }
          taken.push(`p${i}`);
          expect(decision.status?.disruptionsAllowed).toBe((current.status?.disruptionsAllowed ?? 0) - 1);
          expect(Object.keys(decision.status?.disruptedPods ?? {})).toEqual(taken);
          if (decision.status?.disruptionsAllowed === 0) expect(decision.status.conditions).toMatchObject([{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }]);
          [before, versionBefore] = [current, version];
          [current, version] = [decision, version + 1];
        });
        expect(taken.length).toBeLessThanOrEqual(status.disruptionsAllowed);
      }),
      { numRuns: 500 },
    );
  });

  it('never goes by a budget whose own change has not been counted yet', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 9 }), (status, generation) => {
        expect(() => planEviction(pod, budget({ ...status, disruptionsAllowed: 5 }, generation), now)).toThrow("Cannot evict pod as it would violate the pod's disruption budget.");
      }),
    );
  });
});
