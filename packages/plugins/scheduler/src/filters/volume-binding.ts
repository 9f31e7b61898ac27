import {
  type ClusterSnapshot, type FilterPlugin, type Labels, type NodeInfo, PASS, type PersistentVolume, type PersistentVolumeClaim, type RetryWhen, type StorageClass, type Verdict, isVolumeFor, reachesVolume, volumesFor,
} from '@orrery/core';
import { claimsOf, claimsState, isBound, isDelayed } from '../volumes/pod-claims.js';
import { firstFree, promised } from '../volumes/promised.js';
import { STORAGE, type Volumes } from '../volumes/volumes.js';

const refusal = (reasons: readonly string[], retryWhen: RetryWhen) => ({ ok: false, reasons, retryWhen, unresolvable: true }) as const satisfies Verdict;
const OUT_OF_REACH = "node(s) didn't match PersistentVolume's node affinity";
const NONE_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const GONE = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

/** A claim whose volume is found or made where its first pod goes. */
interface DelayedClaim {
  readonly storageClass: StorageClass | undefined;
  /** Volumes that are there for it, the best first. */
  readonly candidates: readonly PersistentVolume[];
  /** The first of them was made or reserved for it: it gets no other. */
  readonly reserved: boolean;
  /** Its volume is being made for this node. */
  readonly selectedNode: string | undefined;
  /** The nodes of other pods that use it. */
  readonly usedOn: ReadonlySet<string> | undefined;
}

interface BindingState {
  readonly bound: readonly PersistentVolume[];
  /** A claim is bound to a volume that is not there. */
  readonly gone: boolean;
  readonly delayed: readonly DelayedClaim[];
  /** Volumes that claims of other pods will get. */
  readonly taken: ReadonlySet<string>;
}

/**
 * Holds pods to nodes that reach the volumes of their claims, and finds out for claims that wait for their first pod where a volume is free or can be
 * made (plugins/volumebinding). The binder binds after the pod has been placed; until then the claims of placed pods keep their node, and the
 * volumes they will get. Where a class can make volumes is said by its `allowedTopologies`.
 */
export const volumeBinding = (volumes: Volumes): FilterPlugin<BindingState> => ({
  name: 'VolumeBinding',
  clusterWide: true,
  outside: volumes,
  signature(pod) {
    const uses = claimsOf(pod);
    if (uses.length === 0) return '';
    const state = claimsState(pod, uses, volumes);
    if (state.refused !== undefined) return state.refused;
    // Which volume a claim gets depends on all other claims and volumes.
    if (state.delayed.length > 0) return JSON.stringify([volumes.version, uses.map(({ key }) => key)]);
    return JSON.stringify([...new Set(state.bound.map(({ spec }) => reachText(volumes.volume(spec.volumeName ?? ''))))].sort());
  },
  preFilter(pod, snapshot) {
    const uses = claimsOf(pod);
    if (uses.length === 0) return { skip: true };
    const state = claimsState(pod, uses, volumes);
    if (state.refused !== undefined) return refusal([state.refused], 'other-changes');
    const bound = state.bound.map(({ spec }) => volumes.volume(spec.volumeName ?? ''));
    const there = bound.filter((volume) => volume !== undefined);
    const gone = there.length < bound.length;
    if (state.delayed.length === 0 && !gone && there.every(({ spec }) => spec.nodeAffinity?.required === undefined)) return { skip: true };
    return { state: { bound: there, gone, ...delayedState(state.delayed, snapshot, volumes) } };
  },
  filter(_pod, info, { bound, gone, delayed, taken }) {
    const reasons: string[] = [];
    if (!bound.every((volume) => reachesVolume(info.node, volume))) reasons.push(OUT_OF_REACH);
    const elsewhere = delayed.some(({ usedOn }) => usedOn !== undefined && !usedOn.has(info.name));
    if (elsewhere || !canBind(delayed, info, taken)) reasons.push(NONE_TO_BIND);
    if (gone) reasons.push(GONE);
    if (reasons.length === 0) return PASS;
    return refusal(reasons, elsewhere || taken.size > 0 ? 'pod-changes' : gone ? 'other-changes' : 'node-changes');
  },
  update(_pod, state, other) {
    if (state === undefined || state.delayed.length === 0) return true;
    return !claimsOf(other).some(({ key }) => {
      const claim = volumes.claim(key);
      return claim !== undefined && !isBound(claim) && isDelayed(claim, volumes);
    });
  },
});

/** Which nodes reach a volume, as text. */
const reachText = (volume: PersistentVolume | undefined): string => (volume === undefined ? 'gone' : JSON.stringify(volume.spec.nodeAffinity?.required ?? null));

function delayedState(claims: readonly PersistentVolumeClaim[], snapshot: ClusterSnapshot, volumes: Volumes): Pick<BindingState, 'delayed' | 'taken'> {
  if (claims.length === 0) return { delayed: [], taken: new Set() };
  const keyed = claims.map((claim) => ({ claim, key: `${claim.metadata.namespace}/${claim.metadata.name}` }));
  const { nodesOf, taken } = promised(new Set(keyed.map(({ key }) => key)), snapshot, volumes);
  const delayed = keyed.map(({ claim, key }): DelayedClaim => {
    const className = claim.spec.storageClassName ?? '';
    const candidates = volumesFor(claim, volumes.volumesOf(className));
    const selected = claim.metadata.annotations?.[STORAGE.selectedNode];
    return {
      storageClass: volumes.storageClass(className),
      candidates,
      reserved: candidates[0] !== undefined && isVolumeFor(candidates[0], claim),
      // A node that is gone makes nothing any more: the claim may be asked for elsewhere.
      selectedNode: selected !== undefined && snapshot.node(selected) !== undefined ? selected : undefined,
      usedOn: nodesOf.get(key),
    };
  });
  return { delayed, taken };
}

/** Whether every claim gets a volume when the pod goes to this node: one that is there, or else one that is made. */
function canBind(claims: readonly DelayedClaim[], info: NodeInfo, others: ReadonlySet<string>): boolean {
  const taken = new Set(others);
  return claims.every(({ storageClass, candidates, reserved, selectedNode }) => {
    if (selectedNode !== undefined && selectedNode !== info.name) return false;
    const volume = firstFree(candidates, info, taken);
    if (volume === undefined) return !reserved && canProvision(storageClass, info);
    taken.add(volume.metadata.name ?? '');
    return true;
  });
}

/** Whether volumes of a class can be made for a node (checkVolumeProvisions). */
function canProvision(storageClass: StorageClass | undefined, { node }: NodeInfo): boolean {
  if (storageClass === undefined || storageClass.provisioner === '' || storageClass.provisioner === STORAGE.noProvisioner) return false;
  return matchesTopology(storageClass, node.metadata.labels ?? {});
}

/** Whether labels fit one of a class's allowed topologies; all do if it names none (MatchTopologySelectorTerms). */
function matchesTopology({ allowedTopologies = [] }: StorageClass, labels: Labels): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(
    ({ matchLabelExpressions = [] }) => matchLabelExpressions.length > 0 && matchLabelExpressions.every(({ key, values = [] }) => Object.hasOwn(labels, key) && values.includes(labels[key] as string)),
  );
}
