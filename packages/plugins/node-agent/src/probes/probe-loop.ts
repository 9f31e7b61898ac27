import type { Clock, Probe } from '@orrery/core';
import type { Prober, ProbeResult, ProbeTarget } from './prober.js';

/** What a loop has found out so far; undefined: not enough answers yet. */
export type ProbeVerdict = 'passing' | 'failing' | undefined;

/** Successes and failures in a row, and what they come to (kubelet's prober worker). Pure. */
export interface ProbeCount {
  readonly run: number;
  readonly ok: boolean;
  readonly verdict: ProbeVerdict;
}

/** The count after one more answer. Pure. */
export function countProbe(count: ProbeCount, ok: boolean, probe: Pick<Probe, 'successThreshold' | 'failureThreshold'>): ProbeCount {
  const run = count.ok === ok && count.run > 0 ? count.run + 1 : 1;
  const needed = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { run, ok, verdict: run >= needed ? (ok ? 'passing' : 'failing') : count.verdict };
}

/** What a loop is told and asked. */
export interface ProbeLoopOptions {
  readonly kind: 'liveness' | 'readiness' | 'startup';
  readonly probe: Probe;
  /** The target as it is now. */
  readonly target: () => ProbeTarget;
  readonly prober: Prober;
  readonly clock: Clock;
  /** When the container started, monotonic milliseconds. */
  readonly startedAt: number;
  /** Nothing is asked while this says no. */
  readonly enabled: () => boolean;
  readonly initial: ProbeVerdict;
  /** The verdict changed, or a probe failed (with its message). */
  readonly changed: (verdict: ProbeVerdict, result: ProbeResult) => void;
}

/** Probes one container for one thing: at once (after the initial delay), then every period, until the signal aborts. */
export async function probeLoop(options: ProbeLoopOptions, signal: AbortSignal): Promise<void> {
  const { probe, clock } = options;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const firstAt = options.startedAt + (probe.initialDelaySeconds ?? 0) * 1000;
  let count: ProbeCount = { run: 0, ok: false, verdict: options.initial };
  await clock.sleep(Math.max(0, firstAt - clock.monotonic()), signal).catch(() => signal);
  while (!signal.aborted) {
    if (options.enabled()) {
      const result = await once(options, signal);
      if (signal.aborted) return;
      const before = count.verdict;
      count = countProbe(count, result.ok, probe);
      if (count.verdict !== before || !result.ok) options.changed(count.verdict, result);
      if (options.kind === 'startup' && count.verdict === 'passing') return;
    }
    await clock.sleep(periodMs, signal).catch(() => signal);
  }
}

async function once(options: ProbeLoopOptions, signal: AbortSignal): Promise<ProbeResult> {
  const late = new AbortController();
  const cancel = options.clock.timer((options.probe.timeoutSeconds ?? 1) * 1000, () => late.abort());
  try {
    return await options.prober.probe(options.target(), options.probe, options.kind, AbortSignal.any([signal, late.signal]));
  } finally {
    cancel();
  }
}
