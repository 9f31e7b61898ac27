import type { Pod } from '@orrery/core';
import type { Checked } from './checks/check.js';
import { violationsOf } from './evaluate.js';
import { type LevelVersion, told } from './policy.js';

/** Pods of a namespace that are looked at when its level changes. */
const MAX_PODS = 3_000;

/** A pod as checks see it. */
export const checkedPod = ({ metadata, spec }: Pick<Pod, 'metadata' | 'spec'>): Checked => ({ annotations: metadata.annotations ?? {}, spec });

/** The warnings for who makes a namespace stricter: which of its pods would be refused now. `isExempt`: a pod is none of ours. Bounded. Pure. */
export function warningsOf(namespace: string, enforce: LevelVersion, pods: readonly Pod[], isExempt: (pod: Pod) => boolean): readonly string[] {
  const byReason = new Map<string, string[]>();
  for (const pod of pods.slice(0, MAX_PODS)) {
    const violations = isExempt(pod) ? [] : violationsOf(enforce, checkedPod(pod));
    if (violations.length === 0) continue;
    const reasons = violations.map(({ reason }) => reason).join(', ');
    byReason.set(reasons, [...(byReason.get(reasons) ?? []), pod.metadata.name ?? '']);
  }
  const lines = [...byReason].map(([reasons, names]) => `${namesOf(names.sort())}: ${reasons}`).sort();
  return [
    ...(pods.length > MAX_PODS ? [`new PodSecurity enforce level only checked against the first ${MAX_PODS} of ${pods.length} existing pods`] : []),
    ...(lines.length > 0 ? [`existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(told(enforce))}`] : []),
    ...lines,
  ];
}

function namesOf([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} (and ${others.length} other pod${others.length === 1 ? '' : 's'})`;
}
