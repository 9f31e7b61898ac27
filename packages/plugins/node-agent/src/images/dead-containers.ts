import type { RuntimeContainerStatus } from '@orrery/core';

/** How many dead containers a node keeps. */
export interface DeadContainerPolicy {
  /** Below 0: no limit. */
  readonly maxContainers: number;
  /** None goes that was made less long ago. */
  readonly minAgeMs: number;
}

type Dead = Pick<RuntimeContainerStatus, 'id' | 'name' | 'pod' | 'state' | 'createdAt'>;

/**
 * Which dead containers go so that the node keeps no more than it may (kuberuntime_gc evictContainers): first evenly, so that each container of each pod keeps at least its newest; then,
 * when even those are too many, the oldest of all. What one pod keeps of its own attempts its worker decides, and what belongs to no pod the agent. Pure.
 */
export function surplusDead<T extends Dead>(containers: readonly T[], { maxContainers, minAgeMs }: DeadContainerPolicy, now: number): readonly T[] {
  if (maxContainers < 0) return [];
  const dead = containers.filter(({ state, createdAt }) => state !== 'running' && now - createdAt >= minAgeMs).sort((a, b) => b.createdAt - a.createdAt);
  if (dead.length <= maxContainers) return [];
  const units = new Map<string, T[]>();
  for (const container of dead) {
    const unit = `${container.pod.uid} ${container.name}`;
    units.set(unit, [...(units.get(unit) ?? []), container]);
  }
  const each = Math.max(1, Math.floor(maxContainers / units.size));
  const kept = new Set([...units.values()].flatMap((unit) => unit.slice(0, each)));
  const newest = new Set(dead.filter((container) => kept.has(container)).slice(0, maxContainers));
  return dead.filter((container) => !newest.has(container)).reverse();
}

/** An end that is younger may not have been told yet. */
const TOLD_MS = 60_000;

/** The dead containers that go when the disk of a node is short: all whose end has been in their pods' status for a while, from which it can be told again. Pure. */
export function longDead<T extends Pick<RuntimeContainerStatus, 'state' | 'finishedAt'>>(containers: readonly T[], now: number): readonly T[] {
  return containers.filter(({ state, finishedAt }) => state === 'exited' && finishedAt !== undefined && now - finishedAt >= TOLD_MS);
}
