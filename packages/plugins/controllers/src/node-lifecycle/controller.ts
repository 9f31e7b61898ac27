import {
  type Controller,
  keyOf,
  Lease,
  type Lister,
  Node,
  type NodeCondition,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  timeOfMillis,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, isPodReady, isPodTerminal, NODE_INDEX } from '../shared/pods.js';
import { type Sign, signToken, silentConditions } from './health.js';
import { planTaints, readinessTaint } from './taints.js';
import { evictionInterval, type EvictionRates, zoneOf } from './zones.js';

const LEASE_NAMESPACE = 'kube-node-lease';

/** Options of the node life-cycle controller; times in milliseconds. */
export interface NodeLifecycleOptions extends Partial<EvictionRates> {
  /** Silence after which a node counts as unreachable; default 50,000. */
  readonly gracePeriodMs?: number;
  /** The same for a node that never said anything; default 60,000. */
  readonly startupGracePeriodMs?: number;
  /** How often a node that waits for its eviction is looked at; default 5,000. */
  readonly monitorPeriodMs?: number;
  /** Nodes worked on at the same time; default 8. */
  readonly workers?: number;
}

/** Defaults of kube-controller-manager 1.36. */
export const EVICTION_RATES: EvictionRates = { nodesPerSecond: 0.1, secondaryNodesPerSecond: 0.01, unhealthyShare: 0.55, largeZone: 50 };

interface Memory {
  readonly signs: Map<string, Sign>;
  /** By zone, the monotonic time from which the next node may be evicted. */
  readonly nextEviction: Map<string, number>;
}

interface Sources {
  readonly nodes: Lister<Node>;
  readonly leases: Lister<Lease>;
  readonly pods: Lister<Pod>;
}

type Settings = EvictionRates & Required<Pick<NodeLifecycleOptions, 'gracePeriodMs' | 'startupGracePeriodMs' | 'monitorPeriodMs'>>;

/**
 * Notices nodes that fall silent: their conditions become Unknown, their pods not ready, and taints keep new pods away and, at a limited rate, evict
 * the others ({@link taintEvictionController} does that). A node that comes back loses the taints.
 */
export function nodeLifecycleController(options: NodeLifecycleOptions = {}): Controller {
  const { workers = 8, ...rest } = options;
  const settings: Settings = { gracePeriodMs: 50_000, startupGracePeriodMs: 60_000, monitorPeriodMs: 5_000, ...EVICTION_RATES, ...rest };
  const podOptions = { indexes: { [NODE_INDEX]: byNode } };
  const leaseOptions = { namespace: LEASE_NAMESPACE };
  return {
    name: 'node-lifecycle',
    workers,
    start: (setup) => {
      const sources: Sources = {
        nodes: setup.informer(Node).lister,
        leases: setup.informer(Lease, leaseOptions).lister,
        pods: setup.informer(Pod, podOptions).lister,
      };
      const memory: Memory = { signs: new Map(), nextEviction: new Map() };
      return {
        watches: [
          watching({ kind: Node, keys: (node) => [keyOf(node)] }),
          watching({ kind: Lease, informer: leaseOptions, keys: ({ metadata }) => (metadata.name === undefined ? [] : [metadata.name]) }),
          watching({ kind: Pod, informer: podOptions, keys: (pod, old) => claimsToBeReady(pod, old, sources.nodes) }),
        ],
        reconcile: (key, context) => reconcile(key, context, sources, memory, settings),
      };
    },
  };
}

/**
 * A pod that newly turns up ready on a node nobody hears of: its node is looked at. Not one whose readiness comes back (as kube's podUpdated): an agent
 * that can write to pods again, and renews its lease only seconds later, would be answered at once, answer at once, and so on.
 */
function claimsToBeReady(pod: Pod, old: Pod | undefined, nodes: Lister<Node>): readonly ObjectKey[] {
  const name = pod.spec.nodeName ?? '';
  if (name === '' || !isPodReady(pod) || old?.spec.nodeName === name) return [];
  const node = nodes.get(name);
  return node !== undefined && isUnreachable(node) ? [name] : [];
}

const isUnreachable = (node: Node): boolean => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown') ?? false;

async function reconcile(key: ObjectKey, context: ReconcileContext, sources: Sources, memory: Memory, settings: Settings): Promise<ReconcileResult> {
  const node = sources.nodes.get(key);
  if (node === undefined) {
    memory.signs.delete(key);
    return;
  }
  const left = graceLeft(node, context, sources, memory, settings);
  const conditions = left > 0 ? undefined : silentConditions(node, context.clock.now());
  if (conditions !== undefined && conditions !== node.status?.conditions) return report(node, conditions, context);

  if (isUnreachable(node)) await markPodsNotReady(key, context, sources.pods);
  const again = await taint(node, context, sources, memory, settings);
  const next = Math.min(again ?? Infinity, left > 0 ? left : Infinity);
  return next === Infinity ? undefined : { againAfterMs: next };
}

/** Milliseconds until the node counts as silent; 0 or less when it does. */
function graceLeft(node: Node, { clock }: ReconcileContext, { leases }: Sources, { signs }: Memory, settings: Settings): number {
  const name = node.metadata.name ?? '';
  const token = signToken(node, leases.get(`${LEASE_NAMESPACE}/${name}`)?.spec.renewTime);
  const known = signs.get(name);
  const sign = known?.token === token ? known : { token, at: clock.monotonic() };
  if (sign !== known) signs.set(name, sign);
  const spoke = node.status?.conditions?.some(({ type }) => type === 'Ready') ?? false;
  return sign.at + (spoke ? settings.gracePeriodMs : settings.startupGracePeriodMs) - clock.monotonic();
}

/** The change comes back as an event, and then taints and pods follow. */
async function report(node: Node, conditions: readonly NodeCondition[], { client, events }: ReconcileContext): Promise<void> {
  await client.kind(Node).updateStatus({ ...node, status: { ...node.status, conditions: [...conditions] } });
  events.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
}

/** Nobody can vouch for pods on a silent node: services must not send traffic there (MarkPodsNotReady). */
async function markPodsNotReady(node: string, { client, clock, events }: ReconcileContext, pods: Lister<Pod>): Promise<void> {
  const time = timeOfMillis(clock.now());
  for (const pod of pods.byIndex(NODE_INDEX, node)) {
    if (!isPodReady(pod) || isPodTerminal(pod)) continue;
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady', lastTransitionTime: time } : condition,
    );
    await goneIsFine(client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, conditions } }));
    events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }
}

/** Brings the taints up to date. Answers after how long to look again when the one that evicts has to wait its turn. */
async function taint(node: Node, { client, clock }: ReconcileContext, { nodes }: Sources, memory: Memory, settings: Settings): Promise<number | undefined> {
  const key = readinessTaint(node);
  const evicting = key !== undefined && (node.spec.taints ?? []).some((one) => one.key === key && one.effect === 'NoExecute');
  let evict = false;
  let again: number | undefined;
  if (key !== undefined) {
    const zone = zoneOf(node);
    const interval = evictionInterval(nodes.list(), zone, settings);
    const wait = (memory.nextEviction.get(zone) ?? 0) - clock.monotonic();
    evict = interval !== undefined && (evicting || wait <= 0);
    // Looked at again in any case: whether a node may be evicted depends on the others.
    again = interval !== undefined && !evict ? Math.min(wait, settings.monitorPeriodMs) : settings.monitorPeriodMs;
    if (evict && !evicting) memory.nextEviction.set(zone, clock.monotonic() + (interval ?? 0));
  }
  const taints = planTaints(node, evict, timeOfMillis(clock.now()));
  if (taints !== undefined) await client.kind(Node).update({ ...node, spec: { ...node.spec, taints: [...taints] } });
  return again;
}
