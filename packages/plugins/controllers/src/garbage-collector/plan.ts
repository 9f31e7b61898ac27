import type { OwnerReference, PropagationPolicy } from '@orrery/core';
import { awaitsDependents, awaitsOrphaning, FOREGROUND, type Item, ORPHAN, type Owner } from './graph.js';

/** What is known about one object. */
export interface CollectView {
  readonly item: Item;
  owner(reference: OwnerReference): Owner;
  readonly dependents: readonly Item[];
}

/** What is to be done about it. `wake` names objects to look at next. */
export type CollectPlan =
  | { readonly action: 'nothing' }
  /** Take these references away: their owners are gone or going, another remains. */
  | { readonly action: 'release'; readonly uids: readonly string[] }
  /** Let go of the dependents, then of the object. */
  | { readonly action: 'orphan'; readonly dependents: readonly Item[] }
  /** The last thing that held it is gone. */
  | { readonly action: 'drop finalizer'; readonly finalizer: string }
  | { readonly action: 'wait'; readonly wake: readonly Item[] }
  | { readonly action: 'delete'; readonly policy: PropagationPolicy; /** Owners no longer wait for it: they wait for each other. */ readonly unblock: boolean };

/**
 * Decides about one object as the garbage collector of kube-controller-manager does (attemptToDeleteItem, processDeletingDependentsItem, orphanDependents).
 * An owner of a kind nobody follows counts as there: nothing is ever deleted on a guess. Pure.
 */
export function planCollect(view: CollectView): CollectPlan {
  const { object } = view.item;
  if (awaitsOrphaning(object)) {
    const dependents = view.dependents.filter((dependent) => isOwnedBy(dependent, object.metadata.uid));
    return dependents.length > 0 ? { action: 'orphan', dependents } : { action: 'drop finalizer', finalizer: ORPHAN };
  }
  if (awaitsDependents(object)) return planForeground(view);
  if (object.metadata.deletionTimestamp !== undefined) return { action: 'nothing' };
  return planByOwners(view);
}

const isOwnedBy = ({ object }: Item, uid: string | undefined): boolean => object.metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;

function planForeground({ item, dependents }: CollectView): CollectPlan {
  const { uid } = item.object.metadata;
  const blocking = dependents.some(({ object }) => object.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true));
  if (!blocking) return { action: 'drop finalizer', finalizer: FOREGROUND };
  return { action: 'wait', wake: dependents.filter(({ object }) => !awaitsDependents(object)) };
}

function planByOwners({ item, owner, dependents }: CollectView): CollectPlan {
  const references = item.object.metadata.ownerReferences ?? [];
  if (references.length === 0) return { action: 'nothing' };
  const [solid, dangling, waiting]: [string[], string[], string[]] = [[], [], []];
  for (const reference of references) {
    const found = owner(reference);
    if (found === 'absent') dangling.push(reference.uid);
    else if (found !== 'unknown kind' && awaitsDependents(found.object)) waiting.push(reference.uid);
    else solid.push(reference.uid);
  }
  const gone = [...dangling, ...waiting];
  if (solid.length > 0) return gone.length > 0 ? { action: 'release', uids: gone } : { action: 'nothing' };
  if (waiting.length > 0 && dependents.length > 0) {
    // A dependent that waits for its own dependents may be waiting for this one: somebody in the circle must stop waiting.
    return { action: 'delete', policy: 'Foreground', unblock: dependents.some(({ object }) => awaitsDependents(object)) };
  }
  const finalizers = item.object.metadata.finalizers ?? [];
  const policy = finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background';
  return { action: 'delete', policy, unblock: false };
}
