import type { Pod } from '@orrery/core';
import { isCritical } from '../pod/critical.js';
import { type Eviction, lowMessage, REASON } from './messages.js';
import { type Candidate, rankForEviction } from './rank.js';
import { type Observations, type Pressure, type ScarceResource, type Signal, signalFacts } from './signals.js';
import { isMet, type Threshold } from './thresholds.js';

/** What one round leaves to the next. Times are monotonic milliseconds. */
export interface EvictionState {
  /** Since when each threshold has been met. */
  readonly firstMetAt: ReadonlyMap<Threshold, number>;
  /** When each condition was observed last. */
  readonly lastObservedAt: ReadonlyMap<Pressure, number>;
  /** Thresholds that called for eviction; they stay met until their minimum reclaim is reached. */
  readonly driving: readonly Threshold[];
}

/** Before the first round. */
export const INITIAL_STATE: EvictionState = { firstMetAt: new Map(), lastObservedAt: new Map(), driving: [] };

/** What the observations of one round mean. */
export interface Assessment {
  readonly state: EvictionState;
  /** The conditions that the node reports, in the order of their signals. */
  readonly pressures: readonly Pressure[];
  /** Thresholds that have been met for their grace period. */
  readonly due: readonly Threshold[];
}

/**
 * Holds what was observed against the thresholds (kubelet eviction manager, first half of synchronize): a condition is reported as soon as a threshold is met and until
 * `transitionMs` after it was met last; a threshold that drove eviction counts as met until its minimum reclaim is reached. Pure.
 */
export function assess(state: EvictionState, input: { readonly thresholds: readonly Threshold[]; readonly transitionMs: number; readonly observations: Observations; readonly now: number }): Assessment {
  const { thresholds, transitionMs, observations, now } = input;
  const met = new Set([...thresholdsMet(thresholds, observations, false), ...thresholdsMet(state.driving, observations, true)]);
  const firstMetAt = new Map([...met].map((threshold) => [threshold, state.firstMetAt.get(threshold) ?? now]));
  const lastObservedAt = new Map(state.lastObservedAt);
  for (const { signal } of met) {
    const facts = signalFacts(signal);
    if (facts !== undefined) lastObservedAt.set(facts.pressure, now);
  }
  for (const [pressure, at] of lastObservedAt) if (at !== now && now - at >= transitionMs) lastObservedAt.delete(pressure);
  const due = [...met].filter((threshold) => now - (firstMetAt.get(threshold) ?? now) >= threshold.gracePeriodMs);
  const pressures = (['MemoryPressure', 'DiskPressure', 'PIDPressure'] as const).filter((pressure) => lastObservedAt.has(pressure));
  return { state: { firstMetAt, lastObservedAt, driving: due }, pressures, due };
}

/** The thresholds that observations fall short of. Pure. */
export function thresholdsMet(thresholds: readonly Threshold[], observations: Observations, enforceMinReclaim: boolean): readonly Threshold[] {
  return thresholds.filter((threshold) => {
    const observation = observations.get(threshold.signal);
    return observation !== undefined && isMet(threshold, observation, enforceMinReclaim);
  });
}

/** The threshold to act on: memory before everything else (byEvictionPriority). Pure. */
export function thresholdToReclaim(due: readonly Threshold[]): { readonly threshold: Threshold; readonly signal: Signal; readonly resource: ScarceResource } | undefined {
  const known = due.flatMap((threshold) => {
    const facts = signalFacts(threshold.signal);
    return facts === undefined ? [] : [{ threshold, signal: threshold.signal as Signal, resource: facts.resource }];
  });
  return known.find(({ signal }) => signal === 'memory.available') ?? known[0];
}

/** What an eviction is planned from. */
export interface EvictionInput<C extends Candidate = Candidate> {
  readonly due: readonly Threshold[];
  readonly observations: Observations;
  /** The pods of the node that are not over and not being evicted already. */
  readonly candidates: readonly C[];
  /** Images and writable layers lie on a file system of their own. */
  readonly imagefsApart: boolean;
  /** The grace of a pod that is evicted for a soft threshold, seconds. */
  readonly maxPodGracePeriodSeconds: number;
}

/**
 * Which pod goes, and with which words: the first in the kubelet's order that is not critical. At most one: what it frees shows in the next round.
 * A hard threshold leaves it no grace, a soft one at most the configured grace and its own. Pure.
 */
export function planEviction<C extends Candidate>(input: EvictionInput<C>): { readonly victim: C; readonly eviction: Eviction } | undefined {
  const target = thresholdToReclaim(input.due);
  if (target === undefined) return undefined;
  const victim = rankForEviction(target.signal, input.candidates, input.imagefsApart).find(({ pod }) => !isCritical(pod));
  if (victim === undefined) return undefined;
  const message = lowMessage(target.resource, victim, input.due, input.observations);
  const graceSeconds = target.threshold.gracePeriodMs === 0 ? 0 : Math.min(input.maxPodGracePeriodSeconds, graceOf(victim.pod));
  return { victim, eviction: { reason: REASON, message, graceSeconds, condition: { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message } } };
}

const graceOf = (pod: Pod): number => pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
