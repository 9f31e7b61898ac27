import { keyOf, type ObjectKey, type Pod, type Service } from '@orrery/core';
import { readyCondition } from './pods.js';

interface Seen {
  readonly service: string;
  readonly pods: ReadonlyMap<string, string>;
}

/**
 * Finds out when what changed about a service's endpoints happened: the creation of the service, or a pod's change of readiness
 * (endpointslice TriggerTimeTracker). Only what was not seen the last time counts. Kept in memory: after a restart everything is new once,
 * which is written only with slices that are written anyway.
 */
export class TriggerTimes {
  readonly #seen = new Map<ObjectKey, Seen>();

  /** The earliest new time, RFC 3339; undefined when nothing new happened. Call once for each look at the service. */
  next(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service);
    const before = this.#seen.get(key);
    const created = service.metadata.creationTimestamp ?? '';
    const now = new Map<string, string>();
    let earliest: string | undefined;
    const consider = (time: string): void => {
      if (time !== '' && (earliest === undefined || time < earliest)) earliest = time;
    };
    for (const pod of pods) {
      const time = readyCondition(pod)?.lastTransitionTime ?? '';
      const name = pod.metadata.name ?? '';
      if (time === '') continue;
      now.set(name, time);
      if (time > (before?.pods.get(name) ?? '')) consider(time);
    }
    if (created > (before?.service ?? '')) consider(created);
    this.#seen.set(key, { service: created, pods: now });
    return earliest;
  }

  /** Forgets a service that is gone. */
  forget(key: ObjectKey): void {
    this.#seen.delete(key);
  }
}
