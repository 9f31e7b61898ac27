import {
  type Client,
  type Controller,
  ControllerRevision,
  controllerRevisionHash,
  equalJson,
  keyOf,
  type Lister,
  type ObjectKey,
  PersistentVolumeClaim,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  StatefulSet,
  watching,
} from '@orrery/core';
import { claimRevisions, forgetRevisions, keepHistory } from '../history/keep.js';
import { planHistory, planTruncation } from '../history/plan.js';
import { DATA_HASH_LABEL, dataText, nameOf, type RevisionStyle } from '../history/revisions.js';
import { revertTo } from '../history/rollback.js';
import { claim, goneIsFine, planClaim } from '../shared/claim.js';
import { ownerKeys } from '../shared/keys.js';
import { byController, CONTROLLER_INDEX, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { carryOut, FAILED, type Making } from './act.js';
import { claimName, claimTemplates, ordinalOf, revisionOf } from './identity.js';
import { planStatefulSet } from './plan.js';
import { planStatus, type Revisions } from './status.js';

const SELF = { group: 'apps', kind: 'StatefulSet' } as const;
const INDEXES = { [CONTROLLER_INDEX]: byController };
const STYLE: RevisionStyle = { hash: (data, collisions) => controllerRevisionHash(dataText(data), collisions), label: DATA_HASH_LABEL };

interface Caches {
  readonly sets: Lister<StatefulSet>;
  readonly pods: Lister<Pod>;
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly revisions: Lister<ControllerRevision>;
}

/** Options of the StatefulSet controller. */
export interface StatefulSetControllerOptions {
  /** Sets worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Keeps pods with an identity each: numbered, with claims of their own, made and replaced in order. */
export function statefulSetController(options: StatefulSetControllerOptions = {}): Controller {
  return {
    name: 'statefulset',
    workers: options.workers ?? 5,
    start: (setup) => {
      const sets = setup.informer(StatefulSet).lister;
      const caches: Caches = {
        sets,
        pods: setup.informer(Pod, { indexes: INDEXES }).lister,
        claims: setup.informer(PersistentVolumeClaim).lister,
        revisions: setup.informer(ControllerRevision, { indexes: INDEXES }).lister,
      };
      const owners = { list: (namespace: string) => sets.list(namespace), selector: selectorOf };
      return {
        watches: [
          watching({ kind: StatefulSet, keys: (set) => [keyOf(set)] }),
          watching({ kind: Pod, informer: { indexes: INDEXES }, keys: (pod, old, deleted) => ownerKeys(SELF, pod, old, deleted, owners) }),
          watching({ kind: PersistentVolumeClaim, keys: (one, _old, deleted) => (deleted ? setsOfClaim(one, sets) : []) }),
          watching({ kind: ControllerRevision, informer: { indexes: INDEXES }, keys: (one, old, deleted) => ownerKeys(SELF, one, old, deleted, owners) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

/** A pod may wait until a claim of its name is gone: the sets that name their claims so. */
function setsOfClaim({ metadata: { namespace = '', name = '' } }: PersistentVolumeClaim, sets: Lister<StatefulSet>): ObjectKey[] {
  return sets.list(namespace).filter((set) => claimTemplates(set).some((template) => name.startsWith(claimName(set, template, '')))).map(keyOf);
}

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches): Promise<ReconcileResult> {
  const set = caches.sets.get(key);
  if (set === undefined) return;
  const { client, clock, events } = context;
  const pods = await ownPods(client, set, caches);
  if (set.metadata.deletionTimestamp !== undefined) {
    const { currentRevision = '', updateRevision = '', collisionCount = 0 } = set.status ?? {};
    await writeStatus(client, set, planStatus(set, pods, [], { current: currentRevision, update: updateRevision, collisionCount }, clock.now()).status);
    return;
  }
  const history = await ownHistory(client, set, caches);
  const { revisions } = history;
  const plan = planStatefulSet({ set, pods, claim: (name) => caches.claims.get(`${set.metadata.namespace}/${name}`), revisions, now: clock.now() });
  for (const { verb, pod, message } of plan.obstacles) events.event(set, 'Warning', FAILED[verb], `${verb} Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${message}`);
  const failure = await carryOut(context, history, plan);
  await writeStatus(client, set, plan.status);
  await truncate(client, set, pods, history.all, [revisions.current, revisions.update, plan.status.currentRevision ?? '']);
  if (failure !== undefined) throw failure.error;
  return plan.againAfterMs === undefined ? undefined : { againAfterMs: plan.againAfterMs };
}

/** The pods of the set: they have its labels, its name and a number. */
function ownPods(client: Client, set: StatefulSet, { pods }: Caches): Promise<readonly Pod[]> {
  const { namespace = '', uid = '' } = set.metadata;
  const candidates = [...pods.byIndex(CONTROLLER_INDEX, uid), ...pods.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
  const plan = planClaim(set, selectorOf(set), candidates, (pod) => ordinalOf(set, pod) !== undefined);
  return claim(client, { owner: StatefulSet, object: Pod }, set, plan);
}

interface History extends Making {
  /** All revisions there were before this pass. */
  readonly all: readonly ControllerRevision[];
}

async function ownHistory(client: Client, set: StatefulSet, { revisions }: Caches): Promise<History> {
  const all = await claimRevisions(client, StatefulSet, set, revisions);
  const collisions = set.status?.collisionCount ?? 0;
  const plan = planHistory(set, STYLE, all, collisions);
  const { current: update, collisionCount } = await keepHistory(client, set, STYLE, plan, collisions);
  const current = all.find((one) => nameOf(one) === set.status?.currentRevision) ?? update;
  const names: Revisions = { current: nameOf(current), update: nameOf(update), collisionCount };
  return { set, all: [...plan.old, ...plan.duplicates], revisions: names, as: (which) => revertTo(StatefulSet, set, which === 'current' ? current : update) };
}

async function truncate(client: Client, set: StatefulSet, pods: readonly Pod[], all: readonly ControllerRevision[], inUse: readonly string[]): Promise<void> {
  const live = new Set([...inUse, ...pods.map(revisionOf)]);
  const isLive = (revision: ControllerRevision): boolean => live.has(nameOf(revision));
  const limit = set.spec.revisionHistoryLimit ?? 10;
  // A negative limit keeps all.
  if (limit >= 0) await forgetRevisions(client, planTruncation(all, isLive, all.filter((one) => !isLive(one)).length - limit));
}

async function writeStatus(client: Client, set: StatefulSet, status: NonNullable<StatefulSet['status']>): Promise<void> {
  if (!equalJson(status, set.status)) await goneIsFine(client.kind(StatefulSet).updateStatus({ ...set, status }));
}
