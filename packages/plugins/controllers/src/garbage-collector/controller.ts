import {
  ApiError,
  type Client,
  type Controller,
  type ControllerWatch,
  equalJson,
  Event,
  type KindDefinition,
  type KubeObject,
  type ObjectKey,
  type OwnerReference,
  type PropagationPolicy,
  type ReconcileContext,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { awaitsDependents, awaitsOrphaning, type Item, OwnerGraph, refOf } from './graph.js';
import { type CollectPlan, planCollect } from './plan.js';

/** Owners known to be gone that are remembered, so that a thousand dependents ask the server once. A uid never comes back. */
const REMEMBERED = 500;

/** Options of the garbage collector. */
export interface GarbageCollectorOptions {
  /** The kinds followed; asked at the start. Events are left out: they own nothing and are owned by nothing. */
  readonly kinds: () => Iterable<KindDefinition>;
  /** Tells of each kind that is served from then on; returns its removal. Default: there are none. */
  readonly onKind?: (added: (kind: KindDefinition) => void) => () => void;
  /** Objects worked on at the same time; default 20, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Deletes what lost all its owners, and carries out foreground deletion and orphaning. */
export function garbageCollector(options: GarbageCollectorOptions): Controller {
  return {
    name: 'garbage-collector',
    workers: options.workers ?? 20,
    start: (setup) => {
      const kinds = [...options.kinds()].filter((kind) => kind.kind !== Event.kind);
      const graph = new OwnerGraph(setup, kinds);
      if (options.onKind !== undefined) {
        setup.defer(
          options.onKind((kind) => {
            graph.follow(kind);
            setup.watch(watchOf(kind, graph));
          }),
        );
      }
      const absent = new Set<string>();
      return {
        watches: kinds.map((kind) => watchOf(kind, graph)),
        reconcile: (key, context) => reconcile(key, context, graph, absent),
      };
    },
  };
}

function watchOf(kind: KindDefinition, graph: OwnerGraph): ControllerWatch<never> {
  return watching<KubeObject>({
    kind,
    informer: OwnerGraph.informer,
    keys: (object, old, deleted) => {
      if (deleted) return [...graph.dependents(object.metadata.uid ?? '').map((item) => graph.keyFor(item)), ...waitingOwners(object, graph)];
      if (old !== undefined && sameStanding(object, old)) return [];
      const ending = object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length > 0;
      const owned = (object.metadata.ownerReferences ?? []).length > 0;
      return [...(ending || owned ? [graph.keyFor({ kind, object })] : []), ...(old === undefined ? [] : waitingOwners(old, graph))];
    },
  });
}

/** Nothing the collector decides by is different. */
function sameStanding({ metadata }: KubeObject, { metadata: old }: KubeObject): boolean {
  return metadata.deletionTimestamp === old.deletionTimestamp && equalJson(metadata.ownerReferences, old.ownerReferences) && equalJson(metadata.finalizers, old.finalizers);
}

/** Owners that wait for this dependent to go, or to be let go. */
function waitingOwners(object: KubeObject, graph: OwnerGraph): ObjectKey[] {
  return (object.metadata.ownerReferences ?? []).flatMap((reference) => {
    const owner = graph.owner(reference, object);
    return typeof owner !== 'string' && (awaitsDependents(owner.object) || awaitsOrphaning(owner.object)) ? [graph.keyFor(owner)] : [];
  });
}

async function reconcile(key: ObjectKey, context: ReconcileContext, graph: OwnerGraph, absent: Set<string>): Promise<void> {
  const item = graph.find(key);
  if (item === undefined) return;
  const { object } = item;
  const gone = new Set<string>();
  for (const reference of object.metadata.ownerReferences ?? []) {
    if (graph.owner(reference, object) === 'absent' && (await isGone(context.client, reference, object, graph, absent))) gone.add(reference.uid);
  }
  const plan = planCollect({
    item,
    dependents: graph.dependents(object.metadata.uid ?? ''),
    // An owner that only the cache does not know is there; its arrival in the cache is no reason to look again.
    owner: (reference) => {
      const owner = graph.owner(reference, object);
      return owner === 'absent' && !gone.has(reference.uid) ? 'unknown kind' : owner;
    },
  });
  await carryOut(context.client, item, plan, graph);
}

/** The cache may be behind: only the server's word that an owner is gone counts. */
async function isGone(client: Client, reference: OwnerReference, object: KubeObject, graph: OwnerGraph, absent: Set<string>): Promise<boolean> {
  const id = `${object.metadata.namespace ?? ''}/${reference.kind}/${reference.name}/${reference.uid}`;
  if (absent.has(id)) return true;
  const place = graph.place(reference, object);
  if (place === undefined) return false;
  const found = await client.kind(place.kind).find(place);
  if (found?.metadata.uid === reference.uid) return false;
  absent.add(id);
  if (absent.size > REMEMBERED) for (const oldest of absent) if (absent.delete(oldest)) break;
  return true;
}

async function carryOut(client: Client, item: Item, plan: CollectPlan, graph: OwnerGraph): Promise<void> {
  const { metadata } = item.object;
  const { uid = '' } = metadata;
  switch (plan.action) {
    case 'nothing':
      return;
    case 'release':
      return release(client, item, plan.uids);
    case 'orphan':
      // The finalizer goes when the caches show that they have let go.
      for (const dependent of plan.dependents) await release(client, dependent, [uid]);
      return;
    case 'drop finalizer':
      return setFinalizers(client, item, (metadata.finalizers ?? []).filter((finalizer) => finalizer !== plan.finalizer));
    case 'wait':
      for (const dependent of plan.wake) await carryOut(client, dependent, planOf(dependent, graph), graph);
      return;
    case 'delete': {
      const object = plan.unblock ? await unblock(client, item) : item.object;
      if (object !== undefined) await remove(client, { kind: item.kind, object }, plan.policy);
    }
  }
}

/**
 * Deletes the version that was judged: a cache that is behind may not show the owner that the object has got meanwhile. What was written without touching its owners
 * does not save it, or an object that is written all the time would never go (garbagecollector deleteObject).
 */
async function remove(client: Client, item: Item, propagationPolicy: PropagationPolicy): Promise<void> {
  const verbs = client.kind(item.kind);
  const { uid = '', resourceVersion = '', ownerReferences } = item.object.metadata;
  try {
    await goneIsFine(verbs.delete(refOf(item), { propagationPolicy, preconditions: { uid, resourceVersion } }));
  } catch (error) {
    if (!ApiError.is(error, 'Conflict')) throw error;
    const found = await verbs.find(refOf(item));
    // Who it belongs to now is judged when the cache shows it.
    if (found?.metadata.uid !== uid || !equalJson(found.metadata.ownerReferences, ownerReferences)) return;
    await missingIsFine(verbs.delete(refOf(item), { propagationPolicy, preconditions: { uid } }));
  }
}

/** What becomes of a dependent of an owner that waits for it; only what the caches show as there or waiting is acted upon. */
function planOf(dependent: Item, graph: OwnerGraph): CollectPlan {
  const { object } = dependent;
  if (object.metadata.deletionTimestamp !== undefined) return { action: 'nothing' };
  return planCollect({
    item: dependent,
    dependents: graph.dependents(object.metadata.uid ?? ''),
    owner: (reference) => {
      const owner = graph.owner(reference, object);
      return owner === 'absent' ? 'unknown kind' : owner;
    },
  });
}

async function release(client: Client, item: Item, uids: readonly string[]): Promise<void> {
  const { metadata } = item.object;
  const ownerReferences = (metadata.ownerReferences ?? []).filter((owner) => !uids.includes(owner.uid));
  await patch(client, item, { ownerReferences: ownerReferences.length > 0 ? ownerReferences : null });
}

function unblock(client: Client, item: Item): Promise<KubeObject | undefined> {
  return patch(client, item, { ownerReferences: (item.object.metadata.ownerReferences ?? []).map((owner) => ({ ...owner, blockOwnerDeletion: false })) });
}

async function setFinalizers(client: Client, item: Item, finalizers: readonly string[]): Promise<void> {
  await patch(client, item, { finalizers: finalizers.length > 0 ? finalizers : null });
}

/** Only this very version: what changed meanwhile is decided about anew. Undefined: it is gone. */
function patch(client: Client, item: Item, change: object): Promise<KubeObject | undefined> {
  const { uid, resourceVersion } = item.object.metadata;
  return goneIsFine(client.kind(item.kind).patch(refOf(item), 'merge', { metadata: { uid, resourceVersion, ...change } }));
}

/** Gone, or another of the same name: either way there is nothing to delete. */
async function missingIsFine(deleting: Promise<unknown>): Promise<void> {
  try {
    await deleting;
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
  }
}
