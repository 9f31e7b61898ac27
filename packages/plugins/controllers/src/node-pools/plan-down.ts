import { controllerOf, type NodeInfo, type Pod, podRequests as requestsOf } from '@orrery/core';
import { isPodTerminal } from '../shared/pods.js';
import { type FiltersOf, refusalOf } from './fit.js';
import { withPod } from './node-info.js';
import type { PoolView } from './plan-up.js';

/** On a pod, with the value `false`: its node stays (the annotation of Kubernetes' cluster autoscaler). */
export const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict';

/** What is known when nodes may be given back. */
export interface ScaleDownView {
  readonly pools: readonly PoolView[];
  /** The ready nodes of the pools that are not being drained. */
  readonly candidates: readonly { readonly info: NodeInfo; readonly pool: string }[];
  /** All nodes that pods can go to. */
  readonly nodes: readonly NodeInfo[];
  /** Below this share of cpu and of memory asked for a node is underused. */
  readonly threshold: number;
  readonly filtersOf: FiltersOf;
}

/** Nodes that could go now: an empty one at once, of those with pods one after the other. */
export interface Unneeded {
  readonly node: string;
  readonly pool: string;
  readonly empty: boolean;
}

/**
 * Which nodes are not needed: empty or underused ones whose pods all have a place elsewhere, as long as their pool keeps its minimum. Answers them in the order
 * in which they should go; the places of pods that would move are counted once. Pure, as far as the filters are.
 */
export function planScaleDown({ pools, candidates, nodes, threshold, filtersOf }: ScaleDownView): readonly Unneeded[] {
  const spare = new Map(pools.map(({ pool, size, upcoming, leaving }) => [pool.name, size - upcoming - leaving - pool.min]));
  const ranked = candidates
    .map(({ info, pool }) => ({ info, pool, moving: [...info.pods.values()].filter(mustMove), use: useOf(info) }))
    .filter(({ moving, use }) => moving.length === 0 || use < threshold)
    .sort((a, b) => a.moving.length - b.moving.length || a.use - b.use || (a.info.name < b.info.name ? -1 : 1));
  const unneeded: Unneeded[] = [];
  let others: readonly NodeInfo[] = nodes;
  /** Where pods of nodes that go would move to: those are needed. */
  const taken = new Set<string>();
  for (const { info, pool, moving } of ranked) {
    if ((spare.get(pool) ?? 0) <= 0 || taken.has(info.name) || moving.some(staysHere)) continue;
    const without = others.filter(({ name }) => name !== info.name);
    const after = placeAll(moving, without, filtersOf);
    if (after === undefined) continue;
    after.forEach((one, i) => one !== without[i] && taken.add(one.name));
    spare.set(pool, (spare.get(pool) ?? 0) - 1);
    others = after;
    unneeded.push({ node: info.name, pool, empty: moving.length === 0 });
  }
  return unneeded;
}

/** Pods that go with their node, or are gone already, need no other place. */
export const mustMove = (pod: Pod): boolean => !isPodTerminal(pod) && controllerOf(pod)?.kind !== 'DaemonSet' && controllerOf(pod)?.kind !== 'Node';

/** Nobody would make it anew elsewhere, or it says so itself. */
const staysHere = (pod: Pod): boolean => pod.metadata.annotations?.[SAFE_TO_EVICT] === 'false' || (controllerOf(pod) === undefined && pod.metadata.annotations?.[SAFE_TO_EVICT] !== 'true');

/** The larger of the shares of cpu and memory that are asked for by pods that would have to move. */
function useOf({ allocatable, pods }: NodeInfo): number {
  const moving = [...pods.values()].filter(mustMove);
  if (moving.length === 0) return 0;
  const share = (name: string): number => {
    const all = allocatable[name] ?? 0;
    return all === 0 ? 0 : moving.reduce((sum, pod) => sum + (requestsOf(pod)[name] ?? 0), 0) / all;
  };
  return Math.max(share('cpu'), share('memory'));
}

/** The nodes with all of these pods on them; undefined when one has no place. */
function placeAll(pods: readonly Pod[], nodes: readonly NodeInfo[], filtersOf: FiltersOf): readonly NodeInfo[] | undefined {
  let current = nodes;
  for (const pod of pods) {
    const moved = unbound(pod);
    const filters = filtersOf(moved);
    const place = current.find((info) => refusalOf(moved, info, current, filters) === undefined);
    if (place === undefined) return undefined;
    current = current.map((info) => (info === place ? withPod(info, pod) : info));
  }
  return current;
}

/** As its successor will be: not bound to any node. */
function unbound(pod: Pod): Pod {
  const { nodeName: _, ...spec } = pod.spec;
  return { ...pod, spec } as Pod;
}
