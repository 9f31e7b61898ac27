import { type OwnerReference, type PersistentVolumeClaim, type Pod, scaledIntOrPercent, type StatefulSet, type StatefulSetStatus } from '@orrery/core';
import { isPodTerminal } from '../shared/pods.js';
import { claimsOf, type ClaimUser, correctedOwners, isForeign, isStale } from './claims.js';
import { inRange, missingIdentity, mountsItsClaims, ordinalOf, podName, replicasOf, revisionOf, startOf } from './identity.js';
import { isUsable, planStatus, type Revisions } from './status.js';

/** What a pass decides from. `now` in milliseconds since the epoch. */
export interface StatefulSetView {
  readonly set: StatefulSet;
  /** The set's own pods, whatever became of them. */
  readonly pods: readonly Pod[];
  /** The claim of that name in the set's namespace. */
  claim(name: string): PersistentVolumeClaim | undefined;
  readonly revisions: Revisions;
  readonly now: number;
}

/** Most pods that are worked on in one stage (MaxBatchSize). */
const BURST = 500;

/** One thing to do. */
export type Step =
  | { readonly do: 'createClaim'; readonly pod: string; readonly claim: PersistentVolumeClaim }
  | { readonly do: 'ownClaim'; readonly claim: PersistentVolumeClaim; readonly owners: readonly OwnerReference[]; readonly contested: boolean }
  | { readonly do: 'createPod'; readonly ordinal: number; readonly revision: 'current' | 'update' }
  | { readonly do: 'labelPod'; readonly pod: Pod; readonly labels: Readonly<Record<string, string>> }
  | { readonly do: 'deletePod'; readonly pod: Pod };

/** What is to be done about one pod, in this order. */
export type PodSteps = readonly Step[];

/** Why a pod can be neither made nor mended now. */
export interface Obstacle {
  readonly verb: 'create' | 'update';
  readonly pod: string;
  readonly message: string;
}

/** Everything one pass wants done: stage after stage; within a stage the pods in turn, or together when the set is managed in parallel. */
export interface StatefulSetPlan {
  readonly stages: readonly (readonly PodSteps[])[];
  readonly together: boolean;
  readonly obstacles: readonly Obstacle[];
  readonly status: StatefulSetStatus;
  /** Look again then, though nothing changes. */
  readonly againAfterMs?: number;
}

/**
 * One pass over a set, as StatefulSetControl.updateStatefulSet makes it. In order (OrderedReady) it changes one pod and waits until that has run its
 * course: a pod is made when all before it are available, and the last one goes when all others are. In parallel it waits for nobody but for updates.
 * Pure.
 */
export function planStatefulSet(view: StatefulSetView): StatefulSetPlan {
  const { set, pods, revisions, now } = view;
  const together = set.spec.podManagementPolicy === 'Parallel';
  const obstacles: Obstacle[] = [];
  const stages: (readonly PodSteps[])[] = [];
  const leaving: Pod[] = [];
  if (set.metadata.deletionTimestamp === undefined) {
    const { wanted, condemned } = sorted(set, pods);
    const replicas = planReplicas(view, wanted, obstacles);
    stages.push(replicas.steps);
    if (!replicas.waits) {
      const scaled = planCondemned(view, condemned);
      stages.push(...scaled.stages);
      if (!scaled.waits) {
        leaving.push(...planUpdate(view, wanted));
        stages.push(leaving.map((pod) => [{ do: 'deletePod', pod }]));
      }
    }
  }
  return { stages: stages.filter((stage) => stage.length > 0), together, obstacles, ...planStatus(set, pods, leaving, revisions, now) };
}

interface Sorted {
  /** By place, that is the ordinal without the first one. */
  readonly wanted: ReadonlyMap<number, Pod>;
  /** Those beyond the wanted ones, the last first. */
  readonly condemned: readonly Pod[];
}

function sorted(set: StatefulSet, pods: readonly Pod[]): Sorted {
  const wanted = new Map<number, Pod>();
  const condemned: Pod[] = [];
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal === undefined) continue;
    if (inRange(set, ordinal)) wanted.set(ordinal - startOf(set), pod);
    else condemned.push(pod);
  }
  return { wanted, condemned: condemned.toSorted((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0)) };
}

interface ReplicaStage {
  readonly steps: readonly PodSteps[];
  /** Nothing else may happen before this has run its course. */
  readonly waits: boolean;
}

function planReplicas(view: StatefulSetView, wanted: ReadonlyMap<number, Pod>, obstacles: Obstacle[]): ReplicaStage {
  const ordered = view.set.spec.podManagementPolicy !== 'Parallel';
  const steps: PodSteps[] = [];
  let idle = 0;
  for (let place = 0; place < replicasOf(view.set); place += 1) {
    const ordinal = startOf(view.set) + place;
    const pod = wanted.get(place);
    const { steps: own, settled } = pod === undefined ? planCreation(view, ordinal, obstacles) : planReplica(view, ordinal, pod, obstacles);
    if (own.length > 0) steps.push(own);
    else if (pod === undefined) idle += 1;
    // However many are wanted, a pass makes a bounded number of plans.
    if ((ordered && !settled) || steps.length >= BURST || idle >= BURST) return { steps, waits: true };
  }
  return { steps, waits: false };
}

interface Replica {
  readonly steps: PodSteps;
  /** It is as it should be, and available; or becomes so by these steps. */
  readonly settled: boolean;
}

const WAIT: Replica = { steps: [], settled: false };

function planCreation(view: StatefulSetView, ordinal: number, obstacles: Obstacle[]): Replica {
  const { set } = view;
  const user: ClaimUser = { name: podName(set, ordinal), uid: undefined, ordinal };
  const claims = claimsOf(set, ordinal);
  for (const { metadata } of claims) {
    const claim = view.claim(metadata.name ?? '');
    if (claim === undefined) continue;
    if (isStale(set, user, claim)) return WAIT;
    if (claim.metadata.deletionTimestamp !== undefined) {
      obstacles.push({ verb: 'create', pod: user.name, message: `pvc ${metadata.name} is being deleted` });
      return WAIT;
    }
  }
  return { steps: [...claimSteps(view, user, claims), { do: 'createPod', ordinal, revision: revisionFor(set, ordinal) }], settled: false };
}

function planReplica(view: StatefulSetView, ordinal: number, pod: Pod, obstacles: Obstacle[]): Replica {
  const { set, now } = view;
  const leaves = pod.metadata.deletionTimestamp !== undefined;
  // One that ended, however it ended, is made anew once it is gone.
  if (isPodTerminal(pod)) return { steps: leaves ? [] : [{ do: 'deletePod', pod }], settled: false };
  const ordered = set.spec.podManagementPolicy !== 'Parallel';
  const user: ClaimUser = { name: podName(set, ordinal), uid: pod.metadata.uid, ordinal };
  const pending = pod.status?.phase === 'Pending' && !leaves;
  const made = pending ? claimSteps(view, user, claimsOf(set, ordinal)) : [];
  if (ordered && !isUsable(set, pod, now)) return { steps: made, settled: false };
  if (leaves) return WAIT;
  if (!mountsItsClaims(set, ordinal, pod)) {
    obstacles.push({ verb: 'update', pod: user.name, message: 'its volumes are not the claims of its ordinal, and volumes of a pod cannot be changed' });
    return { steps: made, settled: false };
  }
  const labels = missingIdentity(set, ordinal, pod);
  return { steps: [...made, ...ownerSteps(view, user), ...(labels === undefined ? [] : [{ do: 'labelPod', pod, labels } as const])], settled: true };
}

/** Makes the claims that are missing. */
function claimSteps({ claim }: StatefulSetView, user: ClaimUser, claims: readonly PersistentVolumeClaim[]): Step[] {
  return claims.filter(({ metadata }) => claim(metadata.name ?? '') === undefined).map((one) => ({ do: 'createClaim', pod: user.name, claim: one }));
}

/** Gives the claims of a pod the owners that the retention policy asks for. */
function ownerSteps({ set, claim }: StatefulSetView, user: ClaimUser): Step[] {
  const steps: Step[] = [];
  for (const { metadata } of claimsOf(set, user.ordinal)) {
    const present = claim(metadata.name ?? '');
    if (present === undefined) continue;
    const owners = correctedOwners(set, user, present);
    if (owners !== undefined) steps.push({ do: 'ownClaim', claim: present, owners, contested: isForeign(set, user, present) });
  }
  return steps;
}

interface Scaled {
  readonly stages: readonly (readonly PodSteps[])[];
  readonly waits: boolean;
}

/** Scaling down: the last first, and in order only while the others are well, but for the one that is not well itself (processCondemned). */
function planCondemned(view: StatefulSetView, condemned: readonly Pod[]): Scaled {
  const { set, now } = view;
  const owned = condemned.map((pod) => ownerSteps(view, { name: pod.metadata.name ?? '', uid: pod.metadata.uid, ordinal: ordinalOf(set, pod) ?? 0 })).filter((steps) => steps.length > 0);
  const leaving = condemned.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map((pod): PodSteps => [{ do: 'deletePod', pod }]);
  if (set.spec.podManagementPolicy === 'Parallel') return { stages: [owned, leaving], waits: false };
  const last = condemned[0];
  if (last === undefined) return { stages: [], waits: false };
  // One that ended never gets well, as nobody makes it anew: it holds nobody up, and goes (Kubernetes waits for ever if there are two of them).
  const unwell = condemned.findLast((pod) => !isPodTerminal(pod) && !isUsable(set, pod, now));
  const goes = last.metadata.deletionTimestamp === undefined && (isPodTerminal(last) || unwell === last || isUsable(set, last, now));
  return { stages: [owned, goes ? [[{ do: 'deletePod', pod: last }]] : []], waits: true };
}

/** The pods that a rolling update takes away now: the last first, those below the partition never. */
function planUpdate({ set, revisions, now }: StatefulSetView, wanted: ReadonlyMap<number, Pod>): readonly Pod[] {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const replicas = replicasOf(set);
  const partition = rollingUpdate?.partition ?? 0;
  const usable = (pod: Pod): boolean => isUsable(set, pod, now);
  const isOld = (pod: Pod): boolean => pod.metadata.deletionTimestamp === undefined && !isPodTerminal(pod) && revisionOf(pod) !== revisions.update;
  if (rollingUpdate?.maxUnavailable === undefined) {
    // One after the other: the first that is not new goes, unless one before it is not well yet.
    for (let place = replicas - 1; place >= partition; place -= 1) {
      const pod = wanted.get(place);
      if (pod === undefined) return [];
      if (isOld(pod)) return [pod];
      if (!usable(pod)) return [];
    }
    return [];
  }
  const allowed = Math.max(1, scaledIntOrPercent(rollingUpdate.maxUnavailable, replicas, false) ?? 1);
  let budget = allowed - (replicas - [...wanted.values()].filter(usable).length);
  const old = [...wanted].filter(([place, pod]) => place >= partition && isOld(pod)).toSorted(([a], [b]) => b - a);
  // To take away what is not available costs nothing; without that, pods broken by the old revision would hold up the one that mends them.
  return old.filter(([, pod]) => !usable(pod) || (budget -= 1) >= 0).map(([, pod]) => pod);
}

/** Which revision a missing pod is made from (newVersionedStatefulSetPod). */
function revisionFor(set: StatefulSet, ordinal: number): 'current' | 'update' {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type === 'OnDelete') return 'update';
  const untouched = rollingUpdate === undefined ? (set.status?.currentReplicas ?? 0) : (rollingUpdate.partition ?? 0);
  return ordinal < startOf(set) + untouched ? 'current' : 'update';
}
