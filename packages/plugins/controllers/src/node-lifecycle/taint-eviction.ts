import {
  type Controller,
  equalJson,
  keyOf,
  type Lister,
  Node,
  type ObjectKey,
  Pod,
  type PodCondition,
  type ReconcileContext,
  type ReconcileResult,
  type Taint,
  timeOfMillis,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, isPodTerminal, NODE_INDEX } from '../shared/pods.js';
import { evictionTime } from './eviction.js';

const podOptions = { indexes: { [NODE_INDEX]: byNode } };

/** Options of the taint eviction controller. */
export interface TaintEvictionOptions {
  /** Pods worked on at the same time; default 8. */
  readonly workers?: number;
}

/** Deletes pods that do not, or no longer, tolerate a NoExecute taint of their node. Whoever set the taint does not matter. */
export function taintEvictionController(options: TaintEvictionOptions = {}): Controller {
  return {
    name: 'taint-eviction',
    workers: options.workers ?? 8,
    start: (setup) => {
      const nodes = setup.informer(Node).lister;
      const pods = setup.informer(Pod, podOptions).lister;
      /** When a taint that does not say so itself was first seen, by node and taint. */
      const firstSeen = new Map<string, number>();
      const since = (node: string, taint: Taint): number => {
        const id = `${node} ${taint.key}=${taint.value ?? ''}`;
        const known = firstSeen.get(id) ?? setup.clock.now();
        firstSeen.set(id, known);
        return known;
      };
      const onNode = (name: string): ObjectKey[] => pods.byIndex(NODE_INDEX, name).map(keyOf);
      return {
        watches: [
          watching({
            kind: Node,
            keys: (node, old, deleted) => {
              const name = node.metadata.name ?? '';
              forget(firstSeen, name, deleted ? [] : evicting(node));
              if (deleted || (old !== undefined && equalJson(evicting(node), evicting(old)))) return [];
              return old === undefined && evicting(node).length === 0 ? [] : onNode(name);
            },
          }),
          watching({ kind: Pod, informer: podOptions, keys: (pod, old, deleted) => (!deleted && movedOrNew(pod, old) && isTainted(pod, nodes) ? [keyOf(pod)] : []) }),
        ],
        reconcile: (key, context) => reconcile(pods.get(key), context, nodes, since),
      };
    },
  };
}

const evicting = (node: Node): readonly Taint[] => (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
const movedOrNew = (pod: Pod, old: Pod | undefined): boolean => pod.spec.nodeName !== old?.spec.nodeName || !equalJson(pod.spec.tolerations, old?.spec.tolerations);
const isTainted = (pod: Pod, nodes: Lister<Node>): boolean => {
  const node = nodes.get(pod.spec.nodeName ?? '');
  return node !== undefined && evicting(node).length > 0;
};

/** A taint that goes and comes back starts anew. */
function forget(firstSeen: Map<string, number>, node: string, taints: readonly Taint[]): void {
  const kept = new Set(taints.map((taint) => `${node} ${taint.key}=${taint.value ?? ''}`));
  for (const id of firstSeen.keys()) if (id.startsWith(`${node} `) && !kept.has(id)) firstSeen.delete(id);
}

async function reconcile(pod: Pod | undefined, context: ReconcileContext, nodes: Lister<Node>, since: (node: string, taint: Taint) => number): Promise<ReconcileResult> {
  const name = pod?.spec.nodeName ?? '';
  const node = nodes.get(name);
  if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return;
  const time = evictionTime(pod, evicting(node), (taint) => since(name, taint));
  if (time === undefined) return;
  const left = time - context.clock.now();
  if (left > 0) return { againAfterMs: left };
  await evict(pod, context);
}

async function evict(pod: Pod, { client, clock, events }: ReconcileContext): Promise<void> {
  const { namespace, name = '', uid = '' } = pod.metadata;
  events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`);
  const why: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: timeOfMillis(clock.now()),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== why.type);
  await goneIsFine(client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, conditions: [...others, why] } }));
  await goneIsFine(client.kind(Pod).delete({ namespace, name }, { preconditions: { uid } }));
}
