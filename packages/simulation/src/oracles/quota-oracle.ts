import { milliValue, type Pod, type ResourceQuota } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import { type Change, changesOf, type Judging, type Promised, under } from './promise.js';

const [PODS, QUOTAS] = [under('core/pods'), under('core/resourcequotas')];
const CPU = 'requests.cpu';

interface Counted {
  readonly milliCpu: number;
  readonly isTerminating: boolean;
}

/**
 * Holds quotas to what they say: no pod is made beyond the pods and the cpu that they leave. True while quotas stay as they are, and `quick` holds: what is charged is written within a second,
 * or else it may be missed when the quota is counted (Kubernetes counts at once, and misses more). Of scopes it knows Terminating.
 */
export class QuotaOracle implements Promised {
  readonly #quotas = new Map<string, ResourceQuota>();
  /** The pods that have not ended and are not to end: those that should have been gone by the clock on the wall do not count. By key. */
  readonly #pods = new Map<string, Counted>();

  constructor(
    private readonly judging: Judging,
    private readonly quick: () => boolean,
  ) {}

  committed(commit: ObservedCommit): void {
    for (const { key, next } of changesOf<ResourceQuota>(commit, QUOTAS, this.judging)) {
      if (next === undefined) this.#quotas.delete(key);
      else this.#quotas.set(key, next);
    }
    for (const change of changesOf<Pod>(commit, PODS, this.judging)) this.#pod(change);
  }

  #pod({ key, old, next }: Change<Pod>): void {
    const ended = next?.status?.phase === 'Succeeded' || next?.status?.phase === 'Failed' || next?.metadata.deletionTimestamp !== undefined;
    if (next === undefined || ended) {
      this.#pods.delete(key);
      return;
    }
    if (this.#pods.has(key)) return;
    const milliCpu = next.spec.containers.reduce((sum, { resources }) => sum + milliValue(resources?.requests?.['cpu'] ?? '0'), 0);
    const counted = { milliCpu, isTerminating: next.spec.activeDeadlineSeconds !== undefined };
    this.#pods.set(key, counted);
    if (old === undefined && this.quick()) for (const quota of this.#quotas.values()) if (inScope(quota, counted)) this.#check(next, quota);
  }

  #check({ metadata }: Pod, quota: ResourceQuota): void {
    // Before it was counted for the first time a quota refuses nothing.
    const { pods, [CPU]: cpu } = quota.status?.hard ?? {};
    const say = (what: string): void => this.judging.violated(`pod ${metadata.name} was made beyond quota ${quota.metadata.name}: ${what}`);
    let [count, milliCpu] = [0, 0];
    for (const counted of this.#pods.values()) {
      if (!inScope(quota, counted)) continue;
      count += 1;
      milliCpu += counted.milliCpu;
    }
    if (pods !== undefined && count * 1000 > milliValue(pods)) say(`${count} of ${pods} pods`);
    if (cpu !== undefined && milliCpu > milliValue(cpu)) say(`${milliCpu}m of ${cpu} cpu`);
  }
}

const inScope = ({ spec }: ResourceQuota, { isTerminating }: Counted): boolean => spec.scopes?.includes('Terminating') !== true || isTerminating;
