import { type Pod, podQosClass } from '@orrery/core';
import { requestsOf, type Shortage } from './admission.js';
import { isCritical } from './critical.js';

/** Who is ended first among equals: who was promised least. */
const CLASSES = ['Guaranteed', 'Burstable', 'BestEffort'] as const;

/**
 * Which pods are ended to let a critical one in (kubelet preemption.go getPodsToPreempt): as few as possible of those that were promised something, for which first whatever
 * BestEffort and then Burstable pods hold is counted as free; among those that serve equally well, the ones that hold least. Undefined: even all together do not hold enough. Pure.
 * @param pod a critical pod
 * @param admitted the pods that hold resources here
 */
export function planPreemption<P extends Pod>(pod: Pod, admitted: readonly P[], short: readonly Shortage[]): readonly P[] | undefined {
  const wanted = new Map(short.map(({ resource, requested, used, capacity }) => [resource, requested + used - capacity]));
  const [guaranteed, burstable, bestEffort] = CLASSES.map((qos) => admitted.filter((other) => mayPreempt(pod, other) && podQosClass(other) === qos)) as [P[], P[], P[]];
  // From the dearest class on, each is asked for what the cheaper ones together cannot give.
  const fromGuaranteed = fewest(guaranteed, lacking(wanted, [...bestEffort, ...burstable]));
  const fromBurstable = fromGuaranteed && fewest(burstable, lacking(wanted, [...bestEffort, ...fromGuaranteed]));
  const fromBestEffort = fromBurstable && fewest(bestEffort, lacking(wanted, [...fromBurstable, ...fromGuaranteed]));
  return fromBestEffort && [...fromBestEffort, ...fromBurstable, ...fromGuaranteed];
}

/** Kubelet types.Preemptable. */
const mayPreempt = (pod: Pod, other: Pod): boolean => (isCritical(pod) && !isCritical(other)) || (pod.spec.priority ?? 0) > (other.spec.priority ?? 0);

type Wanted = ReadonlyMap<string, number>;

/** What is still wanted when these pods are gone. */
function lacking(wanted: Wanted, gone: readonly Pod[]): Wanted {
  const left = [...wanted].map(([resource, amount]): [string, number] => [resource, gone.reduce((sum, pod) => sum - holds(pod, resource), amount)]);
  return new Map(left.filter(([, amount]) => amount > 0));
}

/** Takes pods one by one: the one that brings nearest to what is wanted, and among equals the one that holds least. */
function fewest<P extends Pod>(pods: readonly P[], wanted: Wanted): P[] | undefined {
  const chosen: P[] = [];
  let rest = pods;
  for (let left = wanted; left.size > 0; left = lacking(wanted, chosen)) {
    const best: P | undefined = rest.reduce<P | undefined>((one, other) => (one === undefined || better(other, one, left) ? other : one), undefined);
    if (best === undefined) return undefined;
    chosen.push(best);
    rest = rest.filter((other) => other !== best);
  }
  return chosen;
}

function better(a: Pod, b: Pod, left: Wanted): boolean {
  const [distanceA, distanceB] = [distance(a, left), distance(b, left)];
  if (distanceA !== distanceB) return distanceA < distanceB;
  for (const resource of ['memory', 'cpu']) if (holds(a, resource) !== holds(b, resource)) return holds(a, resource) < holds(b, resource);
  return true;
}

/** The squared distance from what is left when a pod goes, each resource by its own measure (admissionRequirementList.distance). */
function distance(pod: Pod, left: Wanted): number {
  return [...left].reduce((sum, [resource, amount]) => sum + Math.max(0, (amount - holds(pod, resource)) / amount) ** 2, 0);
}

const holds = (pod: Pod, resource: string): number => (resource === 'pods' ? 1 : (requestsOf(pod)[resource] ?? 0));
