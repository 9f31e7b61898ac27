import type { RetryWhen } from '@orrery/core';
import type { Refusal } from './plugin-call.js';

/** Why a pod fits nowhere. */
export interface Diagnosis {
  /** `0/5 nodes are available: 3 Insufficient memory, 2 Too many pods.` */
  readonly message: string;
  /** What would make another attempt worth while. */
  readonly retryWhen: ReadonlySet<RetryWhen>;
  /** The plugins that refused. */
  readonly plugins: ReadonlySet<string>;
}

/** What Kubernetes says when there is no node at all (ErrNoNodesAvailable). */
export const NO_NODES = 'no nodes available to schedule pods';

/**
 * Sums up refusals as kube-scheduler does (FitError.Error): each node's first refusal counts each of its reasons once, sorted as text.
 * A refusal of the pod as such stands alone.
 */
export function diagnose(slots: readonly unknown[], rejected: Refusal | undefined, refusalAt: (slot: number) => Refusal | undefined): Diagnosis {
  const retryWhen = new Set<RetryWhen>();
  const plugins = new Set<string>();
  const counts = new Map<string, number>();
  let total = 0;
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] === undefined) continue;
    total++;
    const refusal = rejected === undefined ? refusalAt(slot) : undefined;
    if (refusal === undefined) continue;
    retryWhen.add(refusal.verdict.retryWhen);
    plugins.add(refusal.plugin);
    for (const reason of refusal.verdict.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  if (total === 0) return { message: NO_NODES, retryWhen: new Set(['node-changes']), plugins };
  if (rejected !== undefined) {
    const { plugin, verdict } = rejected;
    return { message: `0/${total} nodes are available: ${verdict.reasons.join(', ')}.`, retryWhen: new Set([verdict.retryWhen]), plugins: new Set([plugin]) };
  }
  return { message: summary(total, counts), retryWhen, plugins };
}

/** The summary of reasons, each with how many nodes gave it. */
export function summary(total: number, counts: ReadonlyMap<string, number>): string {
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${total} nodes are available:${parts.length === 0 ? '' : ` ${parts.join(', ')}.`}`;
}
