import type { Deployment, HorizontalPodAutoscaler } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import { changesOf, type Judging, type Promised, under } from './promise.js';

const [SCALERS, DEPLOYMENTS] = [under('autoscaling/horizontalpodautoscalers'), under('apps/deployments')];

/** Holds autoscalers to their bounds: nothing that has one is scaled beyond them. True while nobody else scales it, and its bounds stay as they are. */
export class ScaleOracle implements Promised {
  /** By the key of the Deployment that they scale. */
  readonly #scalers = new Map<string, HorizontalPodAutoscaler>();

  constructor(private readonly judging: Judging) {}

  committed(commit: ObservedCommit): void {
    for (const { old, next } of changesOf<HorizontalPodAutoscaler>(commit, SCALERS, this.judging)) {
      if (old !== undefined) this.#scalers.delete(targetOf(old));
      if (next !== undefined) this.#scalers.set(targetOf(next), next);
    }
    for (const { key, old, next } of changesOf<Deployment>(commit, DEPLOYMENTS, this.judging)) {
      const scaler = this.#scalers.get(key);
      const replicas = next?.spec.replicas ?? 0;
      if (scaler === undefined || old === undefined || next === undefined || old.spec.replicas === replicas) continue;
      const { minReplicas = 1, maxReplicas } = scaler.spec;
      if (replicas < minReplicas || replicas > maxReplicas) this.judging.violated(`deployment ${next.metadata.name} was scaled to ${replicas}, beyond ${minReplicas} to ${maxReplicas}`);
    }
  }
}

const targetOf = ({ metadata, spec }: HorizontalPodAutoscaler): string => `${DEPLOYMENTS}${metadata.namespace}/${spec.scaleTargetRef.name}`;
