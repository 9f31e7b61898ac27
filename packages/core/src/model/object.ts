/** Seconds-precision RFC 3339 in UTC, e.g. `2026-01-02T03:04:05Z` (metav1.Time), or with microseconds (metav1.MicroTime). */
export type Timestamp = string;

/** Who owns an object; the garbage collector follows it (metav1.OwnerReference). */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** At most one owner is the managing controller. */
  controller?: boolean | undefined;
  /** With foreground deletion, the owner waits until this dependent is gone. */
  blockOwnerDeletion?: boolean | undefined;
}

/** One manager's fields (metav1.ManagedFieldsEntry). */
export interface ManagedFieldsEntry {
  manager?: string | undefined;
  operation?: string | undefined;
  apiVersion?: string | undefined;
  time?: Timestamp | undefined;
  fieldsType?: string | undefined;
  fieldsV1?: Record<string, unknown> | undefined;
  subresource?: string | undefined;
}

/** What every object carries (metav1.ObjectMeta). */
export interface ObjectMeta {
  name?: string | undefined;
  generateName?: string | undefined;
  namespace?: string | undefined;
  uid?: string | undefined;
  /** The store revision of the last write, in decimal. Opaque to clients; equal or not equal is all they may ask. */
  resourceVersion?: string | undefined;
  /** Counts changes of the desired state (spec). */
  generation?: number | undefined;
  creationTimestamp?: Timestamp | undefined;
  /** Set by the server when deletion was asked for and something still has to happen first. */
  deletionTimestamp?: Timestamp | undefined;
  deletionGracePeriodSeconds?: number | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  ownerReferences?: OwnerReference[] | undefined;
  finalizers?: string[] | undefined;
  managedFields?: ManagedFieldsEntry[] | undefined;
  selfLink?: string | undefined;
}

/** Any Kubernetes object. Objects handed out by the client and by caches are frozen and shared: copy before changing. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** A page of objects at one revision (metav1.List). */
export interface KubeList<T extends KubeObject = KubeObject> {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: readonly T[];
}

/** `namespace/name`, or `name` for cluster-scoped objects: the key of caches and queues. */
export type ObjectKey = string;

/** The key of an object. */
export function keyOf(object: { readonly metadata: { readonly namespace?: string | undefined; readonly name?: string | undefined } }): ObjectKey {
  const { namespace, name = '' } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The parts of a key; `namespace` is undefined for a cluster-scoped one. */
export function splitKey(key: ObjectKey): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner that manages the object, if any (metav1.GetControllerOf). */
export function controllerOf(object: { readonly metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The reference by which `owner` manages an object and keeps itself from going first when it is deleted in the foreground (metav1.NewControllerRef). */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  return { apiVersion, kind, name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}
