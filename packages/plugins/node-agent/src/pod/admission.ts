import { type Amounts, amountOf, hostPortConflicts, hostPorts, matchesNode, type Node, type Pod, podRequests, untolerated } from '@orrery/core';
import { isStatic } from './critical.js';

/** Why a node does not take a pod that was bound to it; it becomes the pod's reason and message, with phase Failed. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** What a pod is held against. */
export interface AdmissionInput {
  /** The other pods that hold resources here. */
  readonly admitted: readonly Pod[];
  /** What the node offers, quantities by resource name. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** The node as the API has it; undefined: not known, so that nothing is asked about its labels and taints. */
  readonly node?: Node | undefined;
}

/** A rejection for what the API says of the node: worth another look at its newest version, which a scheduler may have seen before this agent. */
export const isAboutNode = ({ reason }: Rejection): boolean => ['NodeAffinity', 'TaintToleration', 'PodOSSelectorNodeLabelDoesNotMatch'].includes(reason);

/**
 * Whether a node takes a pod beside those it has admitted, by the kubelet's predicates (lifecycle/predicate.go): its operating system, resources, selectors and affinity, host ports,
 * and taints that end pods (of which static pods know nothing). The scheduler sees to that already; but anyone may bind a pod, and two schedulers do not know of each other. Pure.
 */
export function admitPod(pod: Pod, { admitted, allocatable, node }: AdmissionInput): Rejection | undefined {
  const os = osRejection(pod, node);
  if (os !== undefined) return os;
  const short = shortages(pod, admitted, allocatable)[0];
  if (short !== undefined) return { reason: `OutOf${short.resource}`, message: `Pod was rejected: Node didn't have enough resource: ${short.resource}, requested: ${short.requested}, used: ${short.used}, capacity: ${short.capacity}` };
  return unfit(pod, { admitted, allocatable, node });
}

/** What is in the way of a pod beside resources: nothing that ending other pods would change. Pure. */
export function unfit(pod: Pod, { admitted, node }: AdmissionInput): Rejection | undefined {
  const os = osRejection(pod, node);
  if (os !== undefined) return os;
  if (node !== undefined && !matchesNode(pod, node)) return predicateFailed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const wanted = hostPorts(pod);
  const used = wanted.length === 0 ? NONE : new Set(admitted.flatMap(hostPorts));
  if (wanted.some((port) => hostPortConflicts(port, used))) return predicateFailed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (!isStatic(pod) && untolerated(node?.spec?.taints, pod.spec.tolerations ?? [], ['NoExecute']) !== undefined) return predicateFailed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

const NONE: ReadonlySet<string> = new Set();
const predicateFailed = (reason: string, why: string): Rejection => ({ reason, message: `Pod was rejected: Predicate ${reason} failed: ${why}` });

const OS = 'kubernetes.io/os';

function osRejection(pod: Pod, node: Node | undefined): Rejection | undefined {
  const label = node?.metadata.labels?.[OS];
  if (label === undefined) return undefined;
  const wanted = pod.spec.nodeSelector?.[OS];
  if (wanted !== undefined && wanted !== label) return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message: 'Pod was rejected: Failed to admit pod as the `kubernetes.io/os` label doesn\'t match node label' };
  const os = pod.spec.os?.name;
  return os === undefined || os === '' || os === label ? undefined : { reason: 'PodOSNotSupported', message: 'Pod was rejected: Failed to admit pod as the OS field doesn\'t match node OS' };
}

/** A resource that a pod asks for more of than is left: thousandths of cores for cpu, else units. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

/** What a node lacks for a pod (NodeResourcesFit). Pure. */
export function shortages(pod: Pod, admitted: readonly Pod[], allocatable: Readonly<Record<string, string>>): readonly Shortage[] {
  return [...Object.entries(requestsOf(pod)), ['pods', 1] as const].flatMap(([resource, requested]) => {
    // What is not asked for always fits, also where too much is in use already.
    if (requested === 0) return [];
    const offered = allocatable[resource];
    const capacity = offered === undefined ? 0 : amountOf(resource, offered);
    const used = resource === 'pods' ? admitted.length : admitted.reduce((sum, other) => sum + (requestsOf(other)[resource] ?? 0), 0);
    return used + requested <= capacity ? [] : [{ resource, requested, used, capacity }];
  });
}

/** By the spec, which the versions of a pod share. */
const known = new WeakMap<object, Readonly<Amounts>>();

/** What a pod asks for: thousandths of cores for cpu, else units. Pure. */
export function requestsOf(pod: Pod): Readonly<Amounts> {
  const found = known.get(pod.spec);
  if (found !== undefined) return found;
  const requests = podRequests({ ...pod, status: {} });
  known.set(pod.spec, requests);
  return requests;
}
