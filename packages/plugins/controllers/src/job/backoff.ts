import type { Pod } from '@orrery/core';
import { endedAt } from './pod-facts.js';

const FIRST_MS = 10_000;
/** As kube-controller-manager has it; its documentation says six minutes. */
const LONGEST_MS = 600_000;

/** What the wait before the next pod depends on. Kept in memory only, as in Kubernetes: a restart begins anew. */
export interface Backoff {
  /** Pods that failed since the last one that succeeded. */
  readonly failures: number;
  /** When the last of them ended, in milliseconds since the epoch. */
  readonly lastFailure: number;
}

/** Nothing failed. */
export const noBackoff: Backoff = { failures: 0, lastFailure: 0 };

/** The back-off after some more pods ended (newBackoffRecord). Pure. */
export function backoffAfter(before: Backoff, succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
  const failures = failed.map(endedAt);
  const lastSuccess = succeeded.reduce((last, pod) => Math.max(last, endedAt(pod)), -Infinity);
  if (succeeded.length === 0) return failures.length === 0 ? before : { failures: before.failures + failures.length, lastFailure: Math.max(...failures) };
  const since = failures.filter((time) => time > lastSuccess);
  return since.length === 0 ? noBackoff : { failures: since.length, lastFailure: Math.max(...since) };
}

/** Milliseconds until another pod may be made: 10 s after the first failure, then twice as long each time. Pure. */
export function backoffLeft({ failures, lastFailure }: Backoff, now: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastFailure + Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) - now);
}
