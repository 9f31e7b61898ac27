import { type DaemonSet, type Node, type Pod, scaledIntOrPercent } from '@orrery/core';
import { availableFrom, isPodAvailable, isPodReady, isPodTerminal } from '../shared/pods.js';
import { daemonPlacement } from './placement.js';
import { bySeniority, isUpdated } from './pods.js';

/** The set, and what counts as new and as late, when a node is judged. `now` in milliseconds since the epoch. */
export interface Measure {
  readonly set: DaemonSet;
  /** The hash on pods of the present template. */
  readonly hash: string;
  readonly now: number;
  /** Until when failed pods on a node are left alone; 0 when they need not be. */
  pausedUntil(node: string): number;
}

/** A pod that has to go. */
export interface Removal {
  readonly pod: Pod;
  readonly node: string;
  /** It failed or ended; it is one too many; or it has no business there. */
  readonly why: 'failed' | 'succeeded' | 'extra' | 'unwanted';
}

/**
 * Where a node stands in an update. `crowded`: several pods of one revision. `empty`: none that stays. `new` and `old`: one of that revision.
 * `both`: one of each.
 */
export type RollState =
  | { readonly stage: 'crowded' | 'empty' }
  | { readonly stage: 'new'; readonly available: boolean }
  | { readonly stage: 'old'; readonly old: Pod; readonly available: boolean }
  | { readonly stage: 'both'; readonly old: Pod; readonly available: boolean; readonly newAvailable: boolean };

/** Everything about one node that a DaemonSet cares for. */
export interface NodeState {
  /** A pod should be there. */
  readonly desired: boolean;
  /** One has to be made. */
  readonly needs: boolean;
  readonly removals: readonly Removal[];
  readonly scheduled: boolean;
  readonly ready: boolean;
  readonly available: boolean;
  readonly updated: boolean;
  /** Undefined: the node takes no part in updates, as it does not exist. */
  readonly roll?: RollState;
  /** When the node is to be judged again though nothing changes; milliseconds since the epoch, or Infinity. */
  readonly dueAt: number;
}

/** Whether a set's strategy makes the new pod before the old one goes (AllowsSurge). */
export const allowsSurge = (set: DaemonSet): boolean => surgeOf(set, 1) > 0;

/** The most nodes with two pods during an update. */
export function surgeOf({ spec: { updateStrategy } }: DaemonSet, nodes: number): number {
  return updateStrategy?.type === 'OnDelete' ? 0 : (scaledIntOrPercent(updateStrategy?.rollingUpdate?.maxSurge ?? 0, nodes, true) ?? 0);
}

/** Judges a node by its own facts and its pods, those of the set that are for it (podsShouldBeOnNode, updateDaemonSetStatus). Undefined: nothing is there and nothing should be. Pure. */
export function judgeNode(measure: Measure, name: string, node: Node | undefined, all: readonly Pod[]): NodeState | undefined {
  // One that ended and is being deleted is somebody else's business: a finalizer's, or the kubelet's.
  const pods = all.filter((pod) => !(isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined));
  if (node === undefined) return pods.length === 0 ? undefined : onMissingNode(name, pods);
  const { shouldRun, shouldContinueRunning } = daemonPlacement(measure.set.spec.template, node);
  if (!shouldRun && pods.length === 0) return undefined;
  const { needs, removals, pausedUntil } = shouldContinueRunning
    ? manage(measure, name, pods, shouldRun)
    : { needs: false, removals: staying(pods).map((pod): Removal => ({ pod, node: name, why: 'unwanted' })), pausedUntil: Infinity };
  const { set, hash, now } = measure;
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const first = pods.toSorted(bySeniority)[0];
  const counted = shouldRun ? first : undefined;
  const maturing = pods.filter((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, now)).map((pod) => availableFrom(pod, minReadySeconds) ?? Infinity);
  return {
    desired: shouldRun,
    needs,
    removals,
    scheduled: pods.length > 0,
    ready: counted !== undefined && isPodReady(counted),
    available: counted !== undefined && isPodAvailable(counted, minReadySeconds, now),
    updated: counted !== undefined && isUpdated(counted, hash),
    roll: rollState(measure, pods),
    dueAt: Math.min(pausedUntil, ...maturing),
  };
}

const staying = (pods: readonly Pod[]): Pod[] => pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);

/** Pods on a node that is gone: those that were never bound nobody else collects (getUnscheduledPodsWithoutNode). */
function onMissingNode(name: string, pods: readonly Pod[]): NodeState {
  const homeless = staying(pods).filter(({ spec }) => (spec.nodeName ?? '') === '');
  const removals = homeless.map((pod): Removal => ({ pod, node: name, why: 'unwanted' }));
  return { desired: false, needs: false, removals, scheduled: false, ready: false, available: false, updated: false, dueAt: Infinity };
}

interface Managed {
  readonly needs: boolean;
  readonly removals: readonly Removal[];
  readonly pausedUntil: number;
}

/** A node where pods may stay: those that ended go, failed ones not too often, and of several all but the right ones. */
function manage(measure: Measure, name: string, pods: readonly Pod[], shouldRun: boolean): Managed {
  if (pods.length === 0) return { needs: shouldRun, removals: [], pausedUntil: Infinity };
  const removals: Removal[] = [];
  let pausedUntil = Infinity;
  const live = staying(pods);
  for (const pod of live) {
    if (pod.status?.phase === 'Succeeded') removals.push({ pod, node: name, why: 'succeeded' });
    if (pod.status?.phase !== 'Failed') continue;
    const pause = measure.pausedUntil(name);
    // The first that goes begins a pause for the others.
    if (pause === 0 && !removals.some(({ why }) => why === 'failed')) removals.push({ pod, node: name, why: 'failed' });
    else if (pause > 0) pausedUntil = pause;
  }
  const running = live.filter((pod) => !isPodTerminal(pod)).toSorted(bySeniority);
  const surges = allowsSurge(measure.set);
  const extra = surges ? superfluousInSurge(measure, running) : running.slice(1);
  removals.push(...extra.map((pod): Removal => ({ pod, node: name, why: 'extra' })));
  return { needs: surges && shouldRun && running.length === 0, removals, pausedUntil };
}

/**
 * With surge two may be there: a new one that is not available, and an old one that is ready. Of several of one kind an available one stays, else the
 * oldest (Kubernetes keeps the oldest in any case, and then may be down). `running` in order of seniority.
 */
function superfluousInSurge({ set, hash, now }: Measure, running: readonly Pod[]): readonly Pod[] {
  if (running.length <= 1) return [];
  const available = (pod: Pod): boolean => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  const best = (pods: readonly Pod[]): Pod | undefined => pods.find(available) ?? pods[0];
  const fresh = best(running.filter((pod) => isUpdated(pod, hash)));
  const old = best(running.filter((pod) => !isUpdated(pod, hash)));
  const replaced = fresh !== undefined && old !== undefined && (!isPodReady(old) || available(fresh));
  return running.filter((pod) => (pod !== fresh && pod !== old) || (pod === old && replaced));
}

/** The pods of each revision that stay (findUpdatedPodsOnNode). */
function rollState({ set, hash, now }: Measure, pods: readonly Pod[]): RollState {
  const live = staying(pods);
  const [fresh, ...moreFresh] = live.filter((pod) => isUpdated(pod, hash));
  const [old, ...moreOld] = live.filter((pod) => !isUpdated(pod, hash));
  if (moreFresh.length + moreOld.length > 0) return { stage: 'crowded' };
  const available = (pod: Pod): boolean => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  if (old === undefined) return fresh === undefined ? { stage: 'empty' } : { stage: 'new', available: available(fresh) };
  return fresh === undefined ? { stage: 'old', old, available: available(old) } : { stage: 'both', old, available: available(old), newAvailable: available(fresh) };
}
