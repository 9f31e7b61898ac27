import { type Clock, errorMessage, type Lister, type Logger, millisOfTime, type Node, NODE_POOL_LABEL, type NodeInfo, type NodePool, OrreryError, type Pod, within } from '@orrery/core';
import { isPodTerminal, NODE_INDEX } from '../shared/pods.js';
import { drainedSince, infoOf } from './node-info.js';
import type { PoolView } from './plan-up.js';

/** Index function: pods that the scheduler could not place and does not expect to place by preemption. */
export const byUnschedulable = ({ metadata, spec, status }: Pod): readonly string[] => {
  if ((spec.nodeName ?? '') !== '' || metadata.deletionTimestamp !== undefined || (status?.nominatedNodeName ?? '') !== '') return [];
  const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return condition?.status === 'False' && condition.reason === 'Unschedulable' ? [UNSCHEDULABLE] : [];
};
const UNSCHEDULABLE = 'unschedulable';
/** The name under which {@link byUnschedulable} is registered with informers. */
export const UNSCHEDULABLE_INDEX = 'controllers.unschedulable';

/** The cluster as the plans need it. */
export interface Observation {
  readonly pending: readonly Pod[];
  /** Those whose provider answered. */
  readonly pools: readonly (PoolView & { readonly pool: NodePool })[];
  /** Nodes that are ready and open to pods. */
  readonly nodes: readonly NodeInfo[];
  readonly fresh: readonly NodeInfo[];
  readonly draining: readonly { readonly info: NodeInfo; readonly pool: NodePool; readonly since: number }[];
  /** Ready nodes of the pools that are not being drained. */
  readonly candidates: readonly { readonly info: NodeInfo; readonly pool: string }[];
  /** Nodes of the pools that should have become ready long ago. */
  readonly failed: readonly { readonly name: string; readonly pool: NodePool }[];
}

/** Where observations come from. */
export interface Observed {
  readonly pods: Lister<Pod>;
  readonly nodes: Lister<Node>;
  readonly pools: readonly NodePool[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** When each name that has not become ready yet was first told of, by pool and name; monotonic. Kept between observations. */
  readonly awaited: Map<string, number>;
  /** How long a node may take to become ready. */
  readonly provisionMs: number;
  /** How long a ready node counts as one that the scheduler may not have tried. */
  readonly freshMs: number;
}

/** Longest wait for a provider's list. */
const LIST_MS = 30_000;

/** Looks at everything once. A provider that does not answer is left out, and asked again next time. */
export async function observe(from: Observed): Promise<Observation> {
  const { pods, nodes, pools, clock, provisionMs, freshMs, awaited } = from;
  const all = nodes.list().map((node) => infoOf(node, pods.byIndex(NODE_INDEX, node.metadata.name ?? '').filter((pod) => !isPodTerminal(pod))));
  const lists = await Promise.all(pools.map(async (pool) => ({ pool, names: await namesOf(pool, from) })));
  const answered = lists.filter((one): one is { pool: NodePool; names: readonly string[] } => one.names !== undefined);
  const now = clock.monotonic();
  const failed: { name: string; pool: NodePool }[] = [];
  const seen = new Set<string>();
  const manyAreSilent = areManySilent(all.map(({ node }) => node));
  const views = answered.map(({ pool, names }) => {
    let [upcoming, leaving] = [0, 0];
    for (const name of names) {
      const node = nodes.get(name);
      if (node !== undefined && drainedSince(node) !== undefined) leaving += 1;
      if (node !== undefined && (isReady(node) || drainedSince(node) !== undefined)) continue;
      const id = `${pool.name}/${name}`;
      seen.add(id);
      if (!awaited.has(id)) awaited.set(id, now);
      const isLate = now - (awaited.get(id) ?? now) >= provisionMs;
      if (!isLate && (node === undefined || isStarting(node))) upcoming += 1;
      else leaving += 1;
      // Of many that are silent at once the machines are hardly to blame: what they run must not go with them.
      if (isLate && (node === undefined || isStarting(node) || !manyAreSilent)) failed.push({ name, pool });
    }
    return { pool, size: names.length, upcoming, leaving };
  });
  for (const id of awaited.keys()) if (!seen.has(id)) awaited.delete(id);
  const poolOf = ({ node }: NodeInfo): NodePool | undefined => answered.find(({ pool }) => pool.name === node.metadata.labels?.[NODE_POOL_LABEL])?.pool;
  const open = all.filter(({ node }) => isReady(node) && drainedSince(node) === undefined && node.metadata.deletionTimestamp === undefined);
  return {
    pending: pods.byIndex(UNSCHEDULABLE_INDEX, UNSCHEDULABLE),
    pools: views,
    nodes: open.filter(({ node }) => node.spec?.unschedulable !== true),
    fresh: open.filter(({ node }) => node.spec?.unschedulable !== true && clock.now() - readySince(node) < freshMs),
    draining: all.flatMap((info) => {
      const [since, pool] = [drainedSince(info.node), poolOf(info)];
      return since === undefined || pool === undefined ? [] : [{ info, pool, since }];
    }),
    candidates: open.flatMap((info) => {
      const pool = poolOf(info);
      return pool === undefined ? [] : [{ info, pool: pool.name }];
    }),
    failed,
  };
}

/** A node that turned unready so soon after it was made was never ready (MaxStatusSettingDelayAfterCreation of Kubernetes' cluster autoscaler). */
const STARTING_MS = 120_000;

/** Not ready yet, in difference to not any more. What was ready once and is silent now is no place for the pods that wait. */
function isStarting(node: Node): boolean {
  const [made, changed] = [node.metadata.creationTimestamp, readyOf(node)?.lastTransitionTime].map((text) => (text === undefined ? undefined : millisOfTime(text)));
  return changed === undefined || made === undefined || changed - made < STARTING_MS;
}

/** More than this many nodes, and more than this share of them, make a cluster unhealthy (ok-total-unready-count and max-total-unready-percentage of Kubernetes' cluster autoscaler). */
const SILENT_NODES = 3;
const SILENT_SHARE = 0.45;

function areManySilent(nodes: readonly Node[]): boolean {
  const silent = nodes.filter((node) => !isReady(node) && !isStarting(node)).length;
  return silent > SILENT_NODES && silent > SILENT_SHARE * nodes.length;
}

const readyOf = (node: Node) => node.status?.conditions?.find(({ type }) => type === 'Ready');
const isReady = (node: Node): boolean => readyOf(node)?.status === 'True';
const readySince = (node: Node): number => millisOfTime(readyOf(node)?.lastTransitionTime ?? '') ?? 0;

async function namesOf(pool: NodePool, { clock, log, signal }: Observed): Promise<readonly string[] | undefined> {
  const late = (): Error => new OrreryError('TIMEOUT', `no answer within ${LIST_MS} ms`);
  try {
    return await within(pool.nodes(signal), clock, LIST_MS, late, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn('a pool of nodes does not tell its nodes', { pool: pool.name, error: errorMessage(error) });
    return undefined;
  }
}
