import {
  ApiError,
  controllerOf,
  type Client,
  type KindDefinition,
  type KubeObject,
  type LabelMatcher,
  type ObjectRef,
  type OwnerReference,
} from '@orrery/core';

/** What is to happen to the objects a controller may own. */
export interface ClaimPlan<T extends KubeObject> {
  /** Owned and matching. */
  readonly keep: readonly T[];
  /** Without a controller and matching: to be adopted. */
  readonly adopt: readonly T[];
  /** Owned but no longer matching: to be let go. */
  readonly release: readonly T[];
}

/**
 * Sorts candidates as Kubernetes' ControllerRefManager does. An object of another controller is never touched, one that is being deleted is
 * neither adopted nor released, and an owner that is being deleted adopts nothing. `belongs` is what else must hold besides the labels. Pure.
 */
export function planClaim<T extends KubeObject>(owner: KubeObject, matcher: LabelMatcher, candidates: readonly T[], belongs: (candidate: T) => boolean = () => true): ClaimPlan<T> {
  const [keep, adopt, release]: T[][] = [[], [], []] as unknown as T[][];
  const ownerEnds = owner.metadata.deletionTimestamp !== undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    if (controller !== undefined && controller.uid !== owner.metadata.uid) continue;
    const matches = matcher.matches(candidate.metadata.labels) && belongs(candidate);
    if (controller !== undefined) {
      if (matches) keep?.push(candidate);
      else if (!ownerEnds) release?.push(candidate);
    } else if (matches && !ownerEnds && candidate.metadata.deletionTimestamp === undefined) {
      adopt?.push(candidate);
    }
  }
  return { keep: keep ?? [], adopt: adopt ?? [], release: release ?? [] };
}

/** The reference by which `owner` manages an object (metav1.NewControllerRef). */
export function controllerRefOf(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  return { apiVersion, kind, name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}

const refOf = (object: KubeObject): ObjectRef => ({ namespace: object.metadata.namespace, name: object.metadata.name ?? '' });

/**
 * Carries out a claim and answers what the owner has then. Before the first adoption the owner is read afresh: one that was replaced
 * or is being deleted must not adopt (it throws Conflict, so that the reconcile is tried again).
 */
export async function claim<O extends KubeObject, T extends KubeObject>(
  client: Client,
  kinds: { readonly owner: KindDefinition<O>; readonly object: KindDefinition<T>; /** What adopted objects get besides the reference. */ readonly finalizers?: readonly string[] },
  owner: O,
  plan: ClaimPlan<T>,
): Promise<readonly T[]> {
  if (plan.adopt.length === 0 && plan.release.length === 0) return plan.keep;
  const verbs = client.kind(kinds.object);
  const { uid } = owner.metadata;
  for (const object of plan.release) {
    const body = { metadata: { uid: object.metadata.uid, ownerReferences: [{ $patch: 'delete', uid }] } };
    await goneIsFine(verbs.patch(refOf(object), 'strategic', body));
  }
  if (plan.adopt.length === 0) return plan.keep;
  const fresh = await client.kind(kinds.owner).find(refOf(owner));
  if (fresh?.metadata.uid !== uid || fresh?.metadata.deletionTimestamp !== undefined) {
    throw ApiError.conflict(kinds.owner, owner.metadata.name ?? '', 'the owner was replaced or is being deleted; it adopts nothing');
  }
  const adopted: T[] = [];
  for (const object of plan.adopt) {
    const body = { metadata: { uid: object.metadata.uid, ownerReferences: [controllerRefOf(owner)], ...(kinds.finalizers && { finalizers: kinds.finalizers }) } };
    const done = await goneIsFine(verbs.patch(refOf(object), 'strategic', body));
    if (done !== undefined) adopted.push(done);
  }
  return [...plan.keep, ...adopted];
}

/** Undefined when the object is gone: then there is nothing left to do to it. */
export async function goneIsFine<T>(doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}
