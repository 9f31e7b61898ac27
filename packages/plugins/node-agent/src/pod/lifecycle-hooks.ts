import type { Clock, LifecycleHandler } from '@orrery/core';
import type { Prober, ProbeResult, ProbeTarget } from '../probes/prober.js';

/** Runs a lifecycle hook; resolves with its outcome, or as failed when `limitMs` is over. Never throws. */
export async function runHook(
  prober: Prober,
  target: ProbeTarget,
  handler: LifecycleHandler,
  kind: 'postStart' | 'preStop',
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const late = new AbortController();
  const cancel = clock.timer(limitMs, () => late.abort());
  const either = AbortSignal.any([signal, late.signal]);
  try {
    if (handler.sleep !== undefined) {
      await clock.sleep(handler.sleep.seconds * 1000, either);
      return { ok: true, message: '' };
    }
    return await prober.probe(target, handler, kind, either);
  } catch (error) {
    return { ok: false, message: late.signal.aborted ? `the hook did not end within ${limitMs} ms` : error instanceof Error ? error.message : String(error) };
  } finally {
    cancel();
  }
}
