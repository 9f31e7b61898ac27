import { ApiError, type Client, controllerOf, ControllerRevision, type KindDefinition, type LabelSelector, type Lister, type ObjectRef } from '@orrery/core';
import { claim, goneIsFine, planClaim } from '../shared/claim.js';
import { CONTROLLER_INDEX, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import type { HistoryPlan } from './plan.js';
import { nameOf, newRevision, type RevisionStyle, sameRevision, type Versioned } from './revisions.js';

/** The present revision as stored, and the count of collisions its name took. */
export interface KeptRevision {
  readonly current: ControllerRevision;
  readonly collisionCount: number;
}

const refOf = (revision: ControllerRevision): ObjectRef => ({ namespace: revision.metadata.namespace, name: nameOf(revision) });

/**
 * Carries out what a history plan says of the present revision. A name that is taken by another state, or by another owner, is avoided by
 * counting the collision into the hash (CreateControllerRevision).
 */
export async function keepHistory(client: Client, owner: Versioned, style: RevisionStyle, plan: HistoryPlan, collisionCount: number): Promise<KeptRevision> {
  const verbs = client.kind(ControllerRevision);
  if (plan.act === 'keep') return { current: plan.current, collisionCount };
  if (plan.act === 'renumber') return { current: await verbs.update(plan.current), collisionCount };
  for (let collisions = collisionCount; ; collisions += 1) {
    const wanted = newRevision(owner, style, plan.current.revision, collisions);
    try {
      return { current: await verbs.create(wanted), collisionCount: collisions };
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const taken = await verbs.find(refOf(wanted));
      // Gone again, or ours after all: the next look at the owner sees it.
      if (taken === undefined) throw error;
      if (sameRevision(taken, wanted) && controllerOf(taken)?.uid === owner.metadata.uid) return { current: taken, collisionCount: collisions };
    }
  }
}

/** The revisions of an owner, with those that it takes over. `revisions` has the index `CONTROLLER_INDEX`. */
export function claimRevisions<O extends Versioned & { readonly spec: { readonly selector: LabelSelector | undefined } }>(
  client: Client,
  kind: KindDefinition<O>,
  owner: O,
  revisions: Lister<ControllerRevision>,
): Promise<readonly ControllerRevision[]> {
  const { namespace = '', uid = '' } = owner.metadata;
  const candidates = [...revisions.byIndex(CONTROLLER_INDEX, uid), ...revisions.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
  return claim(client, { owner: kind, object: ControllerRevision }, owner, planClaim(owner, selectorOf(owner), candidates));
}

/** Deletes revisions. */
export async function forgetRevisions(client: Client, revisions: readonly ControllerRevision[]): Promise<void> {
  const verbs = client.kind(ControllerRevision);
  for (const revision of revisions) await goneIsFine(verbs.delete(refOf(revision), { preconditions: { uid: revision.metadata.uid ?? '' } }));
}
