import {
  ApiError, type Controller, equalJson, errorMessage, type FilterPlugin, type Lister, Node, type NodePool, Pod, type ReconcileContext, type ReconcileResult, timeOfMillis, watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, NODE_INDEX } from '../shared/pods.js';
import { basicFilter } from './fit.js';
import { drained, undrained } from './node-info.js';
import { byUnschedulable, type Observation, observe, UNSCHEDULABLE_INDEX } from './observe.js';
import { mustMove, planScaleDown } from './plan-down.js';
import { planScaleUp, type ScaleUpPlan } from './plan-up.js';

/** What the node autoscaler is made from. */
export interface NodeAutoscalerOptions {
  /** How often it looks while something is under way. */
  readonly scanMs: number;
  /** How long a node must be unneeded before it goes. */
  readonly unneededMs: number;
  /** For how long nothing goes after something was added. */
  readonly delayAfterAddMs: number;
  /** Below this share of cpu and of memory asked for a node is underused. */
  readonly threshold: number;
  /** How long draining may take before it is called off. */
  readonly maxDrainMs: number;
  readonly provisionMs: number;
  readonly freshMs: number;
  pools(): readonly NodePool[];
  /** The filters of a pod's profile, where they can be had; those of {@link basicFilter} otherwise. */
  filtersOf(pod: Pod): readonly FilterPlugin[] | undefined;
}

/** There is one thing to look after: the nodes of all pools together. */
const KEY = 'nodes';
const POD_INFORMER = { indexes: { [NODE_INDEX]: byNode, [UNSCHEDULABLE_INDEX]: byUnschedulable } };

interface Running {
  readonly options: NodeAutoscalerOptions;
  readonly pods: Lister<Pod>;
  readonly nodes: Lister<Node>;
  readonly awaited: Map<string, number>;
  /** Monotonic; since when a node is unneeded. */
  readonly unneeded: Map<string, number>;
  /** What was told of a pod last, by uid. */
  readonly told: Map<string, string>;
  addedAt: number;
  lookedAt: number;
}

/** While pods come and go by the thousand, it looks at all of them together once in so many milliseconds. */
const PAUSE_MS = 1_000;

/** Adds nodes that pods without a place need, and gives back those that nobody needs, drained within the disruption budgets. */
export function nodeAutoscaler(options: NodeAutoscalerOptions): Controller {
  return {
    name: 'node-autoscaler',
    start: (setup) => {
      const running: Running = {
        options,
        pods: setup.informer(Pod, POD_INFORMER).lister,
        nodes: setup.informer(Node).lister,
        awaited: new Map(),
        unneeded: new Map(),
        told: new Map(),
        addedAt: -Infinity,
        lookedAt: -Infinity,
      };
      return {
        watches: [
          watching({ kind: Pod, informer: POD_INFORMER, keys: (pod, old, deleted) => (matters(pod, old, deleted) ? [KEY] : []) }),
          watching({ kind: Node, keys: (node, old) => (old === undefined || !equalJson([node.spec, node.metadata.labels, readiness(node)], [old.spec, old.metadata.labels, readiness(old)]) ? [KEY] : []) }),
        ],
        reconcile: (_key, context) => reconcile(context, running),
      };
    },
  };
}

const readiness = (node: Node): string | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

/** A pod that finds no place, one that came to a node or left it: nothing else changes what nodes are needed. */
function matters(pod: Pod, old: Pod | undefined, deleted: boolean): boolean {
  if (deleted) return (pod.spec.nodeName ?? '') !== '' || byUnschedulable(pod).length > 0;
  return byUnschedulable(pod).length > 0 || old?.spec.nodeName !== pod.spec.nodeName || old?.status?.phase !== pod.status?.phase;
}

async function reconcile(context: ReconcileContext, running: Running): Promise<ReconcileResult> {
  const { options, pods, nodes, awaited } = running;
  const { clock, log, signal } = context;
  const pools = options.pools();
  if (pools.length === 0) return;
  const pause = running.lookedAt + PAUSE_MS - clock.monotonic();
  if (pause > 0) return { againAfterMs: pause };
  running.lookedAt = clock.monotonic();
  const seen = await observe({ pods, nodes, pools, clock, log, signal, awaited, provisionMs: options.provisionMs, freshMs: options.freshMs });
  const filtersOf = (pod: Pod): readonly FilterPlugin[] => options.filtersOf(pod) ?? [basicFilter];
  const up = planScaleUp({ pods: seen.pending, pools: seen.pools, nodes: seen.nodes, fresh: seen.fresh, draining: seen.draining.map(({ info }) => info), filtersOf });
  await grow(context, running, seen, up);
  for (const { name, pool } of seen.failed) await giveBack(context, pool, name, 'it did not become ready in time');
  await drain(context, running, seen, new Set(up.keep));
  const next = await shrink(context, running, seen, up, filtersOf);
  const underWay = seen.pending.length + seen.draining.length + seen.failed.length + up.add.size > 0 || seen.pools.some(({ upcoming }) => upcoming > 0) || seen.pools.length < pools.length;
  const wait = Math.min(underWay ? options.scanMs : Infinity, next);
  return wait === Infinity ? undefined : { againAfterMs: wait };
}

async function grow(context: ReconcileContext, running: Running, seen: Observation, plan: ScaleUpPlan): Promise<void> {
  const { client, clock, log, signal } = context;
  const kept = seen.draining.filter(({ info }) => plan.keep.includes(info.name));
  for (const { info } of kept) await client.kind(Node).update(undrained(info.node));
  tell(context, running, seen, plan);
  for (const { pool } of seen.pools) {
    try {
      for (let i = plan.add.get(pool.name) ?? 0; i > 0; i -= 1) {
        await pool.addNode(signal);
        running.addedAt = clock.monotonic();
      }
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn('a pool of nodes could not be given another node', { pool: pool.name, error: errorMessage(error) });
    }
  }
}

/** Each pod is told once what becomes of it, and again when that changes. */
function tell({ events }: ReconcileContext, { told }: Running, seen: Observation, { add, helped, unhelped }: ScaleUpPlan): void {
  const waiting = new Set(seen.pending.map(({ metadata }) => metadata.uid ?? ''));
  for (const uid of told.keys()) if (!waiting.has(uid)) told.delete(uid);
  const once = (pod: Pod, reason: string, text: string, id: string): void => {
    const uid = pod.metadata.uid ?? '';
    if (told.get(uid) === id) return;
    told.set(uid, id);
    events.event(pod, 'Normal', reason, text);
  };
  for (const { pod, pool } of helped) {
    const { size = 0, pool: { max } = { max: 0 } } = seen.pools.find((view) => view.pool.name === pool) ?? {};
    once(pod, 'TriggeredScaleUp', `pod triggered scale-up: [{${pool} ${size}->${size + (add.get(pool) ?? 0)} (max: ${max})}]`, `up ${pool}`);
  }
  for (const { pod, reasons } of unhelped) once(pod, 'NotTriggerScaleUp', `pod didn't trigger scale-up: ${reasons.join('; ')}`, reasons.join('; '));
}

/** Goes on with what is being drained: pods are evicted as their budgets allow, an empty node is given back, what takes too long is called off. */
async function drain(context: ReconcileContext, { options, unneeded }: Running, seen: Observation, kept: ReadonlySet<string>): Promise<void> {
  const { client, clock, events } = context;
  for (const { info, pool, since } of seen.draining) {
    if (kept.has(info.name)) continue;
    const left = [...info.pods.values()].filter(mustMove);
    if (left.length === 0) {
      await giveBack(context, pool, info.name, 'nobody needs it');
      continue;
    }
    if (clock.now() - since > options.maxDrainMs) {
      unneeded.delete(info.name);
      events.event(info.node, 'Warning', 'ScaleDownFailed', `draining took too long and was called off; ${left.length} pods could not be moved`);
      await client.kind(Node).update(undrained(info.node));
      continue;
    }
    for (const pod of left) if (pod.metadata.deletionTimestamp === undefined) await evict(context, pod);
  }
}

async function evict({ client, events }: ReconcileContext, pod: Pod): Promise<void> {
  const { namespace, name = '', uid = '' } = pod.metadata;
  try {
    await client.evict({ namespace, name, uid });
    events.event(pod, 'Normal', 'ScaleDown', 'deleting pod for node scale down');
  } catch (error) {
    // Its disruption budget says not now, or it is another or gone: the next look will tell.
    if (!ApiError.is(error, 'TooManyRequests') && !ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
  }
}

async function giveBack({ client, events, log, signal }: ReconcileContext, pool: NodePool, name: string, why: string): Promise<void> {
  try {
    await pool.removeNode(name, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn('a node could not be given back', { pool: pool.name, node: name, error: errorMessage(error) });
    return;
  }
  const gone = await goneIsFine(client.kind(Node).delete({ name }));
  if (gone !== undefined) events.event(gone, 'Normal', 'ScaleDown', `node was given back to ${pool.name}: ${why}`);
}

/** Starts to drain what was unneeded for long enough; answers when to look again for that. */
async function shrink(context: ReconcileContext, running: Running, seen: Observation, up: ScaleUpPlan, filtersOf: (pod: Pod) => readonly FilterPlugin[]): Promise<number> {
  const { options, unneeded } = running;
  const { client, clock } = context;
  const now = clock.monotonic();
  const plan = planScaleDown({ pools: seen.pools, candidates: seen.candidates, nodes: seen.nodes, threshold: options.threshold, filtersOf });
  const names = new Set(plan.map(({ node }) => node));
  for (const name of unneeded.keys()) if (!names.has(name)) unneeded.delete(name);
  for (const { node } of plan) if (!unneeded.has(node)) unneeded.set(node, now);
  const rest = running.addedAt + options.delayAfterAddMs - now;
  // Pods that wait may come to these nodes yet.
  if (up.helped.length > 0 || seen.fresh.length > 0 || rest > 0) return plan.length === 0 ? Infinity : Math.max(rest, options.scanMs);
  let busy = seen.draining.some(({ info }) => [...info.pods.values()].some(mustMove));
  let next = Infinity;
  for (const { node, empty } of plan) {
    const left = (unneeded.get(node) ?? now) + options.unneededMs - now;
    if (left > 0) next = Math.min(next, left);
    else if (empty || !busy) {
      busy ||= !empty;
      const info = seen.candidates.find((one) => one.info.name === node)?.info;
      if (info !== undefined) await client.kind(Node).update(drained(info.node, timeOfMillis(clock.now())));
      next = Math.min(next, options.scanMs);
    } else next = Math.min(next, options.scanMs);
  }
  return next;
}
