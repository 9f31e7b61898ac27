import { type Admission, type AdmissionRequest, ApiError, equalJson, type KubeObject, type Node, type PersistentVolume, type Pod } from '@orrery/core';
import { nodeOf } from './identity.js';
import { FOLDER_FINALIZER, type NodeUses, usesOf } from './uses.js';

const MIRROR = 'kubernetes.io/config.mirror';
const LEASES = 'kube-node-lease';
/** Labels under these belong to the administrator or to Kubernetes, but for those that agents report. */
const KUBERNETES = /(?:^|\.)(?:kubernetes|k8s)\.io$/;
const OWN_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname', 'kubernetes.io/arch', 'kubernetes.io/os', 'beta.kubernetes.io/arch', 'beta.kubernetes.io/os', 'beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/region', 'topology.kubernetes.io/zone',
]);
const OWN_PREFIXES = /(?:^|\.)(?:kubelet|node)\.kubernetes\.io$/;

/**
 * Keeps the agent of a node to its own Node, its Lease and the pods bound to it, whatever it is allowed besides (the admission plugin NodeRestriction): it makes mirror pods of itself only, which refer to nothing; changes the
 * status of its pods, deletes and evicts them; says of volumes that it keeps that their folder is gone; does not change taints, owners, or labels that decide what is put on it; asks for tokens of its pods only.
 */
export function nodeRestriction(uses: () => NodeUses): Admission {
  return {
    name: 'NodeRestriction',
    handles: ({ ref }) => WATCHED.has(`${ref.group}/${ref.resource}`),
    validate: async (request) => {
      const node = nodeOf(request.user);
      if (node === undefined) return;
      const { ref } = request;
      if (ref.resource === 'pods') return checkPod(node, request);
      if (ref.resource === 'nodes') return checkNode(node, request);
      if (ref.resource === 'persistentvolumes') return checkVolume(node, request);
      if (ref.resource === 'leases') return checkLease(node, request);
      if (ref.subresource !== 'token') return;
      const known = uses();
      await known.ready();
      checkToken(node, request, known);
    },
  };
}

const WATCHED: ReadonlySet<string> = new Set(['/pods', '/nodes', '/persistentvolumes', 'coordination.k8s.io/leases', '/serviceaccounts']);

function refuse({ ref, object, old }: AdmissionRequest, why: string): never {
  const name = ref.name ?? object?.metadata.name ?? old?.metadata.name ?? '';
  throw new ApiError('Forbidden', `${ref.resource}${ref.group === '' ? '' : `.${ref.group}`} ${JSON.stringify(name)} is forbidden: ${why}`, { name, kind: ref.resource, ...(ref.group !== '' && { group: ref.group }) });
}

function checkPod(node: string, request: AdmissionRequest): void {
  const { operation, ref, object, old } = request;
  const who = `node ${JSON.stringify(node)}`;
  if (ref.subresource === undefined && operation === 'CREATE') return checkMirror(node, request, object as Pod);
  if (ref.subresource !== undefined && ref.subresource !== 'status' && ref.subresource !== 'eviction') refuse(request, `unexpected pod subresource ${JSON.stringify(ref.subresource)}, only 'status' and 'eviction' are allowed`);
  if (ref.subresource === undefined && operation === 'UPDATE') refuse(request, `${who} can only update pod status`);
  const pod = old as Pod | undefined;
  if (pod?.spec.nodeName !== node) refuse(request, `${who} can only ${ref.subresource === 'eviction' ? 'evict' : operation === 'DELETE' ? 'delete' : 'update'} pods with spec.nodeName set to itself`);
  if (operation === 'UPDATE' && !equalJson(object?.metadata.labels ?? {}, pod.metadata.labels ?? {})) refuse(request, `${who} cannot update labels through pod status`);
}

function checkMirror(node: string, request: AdmissionRequest, pod: Pod): void {
  const who = `node ${JSON.stringify(node)}`;
  if (pod.metadata.annotations?.[MIRROR] === undefined) refuse(request, `pod does not have ${JSON.stringify(MIRROR)} annotation, ${who} can only create mirror pods`);
  if (pod.spec.nodeName !== node) refuse(request, `${who} can only create pods with spec.nodeName set to itself`);
  const owners = pod.metadata.ownerReferences ?? [];
  const isOwn = owners.every(({ apiVersion, kind, name, blockOwnerDeletion }) => apiVersion === 'v1' && kind === 'Node' && name === node && blockOwnerDeletion !== true);
  if (owners.length > 1 || !isOwn) refuse(request, `${who} can only create pods with an owner reference set to itself`);
  // The default account is given to every pod by the server; it gives the agent nothing.
  const [named] = [...usesOf(pod)].filter(([kind, name]) => kind !== 'serviceaccount' || name !== 'default');
  if (named !== undefined) refuse(request, `${who} can not create pods that reference ${named[0]}s`);
}

function checkVolume(node: string, request: AdmissionRequest): void {
  const { ref, object, old } = request;
  const left = (old?.metadata.finalizers ?? []).filter((name) => name !== FOLDER_FINALIZER);
  const rest = (volume: KubeObject | undefined): unknown => {
    const { labels, annotations, ownerReferences } = volume?.metadata ?? {};
    return [(volume as PersistentVolume | undefined)?.spec, labels ?? {}, annotations ?? {}, ownerReferences ?? []];
  };
  const isGone = old?.metadata.deletionTimestamp !== undefined && equalJson(object?.metadata.finalizers ?? [], left);
  if (ref.subresource !== undefined || !isGone || !equalJson(rest(object), rest(old))) refuse(request, `node ${JSON.stringify(node)} can only take the finalizer ${FOLDER_FINALIZER} from a volume that is being deleted`);
}

function checkNode(node: string, request: AdmissionRequest): void {
  const { operation, ref, object, old } = request;
  const who = `node ${JSON.stringify(node)}`;
  const name = ref.name ?? object?.metadata.name ?? '';
  if (name !== node) refuse(request, `${who} is not allowed to modify node ${JSON.stringify(name)}`);
  if (operation === 'DELETE') return;
  const [next, before] = [object as Node, old as Node | undefined];
  const labels = changedLabels(next.metadata.labels, before?.metadata.labels).filter((key) => !mayChange(key));
  if (labels.length > 0) refuse(request, `${who} is not allowed to ${before === undefined ? 'set' : 'modify'} the following labels: ${labels.sort().join(', ')}`);
  if (before === undefined) {
    if ((next.metadata.ownerReferences ?? []).length > 0) refuse(request, `${who} is not allowed to set owner references on itself`);
    return;
  }
  if (!equalJson(next.spec.taints ?? [], before.spec.taints ?? [])) refuse(request, `${who} is not allowed to modify taints`);
  if (!equalJson(next.metadata.ownerReferences ?? [], before.metadata.ownerReferences ?? [])) refuse(request, `${who} is not allowed to modify ownerReferences`);
}

function changedLabels(next: Readonly<Record<string, string>> = {}, old: Readonly<Record<string, string>> = {}): string[] {
  return [...new Set([...Object.keys(next), ...Object.keys(old)])].filter((key) => next[key] !== old[key]);
}

/** Labels that an agent may say of itself: its own words, and those of Kubernetes that agents report. Those under `node-restriction.kubernetes.io` never. */
function mayChange(label: string): boolean {
  const slash = label.indexOf('/');
  if (slash < 0) return true;
  const domain = label.slice(0, slash);
  if (domain === 'node-restriction.kubernetes.io' || domain.endsWith('.node-restriction.kubernetes.io')) return false;
  return OWN_LABELS.has(label) || OWN_PREFIXES.test(domain) || !KUBERNETES.test(domain);
}

function checkLease(node: string, request: AdmissionRequest): void {
  const { metadata } = (request.object ?? request.old) as KubeObject;
  if (metadata.namespace !== LEASES) refuse(request, `can only access leases in the ${JSON.stringify(LEASES)} system namespace`);
  if (metadata.name !== node) refuse(request, 'can only access node lease with the same name as the requesting node');
}

/** A token is for a pod that is bound to the node and runs as that account. */
function checkToken(node: string, request: AdmissionRequest, { pods }: NodeUses): void {
  const { boundObjectRef: bound } = ((request.object as { readonly spec?: { readonly boundObjectRef?: { readonly kind?: string; readonly apiVersion?: string; readonly name?: string; readonly uid?: string } } } | undefined)?.spec ?? {});
  if (bound?.kind !== 'Pod' || bound.apiVersion !== 'v1' || (bound.name ?? '') === '') refuse(request, 'node requested token not bound to a pod');
  if ((bound.uid ?? '') === '') refuse(request, 'node requested token with a pod binding without a uid');
  const { namespace, name } = request.ref;
  const pod = pods.get(`${namespace}/${bound.name}`);
  if (pod === undefined || pod.metadata.uid !== bound.uid) refuse(request, 'the pod of the token is not there');
  if (pod.spec.nodeName !== node) refuse(request, 'node requested token bound to a pod scheduled on a different node');
  if (pod.spec.serviceAccountName !== name) refuse(request, 'node requested token of an account that the pod does not run as');
}
