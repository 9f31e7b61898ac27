/** First delay after a crash that followed a restart, milliseconds (kubelet's backOffPeriod). */
export const INITIAL_MS = 10_000;
/** No delay is longer (kubelet's MaxContainerBackOff). */
export const MAX_MS = 300_000;

/** Where one container is in its crash loop. */
export interface CrashEntry {
  readonly delayMs: number;
  /** When the exit that led to this entry happened. */
  readonly since: number;
}

/**
 * When a container that ended at `finishedAt` may be started again: at once for the first time, then after 10 s, 20 s, … up to 5 minutes;
 * forgotten when it ran for twice the longest delay (client-go flowcontrol.Backoff as the kubelet uses it). Pure.
 */
export function restartAt(entry: CrashEntry | undefined, finishedAt: number): number {
  if (entry === undefined || finishedAt - entry.since > 2 * MAX_MS) return finishedAt;
  return finishedAt + entry.delayMs;
}

/** The entry after it was started again. Pure. */
export function afterRestart(entry: CrashEntry | undefined, finishedAt: number): CrashEntry {
  if (entry === undefined || finishedAt - entry.since > 2 * MAX_MS) return { delayMs: INITIAL_MS, since: finishedAt };
  return { delayMs: Math.min(MAX_MS, entry.delayMs * 2), since: finishedAt };
}
