import { milliValue, type Pod } from '@orrery/core';
import { isPodActive, isPodReady, isPodTerminating } from '../shared/pods.js';
import { applyRecommendation, recommendationOf, UPDATED_BY } from './apply.js';
import type { VerticalPodAutoscaler } from './kind.js';

/** What is known of the target. */
export interface EvictionView {
  readonly autoscaler: VerticalPodAutoscaler;
  readonly pods: readonly Pod[];
  /** How many pods the target wants; undefined: it does not say. */
  readonly wanted: number | undefined;
  /** Other autoscalers of the namespace: pods that one of them gave their requests are not this one's to evict, or the two would do it in turns for ever. */
  readonly others?: ReadonlySet<string>;
}

/**
 * The pod to be evicted so that it comes back with what is recommended: the one furthest outside of the bounds. One at a time, and only while all pods that are wanted
 * are there and ready; never when eviction would change nothing. Undefined: none. Pure.
 */
export function planEviction({ autoscaler, pods, wanted, others = NONE }: EvictionView): Pod | undefined {
  const { updateMode, minReplicas } = autoscaler.spec.updatePolicy;
  if (updateMode !== 'Recreate' && updateMode !== 'Auto') return undefined;
  const active = pods.filter(isPodActive);
  if (active.length < Math.max(minReplicas, wanted ?? 0) || pods.some(isPodTerminating) || !active.every(isPodReady)) return undefined;
  const own = active.filter(({ metadata }) => !others.has(metadata.annotations?.[UPDATED_BY] ?? ''));
  const ranked = own.map((pod) => ({ pod, distance: distanceOf(pod, autoscaler) })).filter(({ pod, distance }) => distance > 0 && applyRecommendation(structuredClone(pod), autoscaler));
  return ranked.sort((a, b) => b.distance - a.distance || (keyOf(a.pod) < keyOf(b.pod) ? -1 : 1))[0]?.pod;
}

const NONE: ReadonlySet<string> = new Set();

const keyOf = ({ metadata }: Pod): string => metadata.name ?? '';

/** How far what a pod asks for is outside of the bounds, as a share of the target, summed up; 0: within. */
function distanceOf(pod: Pod, { status }: VerticalPodAutoscaler): number {
  let distance = 0;
  for (const { name, resources } of pod.spec.containers ?? []) {
    const recommendation = recommendationOf(status, name);
    if (recommendation === undefined) continue;
    for (const [resource, target] of Object.entries(recommendation.target)) {
      const request = resources?.requests?.[resource];
      const amount = request === undefined ? 0 : milliValue(request);
      const [lower, upper] = [recommendation.lowerBound?.[resource], recommendation.upperBound?.[resource]];
      const isOutside = (lower !== undefined && amount < milliValue(lower)) || (upper !== undefined && amount > milliValue(upper));
      if (isOutside) distance += Math.abs(milliValue(target) - amount) / Math.max(1, milliValue(target));
    }
  }
  return distance;
}
