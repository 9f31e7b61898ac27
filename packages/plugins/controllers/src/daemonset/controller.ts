import {
  type Client,
  type Controller,
  ControllerRevision,
  DaemonSet,
  equalJson,
  keyOf,
  type Lister,
  Node,
  type ObjectKey,
  Pod,
  podTemplateHash,
  type ReconcileContext,
  type ReconcileResult,
  watching,
} from '@orrery/core';
import { claimRevisions, forgetRevisions, keepHistory } from '../history/keep.js';
import { planHistory, planTruncation } from '../history/plan.js';
import { nameOf, REVISION_LABEL, type RevisionStyle } from '../history/revisions.js';
import { claim, goneIsFine, planClaim } from '../shared/claim.js';
import { ownerKeys } from '../shared/keys.js';
import { createPods, deletePods } from '../shared/pod-control.js';
import { byController, CONTROLLER_INDEX, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { type DaemonCaches, DaemonMemory, type Findings } from './memory.js';
import type { Removal } from './node-state.js';
import { daemonSetStatus, planDaemonSet } from './plan.js';
import { byDaemonNode, DAEMON_NODE_INDEX, daemonPod } from './pods.js';

const SELF = { group: 'apps', kind: 'DaemonSet' } as const;
const REVISION_INDEXES = { [CONTROLLER_INDEX]: byController };
const POD_INDEXES = { [CONTROLLER_INDEX]: byController, [DAEMON_NODE_INDEX]: byDaemonNode };

interface Caches extends DaemonCaches {
  readonly revisions: Lister<ControllerRevision>;
}

/** Options of the DaemonSet controller. */
export interface DaemonSetControllerOptions {
  /** Sets worked on at the same time; default 2, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Keeps one pod of a set on every node that fits it. */
export function daemonSetController(options: DaemonSetControllerOptions = {}): Controller {
  return {
    name: 'daemonset',
    workers: options.workers ?? 2,
    start: (setup) => {
      const sets = setup.informer(DaemonSet).lister;
      const caches: Caches = {
        sets,
        nodes: setup.informer(Node).lister,
        pods: setup.informer(Pod, { indexes: POD_INDEXES }).lister,
        revisions: setup.informer(ControllerRevision, { indexes: REVISION_INDEXES }).lister,
      };
      const memory = new DaemonMemory();
      const owners = { list: (namespace: string) => sets.list(namespace), selector: selectorOf };
      const podKeys = (pod: Pod, old: Pod | undefined, deleted: boolean): readonly ObjectKey[] => {
        const keys = ownerKeys(SELF, pod, old, deleted, owners);
        for (const key of keys) memory.podChanged(key, pod, old);
        return keys;
      };
      return {
        watches: [
          watching({ kind: DaemonSet, keys: (set) => [keyOf(set)] }),
          watching({ kind: Pod, informer: { indexes: POD_INDEXES }, keys: podKeys }),
          watching({ kind: Node, keys: (node, old, deleted) => memory.nodeChanged(node.metadata.name ?? '', deleted ? undefined : node, old, sets) }),
          watching({ kind: ControllerRevision, informer: { indexes: REVISION_INDEXES }, keys: (one, old, deleted) => ownerKeys(SELF, one, old, deleted, owners) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches, memory),
      };
    },
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches, memory: DaemonMemory): Promise<ReconcileResult> {
  const set = caches.sets.get(key);
  if (set === undefined) return memory.forget(key);
  const { client, clock, events } = context;
  if (Object.keys(set.spec.selector.matchLabels ?? {}).length + (set.spec.selector.matchExpressions ?? []).length === 0) {
    events.event(set, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
    return;
  }
  // Its revisions may be on their way out already, and without them new pods cannot be told from old ones.
  if (set.metadata.deletionTimestamp !== undefined) return;
  // What was adopted shows in the caches before the next look, which it brings about.
  if (await adopt(client, set, caches)) return;
  const { hash, collisionCount, old } = await ownHistory(client, set, caches);

  const findings = memory.refresh(set, hash, caches, clock.now());
  const { ledger, strays } = findings;
  await claim(client, { owner: DaemonSet, object: Pod }, set, { keep: [], adopt: [], release: strays });
  const plan = planDaemonSet(set, ledger);
  tell(context, set, plan.remove, findings);
  const created = await createPods(context, set, plan.create.map((node) => daemonPod(set, node, hash)));
  const deleted = await deletePods(context, set, [...plan.remove.map(({ pod }) => pod), ...plan.replace]);
  const status = daemonSetStatus(set, ledger, collisionCount);
  if (!equalJson(status, set.status)) await goneIsFine(client.kind(DaemonSet).updateStatus({ ...set, status }));
  await truncate(client, set, old, caches);
  const failure = created ?? deleted;
  if (failure !== undefined) throw failure.error;
  const next = ledger.nextDue();
  return next === Infinity ? undefined : { againAfterMs: Math.max(1, next - clock.now()) };
}

/** Takes over pods without an owner that are the set's by their labels. Whether there were any. */
async function adopt(client: Client, set: DaemonSet, { pods }: Caches): Promise<boolean> {
  const plan = planClaim(set, selectorOf(set), pods.byIndex(CONTROLLER_INDEX, orphansOf(set.metadata.namespace ?? '')));
  await claim(client, { owner: DaemonSet, object: Pod }, set, plan);
  return plan.adopt.length > 0;
}

/** Tells of pods that ended, and begins the pause before another one is replaced on their node. */
function tell({ events }: ReconcileContext, set: DaemonSet, removals: readonly Removal[], findings: Findings): void {
  for (const { pod, node, why } of removals) {
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (why === 'succeeded') events.event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${name} on node ${node}, will try to delete it`);
    if (why !== 'failed') continue;
    findings.replacesFailed(node);
    events.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${name} on node ${node}, will try to kill it`);
  }
}

const STYLE: RevisionStyle = { hash: (data, collisions) => podTemplateHash((data['spec'] as { template: unknown }).template, collisions === 0 ? undefined : collisions), label: REVISION_LABEL };

interface History {
  readonly hash: string;
  readonly collisionCount: number;
  readonly old: readonly ControllerRevision[];
}

const hashOf = (revision: ControllerRevision): string => revision.metadata.labels?.[REVISION_LABEL] ?? nameOf(revision);

/** Finds or makes the revision of the present template, and merges others of the same template into it (constructHistory). */
async function ownHistory(client: Client, set: DaemonSet, caches: Caches): Promise<History> {
  const { revisions } = caches;
  const all = await claimRevisions(client, DaemonSet, set, revisions);
  const collisions = set.status?.collisionCount ?? 0;
  const plan = planHistory(set, STYLE, all, collisions);
  const { current, collisionCount } = await keepHistory(client, set, STYLE, plan, collisions);
  const hash = hashOf(current);
  if (plan.duplicates.length > 0) await merge(client, caches.pods.byIndex(CONTROLLER_INDEX, set.metadata.uid ?? ''), plan.duplicates, hash);
  return { hash, collisionCount, old: plan.old };
}

/** Pods of a duplicate are of the present template as well: they get its label, so that they are not replaced (dedupCurHistories). */
async function merge(client: Client, pods: readonly Pod[], duplicates: readonly ControllerRevision[], hash: string): Promise<void> {
  const hashes = new Set(duplicates.map(hashOf));
  for (const { metadata } of pods) {
    if (!hashes.has(metadata.labels?.[REVISION_LABEL] ?? '')) continue;
    const ref = { namespace: metadata.namespace, name: metadata.name ?? '' };
    await goneIsFine(client.kind(Pod).patch(ref, 'merge', { metadata: { uid: metadata.uid, labels: { [REVISION_LABEL]: hash } } }));
  }
  await forgetRevisions(client, duplicates);
}

async function truncate(client: Client, set: DaemonSet, old: readonly ControllerRevision[], { pods }: Caches): Promise<void> {
  const excess = old.length - (set.spec.revisionHistoryLimit ?? 10);
  if (excess <= 0) return;
  const live = new Set(pods.byIndex(CONTROLLER_INDEX, set.metadata.uid ?? '').map(({ metadata }) => metadata.labels?.[REVISION_LABEL]));
  await forgetRevisions(client, planTruncation(old, (revision) => live.has(hashOf(revision)), excess));
}
