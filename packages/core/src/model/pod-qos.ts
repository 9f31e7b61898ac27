import type { Container } from './kinds/container.js';
import type { Pod } from './kinds/pod.js';
import { milliValue } from './quantity.js';

/** How a pod is treated when its node runs short (core/v1 PodQOSClass). */
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const COUNTED = ['cpu', 'memory'] as const;
type Amounts = Partial<Record<(typeof COUNTED)[number], number>>;

/** The quality of service class of a pod (component-helpers ComputePodQOS): from pod-level resources if there are any, else from all its containers. */
export function podQosClass(pod: Pick<Pod, 'spec'>): QosClass {
  const holders = pod.spec.resources === undefined ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])] : [{ resources: pod.spec.resources }];
  const requests: Amounts = {};
  const limits: Amounts = {};
  let guaranteed = true;
  for (const { resources } of holders) {
    add(requests, resources?.requests);
    const limited = add(limits, resources?.limits);
    if (limited < COUNTED.length) guaranteed = false;
  }
  const asked = COUNTED.filter((name) => requests[name] !== undefined);
  const bounded = COUNTED.filter((name) => limits[name] !== undefined);
  if (asked.length === 0 && bounded.length === 0) return 'BestEffort';
  const equal = asked.length === bounded.length && asked.every((name) => requests[name] === limits[name]);
  return guaranteed && equal ? 'Guaranteed' : 'Burstable';
}

/** Adds what is above zero; returns how many of the counted resources were. */
function add(total: Amounts, amounts: NonNullable<Container['resources']>['limits']): number {
  let found = 0;
  for (const name of COUNTED) {
    const text = amounts?.[name];
    const amount = text === undefined ? 0 : milliValue(text);
    if (amount <= 0) continue;
    total[name] = (total[name] ?? 0) + amount;
    found += 1;
  }
  return found;
}
