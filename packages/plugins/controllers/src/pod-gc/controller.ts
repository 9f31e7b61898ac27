import {
  type Client,
  type Controller,
  keyOf,
  type Lister,
  millisOfTime,
  Node,
  type ObjectKey,
  Pod,
  type PodCondition,
  type ReconcileContext,
  type ReconcileResult,
  timeOfMillis,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, isPodTerminal, NODE_INDEX } from '../shared/pods.js';

const TERMINAL_INDEX = 'pod-gc.terminal';
const podOptions = { indexes: { [NODE_INDEX]: byNode, [TERMINAL_INDEX]: (pod: Pod): readonly string[] => (isPodTerminal(pod) ? [''] : []) } };

/** No pod is called so: a key for the count of all that ended. */
const ENDED: ObjectKey = '(ended pods)';

/** Options of the pod garbage collector. */
export interface PodGcOptions {
  /** Pods that ended and are kept; the oldest beyond go. Default 12,500; 0: all are kept. */
  readonly terminatedThreshold?: number;
  /** How long a node must be gone before its pods are removed, milliseconds; default 40,000. */
  readonly quarantineMs?: number;
}

/** Removes pods that nobody else would: of nodes that do not exist, being deleted but never bound, and the oldest that ended. */
export function podGcController(options: PodGcOptions = {}): Controller {
  const { terminatedThreshold = 12_500, quarantineMs = 40_000 } = options;
  return {
    name: 'pod-gc',
    start: (setup) => {
      const nodes = setup.informer(Node).lister;
      const pods = setup.informer(Pod, podOptions).lister;
      /** Monotonic time at which a node was first missed. */
      const missing = new Map<string, number>();
      return {
        watches: [
          watching({ kind: Node, keys: ({ metadata }, _old, deleted) => (deleted ? pods.byIndex(NODE_INDEX, metadata.name ?? '').map(keyOf) : []) }),
          watching({ kind: Pod, informer: podOptions, keys: (pod, old, deleted) => (deleted ? [] : concerns(pod, old, nodes, terminatedThreshold)) }),
        ],
        reconcile: (key, context) => (key === ENDED ? removeOldest(context.client, pods, terminatedThreshold) : reconcile(pods.get(key), context, nodes, missing, quarantineMs)),
      };
    },
  };
}

function concerns(pod: Pod, old: Pod | undefined, nodes: Lister<Node>, threshold: number): readonly ObjectKey[] {
  const keys = threshold > 0 && isPodTerminal(pod) && (old === undefined || !isPodTerminal(old)) ? [ENDED] : [];
  return isOrphan(pod, nodes) || isLeftover(pod) ? [...keys, keyOf(pod)] : keys;
}

const isOrphan = ({ spec }: Pod, nodes: Lister<Node>): boolean => (spec.nodeName ?? '') !== '' && nodes.get(spec.nodeName ?? '') === undefined;
/** Being deleted, and no kubelet will ever end it. */
const isLeftover = ({ metadata, spec }: Pod): boolean => metadata.deletionTimestamp !== undefined && (spec.nodeName ?? '') === '';

async function reconcile(pod: Pod | undefined, context: ReconcileContext, nodes: Lister<Node>, missing: Map<string, number>, quarantineMs: number): Promise<ReconcileResult> {
  if (pod === undefined) return;
  const { client, clock } = context;
  const name = pod.spec.nodeName ?? '';
  if (!isOrphan(pod, nodes)) {
    missing.delete(name);
    if (!isLeftover(pod)) return;
    // Somebody may count how pods end, and keep this one until it did.
    if (!isPodTerminal(pod)) await markFailed(pod, context);
    await forceDelete(client, pod);
    return;
  }
  const since = missing.get(name) ?? clock.monotonic();
  missing.set(name, since);
  const left = since + quarantineMs - clock.monotonic();
  if (left > 0) return { againAfterMs: left };
  // The cache of nodes may be behind; pods are not to be lost to that.
  if ((await client.kind(Node).find({ name })) !== undefined) return;
  const why: PodCondition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', lastTransitionTime: timeOfMillis(clock.now()) };
  if (!isPodTerminal(pod)) await markFailed(pod, context, why);
  await forceDelete(client, pod);
}

async function markFailed(pod: Pod, { client }: ReconcileContext, why?: PodCondition): Promise<void> {
  const { conditions = [] } = pod.status ?? {};
  const told = why === undefined ? {} : { conditions: [...conditions.filter(({ type }) => type !== why.type), why] };
  await goneIsFine(client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, phase: 'Failed', ...told } }));
}

const forceDelete = (client: Client, { metadata }: Pod): Promise<unknown> =>
  goneIsFine(client.kind(Pod).delete({ namespace: metadata.namespace, name: metadata.name ?? '' }, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid ?? '' } }));

async function removeOldest(client: Client, pods: Lister<Pod>, threshold: number): Promise<void> {
  const ended = pods.byIndex(TERMINAL_INDEX, '');
  if (ended.length <= threshold) return;
  const created = (pod: Pod): number => millisOfTime(pod.metadata.creationTimestamp ?? '') ?? 0;
  const oldest = [...ended].sort((a, b) => created(a) - created(b)).slice(0, ended.length - threshold);
  for (const pod of oldest) await forceDelete(client, pod);
}
