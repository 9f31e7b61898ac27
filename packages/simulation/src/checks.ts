import { controllerOf, type Deployment, type EndpointSlice, type KubeObject, keyOf, type Lister, type Node, type Pod, type ReplicaSet, type Service } from '@orrery/core';
import type { ClusterOracle } from '@orrery/core/testing';
import type { SimulatedCluster } from './cluster.js';
import type { SimulatedNode } from './simulated-node.js';

const [PODS, NODES, DEPLOYMENTS, SETS, SERVICES, SLICES] = ['core/pods', 'core/nodes', 'apps/deployments', 'apps/replicasets', 'core/services', 'discovery.k8s.io/endpointslices'].map(
  (resource) => `/registry/${resource}/`,
) as [string, string, string, string, string, string];

/** What a cluster is judged by. */
export interface Judged {
  readonly oracle: ClusterOracle;
  readonly nodes: readonly SimulatedNode[];
  /** Processes of the control plane, one or several. */
  readonly control: readonly { readonly name: string; readonly ready: boolean }[];
}

/** What is not yet as it is wanted; empty: the cluster has converged. Reads what is stored, and what the machines have. */
export function unsettled(cluster: Judged): string[] {
  const { oracle } = cluster;
  const lost = new Set(cluster.nodes.filter((node) => node.lost).map(({ options }) => options.name));
  const machines = cluster.nodes.filter((node) => !node.lost);
  const all = [...oracle.under<Pod>(PODS)];
  const lostPods = all.filter((pod) => lost.has(pod.spec.nodeName ?? ''));
  const pods = all.filter((pod) => !lostPods.includes(pod));
  const objects = [...oracle.objects.values()] as unknown as KubeObject[];
  return [
    ...[...cluster.control, ...machines.map(({ agent }) => agent)].filter(({ ready }) => !ready).map(({ name }) => `process ${name} is not ready`),
    ...[...oracle.under<Node>(NODES)].flatMap((node) => (lost.has(node.metadata.name ?? '') ? lostNodeProblems(node) : nodeProblems(node))),
    ...lostPods.flatMap(lostPodProblems),
    ...[...oracle.under<Deployment>(DEPLOYMENTS)].filter((deployment) => !waitsForever(deployment, lostPods)).flatMap(deploymentProblems),
    ...[...oracle.under<ReplicaSet>(SETS)].flatMap((set) => setProblems(set, pods)),
    ...pods.flatMap(podProblems),
    ...[...oracle.under<Service>(SERVICES)].flatMap((service) => serviceProblems(service, pods, [...oracle.under<EndpointSlice>(SLICES)])),
    ...machineProblems(machines, pods),
    ...leftOvers(objects, lostPods),
  ];
}

const conditionOf = (conditions: readonly { readonly type: string; readonly status: string }[] | undefined, type: string): string | undefined =>
  conditions?.find((condition) => condition.type === type)?.status;

function nodeProblems({ metadata, spec, status }: Node): string[] {
  const problems = [];
  if (conditionOf(status?.conditions, 'Ready') !== 'True') problems.push(`node ${metadata.name} is not ready`);
  if (spec?.unschedulable === true) problems.push(`node ${metadata.name} is cordoned`);
  for (const { key } of spec?.taints ?? []) problems.push(`node ${metadata.name} has taint ${key}`);
  return problems;
}

/** A lost node is known to be lost: nothing is sent there, and what was there has to go. */
function lostNodeProblems({ metadata, spec, status }: Node): string[] {
  const problems = [];
  if (conditionOf(status?.conditions, 'Ready') !== 'Unknown') problems.push(`node ${metadata.name} is lost, but Ready is ${conditionOf(status?.conditions, 'Ready')}`);
  for (const effect of ['NoSchedule', 'NoExecute']) {
    const tainted = spec?.taints?.some((taint) => taint.key === 'node.kubernetes.io/unreachable' && taint.effect === effect);
    if (tainted !== true) problems.push(`node ${metadata.name} is lost, but has no taint unreachable:${effect}`);
  }
  return problems;
}

/** Nobody can say that a pod of a lost node has ended: it stays, told to end. */
function lostPodProblems({ metadata, spec, status }: Pod): string[] {
  const over = metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return over ? [] : [`pod ${metadata.name} was not evicted from the lost node ${spec.nodeName}`];
}

/** Recreate begins when no old pod can run any more, and of one on a lost node nobody knows: as in Kubernetes, somebody has to say that the node is out of service. */
function waitsForever({ metadata, spec }: Deployment, lostPods: readonly Pod[]): boolean {
  return spec.strategy?.type === 'Recreate' && lostPods.some((pod) => pod.metadata.labels?.['app'] === metadata.name);
}

function deploymentProblems(deployment: Deployment): string[] {
  const { metadata, spec, status = {} } = deployment;
  const name = `deployment ${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined) return [`${name} is being deleted`];
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return [`${name} was not looked at since it changed`];
  const counts = { replicas: status.replicas ?? 0, updated: status.updatedReplicas ?? 0, ready: status.readyReplicas ?? 0, available: status.availableReplicas ?? 0 };
  const wrong = Object.entries(counts).filter(([, count]) => count !== spec.replicas);
  return wrong.map(([what, count]) => `${name} has ${what} ${count} of ${spec.replicas}`);
}

function setProblems({ metadata, spec, status }: ReplicaSet, pods: readonly Pod[]): string[] {
  const name = `replica set ${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined) return [`${name} is being deleted`];
  const own = pods.filter((pod) => controllerOf(pod)?.uid === metadata.uid && pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded').length;
  if (own !== spec.replicas) return [`${name} has ${own} pods of ${spec.replicas}`];
  return (status?.replicas ?? 0) === spec.replicas && (status?.readyReplicas ?? 0) === spec.replicas ? [] : [`${name} says ${JSON.stringify(status)} and wants ${spec.replicas}`];
}

function podProblems({ metadata, spec, status }: Pod): string[] {
  const name = `pod ${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined) return [`${name} on ${spec.nodeName} is being deleted`];
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  if ((spec.nodeName ?? '') === '') return [`${name} is not bound: ${status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? ''}`];
  if (status?.phase !== 'Running') return [`${name} on ${spec.nodeName} is ${status?.phase} (${JSON.stringify(status?.containerStatuses?.[0]?.state)})`];
  if (spec.containers.some(({ args = [] }) => args[0] === 'exit' || args[0] === 'try')) return [`${name} on ${spec.nodeName} has not ended yet`];
  return conditionOf(status.conditions, 'Ready') === 'True' ? [] : [`${name} on ${spec.nodeName} is not ready (${JSON.stringify(status.containerStatuses?.[0]?.state)})`];
}

/** Endpoints are exactly the ready pods of a service. */
function serviceProblems({ metadata, spec }: Service, pods: readonly Pod[], slices: readonly EndpointSlice[]): string[] {
  const selector = Object.entries(spec.selector ?? {});
  if (selector.length === 0) return [];
  const selected = pods.filter((pod) => pod.status?.phase === 'Running' && selector.every(([key, value]) => pod.metadata.labels?.[key] === value));
  const wanted = selected.map((pod) => `${pod.metadata.uid} ${pod.status?.podIP}`).sort();
  const own = slices.filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name && slice.metadata.namespace === metadata.namespace);
  const found = own.flatMap(({ endpoints }) => (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).map(({ targetRef, addresses }) => `${targetRef?.uid} ${addresses[0]}`)).sort();
  return wanted.join() === found.join() ? [] : [`service ${metadata.name} has endpoints [${found.join()}] instead of [${wanted.join()}]`];
}

/** What was owned by something that is gone. */
function leftOvers(objects: readonly KubeObject[], lostPods: readonly KubeObject[]): string[] {
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  const orphaned = objects.filter((object) => !lostPods.includes(object)).filter(({ metadata }) => (metadata.ownerReferences ?? []).length > 0 && !(metadata.ownerReferences ?? []).some(({ uid }) => uids.has(uid)));
  return orphaned.map(({ kind, metadata }) => `${kind} ${metadata.name} is left over: its owner is gone`);
}

/** What runs on machines is what is bound to them, each pod once, and the API tells how it ended. */
function machineProblems(nodes: readonly SimulatedNode[], pods: readonly Pod[]): string[] {
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
  return nodes.flatMap(({ machine, options: { name } }) => {
    const problems: string[] = [];
    for (const { pod } of machine.sandboxes()) {
      const known = byUid.get(pod.uid);
      if (known === undefined) problems.push(`node ${name} has a sandbox of pod ${pod.name}, which is gone`);
      else if (known.spec.nodeName !== name) problems.push(`node ${name} has a sandbox of pod ${pod.name}, which is bound to ${known.spec.nodeName}`);
    }
    const newest = new Map<string, ReturnType<typeof machine.containers>[number]>();
    for (const container of machine.containers()) {
      const key = `${container.pod.uid} ${container.config.name}`;
      if (container.state === 'running' && newest.get(key)?.state === 'running') problems.push(`node ${name} runs container ${container.config.name} of pod ${container.pod.name} twice`);
      newest.set(key, container);
    }
    for (const { pod, config, status } of newest.values()) {
      const known = byUid.get(pod.uid);
      const told = known?.status?.containerStatuses?.find((candidate) => candidate.name === config.name);
      if (known === undefined || told === undefined) continue;
      const same = status.state === 'exited' ? told.state?.terminated?.exitCode === status.exitCode : status.state !== 'running' || told.state?.running !== undefined;
      if (!same) problems.push(`pod ${pod.name} says ${JSON.stringify(told.state)} of container ${config.name}, which is ${status.state} (${status.exitCode})`);
    }
    return problems;
  });
}

/** Caches that do not show what the server would list. Ask only when the cluster is at rest. */
export async function staleCaches(cluster: Pick<SimulatedCluster, 'processes' | 'user'>): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, informers } of cluster.processes) {
    for (const { kind, options, informer } of informers) {
      const { namespace, labelSelector, fieldSelector } = options;
      const { items } = await cluster.user.kind(kind).list({ namespace, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) });
      problems.push(...differences(items, informer.lister).map((difference) => `${name}'s cache of ${kind.plural} ${fieldSelector ?? ''}: ${difference}`));
    }
  }
  return problems;
}

function differences(items: readonly KubeObject[], lister: Lister<KubeObject>): string[] {
  const wrong = items.filter((item) => lister.get(keyOf(item))?.metadata.resourceVersion !== item.metadata.resourceVersion);
  const found = wrong.map((item) => `${keyOf(item)} is ${lister.get(keyOf(item))?.metadata.resourceVersion ?? 'missing'} instead of ${item.metadata.resourceVersion}`);
  return lister.size === items.length || found.length > 0 ? found : [`${lister.size} objects instead of ${items.length}`];
}
