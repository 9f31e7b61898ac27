import type { Applied, Lister } from '../contracts/client.js';
import { type Controller, type ControllerSetup, type ControllerWatch, type ReconcileContext, type ReconcileResult, watching } from '../contracts/controller.js';
import { ApiError } from '../model/api-error.js';
import { equalJson } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import { controllerOf, controllerReference, keyOf, type KubeObject, type ObjectKey } from '../model/object.js';

/** The part of an object that its controller reports in. */
export type StatusOf<T> = T extends { status?: infer S } ? NonNullable<S> : never;

/** What `reconcile` is given besides the object. */
export interface ObjectContext<T extends KubeObject> extends ReconcileContext {
  /** The objects of a kind in `owns` that the object controls, as the cache has them. Costs what it returns. */
  owned<U extends KubeObject>(kind: KindDefinition<U>): readonly U[];
  /** The cache of a kind in `for`, `owns` or `reads`. Throws RangeError for others: they are not followed. */
  lister<U extends KubeObject>(kind: KindDefinition<U>): Lister<U>;
  /**
   * A copy of an object with this one as its controller, in its namespace: it is deleted with it, and found by {@link owned}. Throws RangeError for an object of another namespace:
   * owners are looked for in the namespace of what they own, so that the garbage collector would take it away.
   */
  controlled<U extends KubeObject>(child: U): U;
  /**
   * Makes what is named so by server-side apply under the controller's name, and the object itself when there is none; it is controlled by this one. Fields that others set stay theirs.
   * Takes over what another manager applied, as is usual for controllers, unless `force` is false: then that is a Conflict. Changes nothing when it is so already.
   */
  apply<U extends KubeObject>(kind: KindDefinition<U>, child: Applied<U>, options?: { readonly force?: boolean }): Promise<U>;
  /**
   * Writes the status when it differs from what the object has, after what was written before in the same look. Sets `observedGeneration` when the kind's status has one and none is given.
   * Answers the object as it then is. Throws Conflict when somebody else wrote the object since it was seen: then it is looked at again.
   */
  writeStatus(status: StatusOf<T>): Promise<T>;
}

/** A controller of one's own. */
export interface ControllerDefinition<T extends KubeObject> {
  /** Unique, e.g. `sandbox`. Also the field manager and the source of events. */
  readonly name: string;
  /** The kind that is kept as declared; every change of such an object leads to a look at it. */
  readonly for: KindDefinition<T>;
  /** Kinds it makes: a change of such an object leads to a look at the object that controls it. What is in no namespace cannot be owned by what is in one. */
  readonly owns?: readonly KindDefinition[];
  /** Kinds that are read by `lister` and whose changes lead to nothing by themselves. */
  readonly reads?: readonly KindDefinition[];
  /** What else leads to a look: made by `watching({ kind, keys })`. A function when the keys need caches. */
  readonly watches?: readonly ControllerWatch<never>[] | ((setup: ControllerSetup) => readonly ControllerWatch<never>[]);
  /** Keys reconciled at the same time; default 1. */
  readonly workers?: number;
  /**
   * Makes the world as the object says, from what the caches show now; called for each object in turn, again after changes of anything above, and after its own writes are visible.
   * Must do nothing when all is well. An object that is being deleted does not come here.
   */
  reconcile(object: T, context: ObjectContext<T>): Promise<ReconcileResult>;
  /** What has to be done before an object may go. With it every object gets the finalizer before its first reconcile, so that nothing made for it is left behind. */
  readonly finalize?: {
    /** The finalizer, qualified: `example.com/sandbox`. */
    readonly finalizer: string;
    /** Undoes what was made outside the cluster. Done when it returns nothing; may be called again, and must then find nothing left to do. */
    run(object: T, context: ObjectContext<T>): Promise<ReconcileResult>;
  };
}

const OWNER_INDEX = 'define-controller.owner';
const byOwner = { [OWNER_INDEX]: (object: KubeObject): readonly string[] => [controllerOf(object)?.uid ?? ''] };

/**
 * A controller from the kind it is for, the kinds it owns and a `reconcile` that gets the object itself. What client-go's builders leave to every author is done here: caches and
 * indexes, keys of owners, deletion and finalizers, owner references, fields of one manager, status writes only when something changed. Add it to the list `Controllers`.
 * Throws RangeError when it cannot own what it wants to.
 */
export function defineController<T extends KubeObject>(definition: ControllerDefinition<T>): Controller {
  const { name, for: kind, owns = [], reads = [], watches = [], workers } = definition;
  const wide = kind.namespaced ? owns.find(({ namespaced }) => !namespaced) : undefined;
  if (wide !== undefined) throw new RangeError(`controller "${name}" cannot own a ${wide.kind}: that is in no namespace, and a ${kind.kind} is in one`);
  const observes = hasObservedGeneration(kind as KindDefinition);
  return {
    name,
    ...(workers !== undefined && { workers }),
    start: (setup) => {
      const listers = new Map<string, Lister<KubeObject>>();
      for (const one of [kind as KindDefinition, ...owns, ...reads]) listers.set(idOf(one), setup.informer(one, { indexes: byOwner }).lister);
      const objects = listers.get(idOf(kind)) as Lister<T>;
      return {
        watches: [
          watching<T>({ kind, informer: { indexes: byOwner }, keys: (object) => [keyOf(object)] }),
          ...owns.map((one) => watching<KubeObject>({ kind: one, informer: { indexes: byOwner }, keys: (object, old) => ownersOf(kind, object, old) })),
          ...(typeof watches === 'function' ? watches(setup) : watches),
        ],
        reconcile: async (key, context) => {
          const object = objects.get(key);
          if (object === undefined) return undefined;
          const seen = { latest: object };
          return look(definition, seen, contextFor(definition, seen, context, { listers, observes }));
        },
      };
    },
  };
}

interface Followed {
  readonly listers: ReadonlyMap<string, Lister<KubeObject>>;
  /** Whether the status tells the generation. */
  readonly observes: boolean;
}

/** The object of a look, as the look itself wrote it last. */
interface Seen<T> {
  latest: T;
}

async function look<T extends KubeObject>({ for: kind, reconcile, finalize }: ControllerDefinition<T>, seen: Seen<T>, context: ObjectContext<T>): Promise<ReconcileResult> {
  const object = seen.latest;
  const finalizers = object.metadata.finalizers ?? [];
  const isHeld = finalize !== undefined && finalizers.includes(finalize.finalizer);
  if (object.metadata.deletionTimestamp !== undefined) {
    if (!isHeld) return undefined;
    const more = await finalize.run(object, context);
    if (more !== undefined) return more;
    await rewriteFinalizers(kind, seen.latest, context, finalizers.filter((one) => one !== finalize.finalizer));
    return undefined;
  }
  if (finalize === undefined || isHeld) return reconcile(object, context);
  // That write leads to the next look, which has the finalizer.
  await rewriteFinalizers(kind, object, context, [...finalizers, finalize.finalizer]);
  return undefined;
}

/** Under the version that was seen, or written since: a list of finalizers that somebody else changed must not be overwritten. */
async function rewriteFinalizers<T extends KubeObject>(kind: KindDefinition<T>, object: T, { client }: ReconcileContext, finalizers: readonly string[]): Promise<void> {
  const { namespace, name = '', resourceVersion, uid } = object.metadata;
  try {
    await client.kind(kind).patch({ namespace, name }, 'merge', { metadata: { finalizers, resourceVersion, uid } });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

function contextFor<T extends KubeObject>({ name, for: kind }: ControllerDefinition<T>, seen: Seen<T>, context: ReconcileContext, { listers, observes }: Followed): ObjectContext<T> {
  const object = seen.latest;
  const lister = <U extends KubeObject>(of: KindDefinition<U>): Lister<U> => {
    const found = listers.get(idOf(of));
    if (found === undefined) throw new RangeError(`controller "${name}" does not follow ${of.kind}: name it in owns or reads`);
    return found as Lister<U>;
  };
  const controlled = <U extends KubeObject>(child: U): U => {
    const { ownerReferences = [], namespace = object.metadata.namespace } = child.metadata;
    if (kind.namespaced && namespace !== object.metadata.namespace) throw new RangeError(`an object in namespace ${object.metadata.namespace} cannot own one in namespace ${namespace}`);
    const others = ownerReferences.filter(({ uid, controller }) => uid !== object.metadata.uid && controller !== true);
    return { ...child, metadata: { ...child.metadata, ...(namespace !== undefined && { namespace }), ownerReferences: [...others, controllerReference(object)] } };
  };
  return {
    ...context,
    lister,
    owned: (of) => lister(of).byIndex(OWNER_INDEX, object.metadata.uid ?? ''),
    controlled,
    apply: (of, child, { force = true } = {}) => context.client.kind(of).apply(controlled(child as unknown as KubeObject) as unknown as typeof child, { fieldManager: name, force }),
    writeStatus: async (status) => {
      const { generation } = object.metadata;
      // A look may report several times: each time over what it wrote itself the time before.
      const had = (seen.latest as { readonly status?: object }).status ?? {};
      const next = observes && generation !== undefined ? { observedGeneration: generation, ...(status as object) } : status;
      if (!equalJson(had, next)) seen.latest = await context.client.kind(kind).updateStatus({ ...seen.latest, status: next } as T);
      return seen.latest;
    },
  };
}

/** Whether the status of a kind has a place for the generation. */
function hasObservedGeneration({ schema, tracksGeneration }: KindDefinition): boolean {
  const { status } = (schema as unknown as { readonly shape?: { readonly status?: { readonly def?: { readonly innerType?: { readonly shape?: object } } } } }).shape ?? {};
  return tracksGeneration && Object.hasOwn(status?.def?.innerType?.shape ?? {}, 'observedGeneration');
}

/** The object that controls this one, and the one that did before. */
function ownersOf(kind: { readonly kind: string; readonly group: string; readonly namespaced: boolean }, object: KubeObject, old: KubeObject | undefined): readonly ObjectKey[] {
  const keys = new Set<ObjectKey>();
  for (const one of [object, old]) {
    const owner = one === undefined ? undefined : controllerOf(one);
    if (owner?.kind !== kind.kind || groupOf(owner.apiVersion) !== kind.group) continue;
    keys.add(keyOf({ metadata: { name: owner.name, ...(kind.namespaced && { namespace: object.metadata.namespace }) } }));
  }
  return [...keys];
}

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');
const idOf = ({ group, plural }: { readonly group: string; readonly plural: string }): string => `${group}/${plural}`;
