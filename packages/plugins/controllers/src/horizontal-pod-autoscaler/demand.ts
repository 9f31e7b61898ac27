import { type Demand, type HorizontalPodAutoscaler, mayScaleToZero, millisOfTime, type Service } from '@orrery/core';
import type { DemandView } from './plan.js';

/** For one autoscaler: how many seconds what it scales must be unused before its last replica goes. */
export const IDLE_ANNOTATION = 'autoscaling.orrery.dev/idle-seconds';

/** Whether this autoscaler goes to zero and comes back by demand. */
export const scalesByDemand = (autoscaler: HorizontalPodAutoscaler): boolean => autoscaler.spec.minReplicas === 0 && mayScaleToZero(autoscaler);

/** Whether a Service leads to pods with these labels. */
export function leadsTo({ spec }: Service, labels: Readonly<Record<string, string>>): boolean {
  const selector = Object.entries(spec.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

/** The idle window of an autoscaler in milliseconds; an annotation that is no positive number counts as none. */
export function idleWindowMs({ metadata }: HorizontalPodAutoscaler, standardMs: number): number {
  const seconds = Number(metadata.annotations?.[IDLE_ANNOTATION]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : standardMs;
}

/** What is known of the use of what an autoscaler scales. Times in milliseconds since the epoch. */
export interface UseView {
  readonly autoscaler: HorizontalPodAutoscaler;
  /** By all holders, of all Services that lead to it. */
  readonly demands: readonly Demand[];
  /** Whether any Service leads to it whose use is told: if none does, idleness is unknown. */
  readonly told: boolean;
  readonly idleWindowMs: number;
  readonly now: number;
}

/**
 * Whether a replica is asked for, and whether none has been for the whole window. The window begins anew with each rescale and with the autoscaler itself:
 * what was just made gets its chance. While a holder says that it is in use, it never is idle. Pure.
 */
export function demandView({ autoscaler, demands, told, idleWindowMs, now }: UseView): DemandView {
  const asked = demands.some(({ until }) => until > now);
  const times = [autoscaler.metadata.creationTimestamp, autoscaler.status?.lastScaleTime].map((text) => (text === undefined ? undefined : millisOfTime(text)) ?? -Infinity);
  const since = Math.max(...times, ...demands.map(({ lastUse }) => lastUse));
  return { asked, idle: told && !asked && now - since >= idleWindowMs };
}
