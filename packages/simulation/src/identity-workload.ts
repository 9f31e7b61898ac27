import { type ControllerRevision, controllerOf, DaemonSet, Node, Pod, type PodTemplateSpec, StatefulSet } from '@orrery/core';
import type { ClusterOracle, SeededRandom } from '@orrery/core/testing';
import type { SimulatedUser } from './chaos.js';
import type { SimulatedCluster } from './cluster.js';
import { UserRequests } from './user-requests.js';

const NAMESPACE = 'default';
const [SETS, DAEMONS, PODS, NODES, REVISIONS] = ['apps/statefulsets', 'apps/daemonsets', 'core/pods', 'core/nodes', 'apps/controllerrevisions'].map((resource) => `/registry/${resource}/`) as [string, string, string, string, string];

/** How many of each an {@link IdentityWorkload} makes, and replicas of a StatefulSet at the beginning, at most. */
export interface IdentitySizes {
  readonly sets: number;
  readonly daemons: number;
  readonly replicas: number;
}

/** A user of StatefulSets and DaemonSets: makes some of each kind, and scales, rolls and disturbs them at random. */
export class IdentityWorkload implements SimulatedUser {
  readonly #requests: UserRequests;
  #names = 0;
  readonly #sets: string[] = [];
  readonly #daemons: string[] = [];

  constructor(
    private readonly cluster: Pick<SimulatedCluster, 'user' | 'oracle' | 'violated'>,
    private readonly random: SeededRandom,
    private readonly sizes: IdentitySizes = { sets: 3, daemons: 2, replicas: 6 },
  ) {
    this.#requests = new UserRequests(cluster);
  }

  get open(): number {
    return this.#requests.open;
  }

  begin(): void {
    for (let n = 0; n < this.sizes.sets; n += 1) this.#createSet();
    for (let n = 0; n < this.sizes.daemons; n += 1) this.#createDaemon();
  }

  /** Rolls everything, once the weather is fine. */
  async finale(): Promise<void> {
    const image = { spec: { template: { spec: { containers: [{ name: 'main', image: 'sim:v9' }] } } } };
    const { user, oracle } = this.cluster;
    const ref = ({ metadata }: StatefulSet | DaemonSet) => ({ namespace: NAMESPACE, name: metadata.name ?? '' });
    await Promise.all([
      ...[...oracle.under<StatefulSet>(SETS)].map((set) => user.kind(StatefulSet).patch(ref(set), 'strategic', image)),
      ...[...oracle.under<DaemonSet>(DAEMONS)].map((set) => user.kind(DaemonSet).patch(ref(set), 'strategic', image)),
    ]);
  }

  change(): void {
    const { random } = this;
    const act = random.pick([this.#scale, this.#scale, this.#roll, this.#roll, this.#rollDaemon, this.#rollDaemon, this.#deletePod, this.#deletePod, this.#recreate]);
    act.call(this);
  }

  cordon(name: string, unschedulable: boolean): Promise<void> {
    return this.#requests.send(this.cluster.user.kind(Node).patch({ name }, 'merge', { spec: { unschedulable } }));
  }

  #createSet(name = `db-${(this.#names += 1)}`): void {
    const { random } = this;
    if (!this.#sets.includes(name)) this.#sets.push(name);
    const updateStrategy = random.chance(0.5) ? { rollingUpdate: { maxUnavailable: random.pick([1, 2, '50%']) } } : {};
    const spec = {
      replicas: 1 + random.int(this.sizes.replicas), serviceName: name, selector: { matchLabels: { app: name } }, template: template(name, 1), updateStrategy,
      podManagementPolicy: random.pick(['OrderedReady', 'Parallel']), ordinals: { start: random.int(3) }, minReadySeconds: random.pick([0, 0, 5]), revisionHistoryLimit: 2,
    };
    void this.#requests.send(this.cluster.user.kind(StatefulSet).create({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name, namespace: NAMESPACE }, spec } as StatefulSet));
  }

  #createDaemon(): void {
    const { random } = this;
    const name = `agent-${(this.#names += 1)}`;
    this.#daemons.push(name);
    const rollingUpdate = random.chance(0.5) ? { maxUnavailable: random.pick([1, 2, '30%']) } : { maxUnavailable: 0, maxSurge: random.pick([1, '30%']) };
    const spec = { selector: { matchLabels: { app: name } }, template: template(name, 1), updateStrategy: { rollingUpdate }, minReadySeconds: random.pick([0, 0, 5]), revisionHistoryLimit: 2 };
    void this.#requests.send(this.cluster.user.kind(DaemonSet).create({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace: NAMESPACE }, spec } as DaemonSet));
  }

  #scale(): void {
    void this.#requests.send(this.cluster.user.kind(StatefulSet).scale({ namespace: NAMESPACE, name: this.random.pick(this.#sets) }, this.random.int(this.sizes.replicas + 2)));
  }

  #roll(): void {
    void this.#requests.send(this.cluster.user.kind(StatefulSet).patch({ namespace: NAMESPACE, name: this.random.pick(this.#sets) }, 'strategic', this.#newImage()));
  }

  #rollDaemon(): void {
    void this.#requests.send(this.cluster.user.kind(DaemonSet).patch({ namespace: NAMESPACE, name: this.random.pick(this.#daemons) }, 'strategic', this.#newImage()));
  }

  #newImage(): object {
    return { spec: { template: { spec: { containers: [{ name: 'main', image: `sim:v${1 + this.random.int(6)}` }] } } } };
  }

  #deletePod(): void {
    const pods = [...this.cluster.oracle.under<Pod>(PODS)];
    if (pods.length > 0) void this.#requests.send(this.cluster.user.kind(Pod).delete({ namespace: NAMESPACE, name: this.random.pick(pods).metadata.name ?? '' }));
  }

  /** The same name again, while the pods of the first are still there. */
  #recreate(): void {
    const name = this.random.pick(this.#sets);
    const remove = this.cluster.user.kind(StatefulSet).delete({ namespace: NAMESPACE, name }, { propagationPolicy: 'Background' });
    void this.#requests.send(remove).then(() => this.#createSet(name));
  }
}

function template(app: string, version: number): PodTemplateSpec {
  const resources = { requests: { cpu: '50m', memory: '64Mi' } };
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image: `sim:v${version}`, command: ['serve'], resources }], terminationGracePeriodSeconds: 2 } } as PodTemplateSpec;
}

/** What of StatefulSets and DaemonSets is not as it is wanted, once all pods are well. */
export function unsettledIdentities(oracle: ClusterOracle): string[] {
  const pods = [...oracle.under<Pod>(PODS)];
  const owned = (uid: string | undefined): Pod[] => pods.filter((pod) => controllerOf(pod)?.uid === uid);
  const revisions = [...oracle.under<ControllerRevision>(REVISIONS)];
  return [
    ...[...oracle.under<StatefulSet>(SETS)].flatMap((set) => setProblems(set, owned(set.metadata.uid))),
    ...[...oracle.under<DaemonSet>(DAEMONS)].flatMap((set) => daemonProblems(set, owned(set.metadata.uid), [...oracle.under<Node>(NODES)])),
    ...[...oracle.under<StatefulSet>(SETS), ...oracle.under<DaemonSet>(DAEMONS)].flatMap(({ kind, metadata }) => {
      const kept = revisions.filter((revision) => controllerOf(revision)?.uid === metadata.uid).length;
      return kept <= 3 ? [] : [`${kind} ${metadata.name} keeps ${kept} revisions`];
    }),
  ];
}

function setProblems({ metadata, spec, status }: StatefulSet, pods: readonly Pod[]): string[] {
  const replicas = spec.replicas ?? 1;
  const names = Array.from({ length: replicas }, (_, place) => `${metadata.name}-${(spec.ordinals?.start ?? 0) + place}`);
  const found = pods.map((pod) => pod.metadata.name ?? '').sort();
  const problems = found.join() === names.sort().join() ? [] : [`${metadata.name} has the pods ${found.join()} instead of ${names.join()}`];
  const image = spec.template.spec.containers[0]?.image;
  for (const pod of pods) if (pod.spec.containers[0]?.image !== image) problems.push(`${pod.metadata.name} has image ${pod.spec.containers[0]?.image} instead of ${image}`);
  const counts = [status?.replicas ?? 0, status?.readyReplicas ?? 0, status?.availableReplicas ?? 0, status?.updatedReplicas ?? 0, status?.currentReplicas ?? 0];
  if (counts.some((count) => count !== replicas) || status?.currentRevision !== status?.updateRevision || status?.observedGeneration !== metadata.generation) problems.push(`${metadata.name} says ${JSON.stringify(status)} and wants ${replicas}`);
  return problems;
}

function daemonProblems({ metadata, spec, status }: DaemonSet, pods: readonly Pod[], nodes: readonly Node[]): string[] {
  const image = spec.template.spec.containers[0]?.image;
  const found = pods.map((pod) => `${pod.spec.nodeName} ${pod.spec.containers[0]?.image}`).sort();
  const wanted = nodes.map((node) => `${node.metadata.name} ${image}`).sort();
  const problems = found.join() === wanted.join() ? [] : [`${metadata.name} runs ${found.join()} instead of ${wanted.join()}`];
  const counts = [status?.desiredNumberScheduled, status?.currentNumberScheduled, status?.numberReady, status?.numberAvailable, status?.updatedNumberScheduled];
  if (counts.some((count) => count !== nodes.length) || (status?.numberUnavailable ?? 0) > 0 || status?.observedGeneration !== metadata.generation) problems.push(`${metadata.name} says ${JSON.stringify(status)} of ${nodes.length} nodes`);
  return problems;
}
