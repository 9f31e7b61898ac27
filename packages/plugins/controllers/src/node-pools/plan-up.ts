import { type NodeInfo, type NodePool, type Pod, podRequests } from '@orrery/core';
import { type FiltersOf, refusalOf } from './fit.js';
import { nodeOfPool, undrained, withPod } from './node-info.js';

/** A pool with how many nodes it has, those on their way included. */
export interface PoolView {
  readonly pool: Pick<NodePool, 'name' | 'min' | 'max' | 'template' | 'price'>;
  readonly size: number;
  /** How many of them are on their way: not ready yet, but about to be. */
  readonly upcoming: number;
  /** How many of them cannot be counted on any more: being drained, or not ready and not about to be. */
  readonly leaving: number;
}

/** What is known when nodes may be added. */
export interface ScaleUpView {
  /** Pods that the scheduler could not place. */
  readonly pods: readonly Pod[];
  readonly pools: readonly PoolView[];
  /** All nodes there are, with what is on them. */
  readonly nodes: readonly NodeInfo[];
  /** Of them those so new that the scheduler may not have seen them when it gave up: what fits there needs no other node. */
  readonly fresh: readonly NodeInfo[];
  /** Of them those being drained; one that a pod needs is kept instead of getting another. */
  readonly draining: readonly NodeInfo[];
  readonly filtersOf: FiltersOf;
}

/** What is to be done about pods without a node. */
export interface ScaleUpPlan {
  /** How many nodes to add, by pool. Never above its maximum. */
  readonly add: ReadonlyMap<string, number>;
  /** Nodes whose draining is called off. */
  readonly keep: readonly string[];
  /** Pods that a node of a pool would help, with its name. */
  readonly helped: readonly { readonly pod: Pod; readonly pool: string }[];
  /** Pods that no node of any pool would help, and why, by pool. */
  readonly unhelped: readonly { readonly pod: Pod; readonly reasons: readonly string[] }[];
}

/** Pods looked at in one pass; the others are in the next. */
const MOST_PODS = 1_000;

/**
 * Which nodes would help: pods, large ones first, are put on nodes that are new, come, or are being drained; where none will do, on a new one of the cheapest pool
 * whose nodes can take them, of equally cheap ones of that which leaves least over. Pools below their minimum are filled up. Pure, as far as the filters are.
 */
export function planScaleUp({ pods, pools, nodes, fresh, draining, filtersOf }: ScaleUpView): ScaleUpPlan {
  const add = new Map<string, number>();
  const open: Open[] = fresh.map((info) => ({ info, kind: 'there' }));
  for (const { pool, size, upcoming } of pools) {
    const missing = Math.max(0, pool.min - size);
    if (missing > 0) add.set(pool.name, missing);
    for (let i = 0; i < upcoming + missing; i += 1) open.push({ info: nodeOfPool(pool, `${pool.name}-upcoming-${i}`), kind: 'coming', pool: pool.name });
  }
  for (const info of draining) open.push({ info: { ...info, node: undrained(info.node) }, kind: 'draining' });
  const keep = new Set<string>();
  const helped: { pod: Pod; pool: string }[] = [];
  const unhelped: { pod: Pod; reasons: string[] }[] = [];
  for (const pod of [...pods].sort(bySize).slice(0, MOST_PODS)) {
    const filters = filtersOf(pod);
    const fits = (info: NodeInfo): string | undefined => refusalOf(pod, info, nodes, filters);
    const place = open.find(({ info }) => fits(info) === undefined);
    if (place !== undefined) {
      place.info = withPod(place.info, pod);
      if (place.kind === 'draining') keep.add(place.info.name);
      if (place.pool !== undefined) helped.push({ pod, pool: place.pool });
      continue;
    }
    const { chosen, reasons } = choose(pod, pools, add, fits);
    if (chosen === undefined) {
      unhelped.push({ pod, reasons });
      continue;
    }
    const count = (add.get(chosen.name) ?? 0) + 1;
    add.set(chosen.name, count);
    open.push({ info: withPod(nodeOfPool(chosen, `${chosen.name}-new-${count}`), pod), kind: 'coming', pool: chosen.name });
    helped.push({ pod, pool: chosen.name });
  }
  return { add, keep: [...keep], helped, unhelped };
}

interface Open {
  info: NodeInfo;
  readonly kind: 'there' | 'coming' | 'draining';
  /** Of a node that is new or comes. */
  readonly pool?: string;
}

function choose(pod: Pod, pools: readonly PoolView[], add: ReadonlyMap<string, number>, fits: (info: NodeInfo) => string | undefined): { readonly chosen?: PoolView['pool']; readonly reasons: string[] } {
  const reasons: string[] = [];
  const candidates: { readonly pool: PoolView['pool']; readonly left: number }[] = [];
  for (const { pool, size } of pools) {
    const info = nodeOfPool(pool, `${pool.name}-new`);
    const refusal = fits(info);
    if (refusal !== undefined) reasons.push(`${pool.name}: ${refusal}`);
    else if (size + (add.get(pool.name) ?? 0) >= pool.max) reasons.push(`${pool.name}: max node group size reached`);
    else candidates.push({ pool, left: leftOver(info, pod) });
  }
  candidates.sort((a, b) => (a.pool.price ?? 0) - (b.pool.price ?? 0) || a.left - b.left);
  const [best] = candidates;
  return { reasons, ...(best && { chosen: best.pool }) };
}

/** The share of a node that a pod leaves over, of cpu and memory together. */
function leftOver({ allocatable }: NodeInfo, pod: Pod): number {
  const requests = podRequests(pod);
  return ['cpu', 'memory'].reduce((sum, name) => sum + (1 - (requests[name] ?? 0) / Math.max(1, allocatable[name] ?? 0)), 0);
}

/** More important ones first, then larger ones, then by name: the same pods give the same plan. */
function bySize(a: Pod, b: Pod): number {
  const priority = (b.spec.priority ?? 0) - (a.spec.priority ?? 0);
  if (priority !== 0) return priority;
  const [x, y] = [podRequests(a), podRequests(b)];
  return (y['cpu'] ?? 0) - (x['cpu'] ?? 0) || (y['memory'] ?? 0) - (x['memory'] ?? 0) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

const nameOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;
