import { type DaemonSet, type DaemonSetStatus, type Pod, scaledIntOrPercent } from '@orrery/core';
import type { NodeLedger } from './ledger.js';
import { type Removal, surgeOf } from './node-state.js';

/** Most pods made, and most removed, in one pass (BurstReplicas). */
export const BURST = 250;

/** Everything one pass wants done. */
export interface DaemonSetPlan {
  /** Nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Removal[];
  /** Pods that go so that new ones can take their place. */
  readonly replace: readonly Pod[];
}

/**
 * One pass over a set: pods where they are missing, none where they should not be (manage), and when there is nothing of that kind to do, the next
 * step of a rolling update (rollingUpdate). It looks at the nodes where something can be done, not at all of them. Pure.
 */
export function planDaemonSet(set: DaemonSet, ledger: NodeLedger): DaemonSetPlan {
  const { groups } = ledger;
  const create = first(groups.needs, BURST);
  const remove: Removal[] = [];
  for (const name of groups.removals) {
    if (remove.length >= BURST) break;
    remove.push(...(ledger.get(name)?.removals ?? []));
  }
  const idle = create.length === 0 && remove.length === 0;
  if (!idle || set.spec.updateStrategy?.type === 'OnDelete') return { create, remove: remove.slice(0, BURST), replace: [] };
  const surge = surgeOf(set, ledger.totals.desired);
  return surge === 0 ? planReplacement(set, ledger) : planSurge(ledger, surge);
}

/**
 * Without surge old pods go, and new ones follow: those that are not available at once, of the others as many as may be down.
 */
function planReplacement(set: DaemonSet, ledger: NodeLedger): DaemonSetPlan {
  const { totals, groups } = ledger;
  const allowed = unavailableOf(set, totals.desired);
  const replaced = first(groups.oldDown, BURST);
  const candidates = new Set([...first(groups.oldUp, BURST), ...first(groups.oldUnwanted, BURST)]);
  replaced.push(...first(candidates, Math.min(BURST - replaced.length, Math.max(0, allowed - totals.down))));
  return { create: [], remove: [], replace: replaced.flatMap((name) => oldPod(ledger, name)) };
}

/** With surge new pods come, and old ones follow: where the old one is not available at once, elsewhere as many as may be there twice. */
function planSurge(ledger: NodeLedger, surge: number): DaemonSetPlan {
  const { totals, groups } = ledger;
  const wanted = (name: string): boolean => ledger.get(name)?.desired === true;
  const down = first(groups.oldDown, BURST);
  const create = down.filter(wanted);
  create.push(...first(groups.oldUp, Math.min(BURST - create.length, Math.max(0, surge - totals.surging))));
  const gone = [...down.filter((name) => !wanted(name)), ...first(groups.replaced, BURST)];
  // Where none should be any more one goes only when enough others serve.
  gone.push(...first(groups.oldUnwanted, Math.max(0, totals.serving - totals.desired)));
  return { create, remove: [], replace: gone.slice(0, BURST).flatMap((name) => oldPod(ledger, name)) };
}

/** On how many nodes pods may be down. A strategy that allows nothing at all allows one. */
function unavailableOf({ spec: { updateStrategy } }: DaemonSet, desired: number): number {
  const allowed = scaledIntOrPercent(updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, true) ?? 1;
  return desired > 0 ? Math.max(1, allowed) : allowed;
}

function oldPod(ledger: NodeLedger, name: string): Pod[] {
  const roll = ledger.get(name)?.roll;
  return roll !== undefined && 'old' in roll ? [roll.old] : [];
}

function first(names: Iterable<string>, count: number): string[] {
  const taken: string[] = [];
  for (const name of names) {
    if (taken.length >= count) break;
    taken.push(name);
  }
  return taken;
}

/** The counts of a status (updateDaemonSetStatus). Pure. */
export function daemonSetStatus(set: DaemonSet, { totals }: Pick<NodeLedger, 'totals'>, collisionCount: number): DaemonSetStatus {
  const { desired, scheduled, misscheduled, ready, available, updated } = totals;
  const collisions = collisionCount > 0 || set.status?.collisionCount !== undefined;
  return {
    currentNumberScheduled: scheduled,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
    ...(desired > available && { numberUnavailable: desired - available }),
    ...(collisions && { collisionCount }),
    ...(set.status?.conditions !== undefined && { conditions: set.status.conditions }),
  };
}
