import { Deployment, Node, Pod, type PodSpec, type PodTemplateSpec, ReplicaSet, Service } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { SimulatedUser } from './chaos.js';
import type { SimulatedCluster } from './cluster.js';
import { UserRequests } from './user-requests.js';

/** Thousandths of a core that every pod asks for: equal, so that what fits in sum fits on nodes. */
export const POD_MILLI_CPU = 250;
const NAMESPACE = 'default';

interface Owned {
  readonly name: string;
  replicas: number;
}

/** The user of a simulated cluster: makes deployments and pods at the beginning, and changes them at random later. Errors are part of a user's life. */
export class Workload implements SimulatedUser {
  readonly #deployments: Owned[] = [];
  readonly #pods: string[] = [];
  #names = 0;
  readonly #requests: UserRequests;

  /** @param budget pods that may be wanted at the same time */
  constructor(
    private readonly cluster: Pick<SimulatedCluster, 'user' | 'oracle' | 'violated'>,
    private readonly random: SeededRandom,
    private readonly budget: number,
  ) {
    this.#requests = new UserRequests(cluster);
  }

  get open(): number {
    return this.#requests.open;
  }

  /** Requests that were refused, by reason. */
  get refused(): ReadonlyMap<string, number> {
    return this.#requests.refused;
  }

  /** Fills the budget, but for a tenth. */
  begin(): void {
    while (this.#left() > this.budget * 0.1) {
      if (this.random.chance(0.8)) this.#createDeployment();
      else this.#createPods(1 + this.random.int(Math.max(1, this.budget / 50)));
    }
  }

  change(): void {
    const { random } = this;
    const act = random.pick([this.#scale, this.#scale, this.#roll, this.#roll, this.#createDeployment, this.#deleteDeployment, this.#createBurst, this.#deletePod, this.#deletePod, this.#replacePod, this.#deleteAny]);
    act.call(this);
  }

  cordon(name: string, unschedulable: boolean): Promise<void> {
    return this.#requests.send(this.cluster.user.kind(Node).patch({ name }, 'merge', { spec: { unschedulable } }));
  }

  #left(): number {
    return this.budget - this.#pods.length - this.#deployments.reduce((sum, { replicas }) => sum + replicas, 0);
  }

  #createDeployment(): void {
    const { random, cluster } = this;
    const replicas = 1 + random.int(Math.max(1, Math.min(30, Math.floor(this.budget / 8))));
    if (replicas > this.#left()) return;
    const name = `web-${++this.#names}`;
    this.#deployments.push({ name, replicas });
    const strategy = random.chance(0.1) ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: { maxSurge: random.pick([1, '25%', '50%']), maxUnavailable: random.pick([1, '25%']) } };
    const spec = { replicas, selector: { matchLabels: { app: name } }, strategy, template: this.#template(name, 1), minReadySeconds: random.pick([0, 0, 5]) };
    void this.#requests.send(cluster.user.kind(Deployment).create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: NAMESPACE }, spec } as Deployment));
    if (!random.chance(0.5)) return;
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE }, spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } };
    void this.#requests.send(cluster.user.kind(Service).create(service as Service));
  }

  #template(app: string, version: number): PodTemplateSpec {
    const { random } = this;
    const probes = random.chance(0.3) ? { readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 5 + random.int(10) } } : {};
    const liveness = random.chance(0.2) ? { livenessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 10 } } : {};
    return { metadata: { labels: { app } }, spec: podSpec({ image: `sim:v${version}`, ...probes, ...liveness }, { terminationGracePeriodSeconds: random.pick([1, 5, 30]) }) };
  }

  #createBurst(): void {
    this.#createPods(1 + this.random.int(Math.max(1, this.budget / 20)));
  }

  #createPods(count: number): void {
    const { random, cluster } = this;
    for (let i = 0; i < count && this.#left() > 0; i += 1) {
      const name = `pod-${++this.#names}`;
      this.#pods.push(name);
      const ends = random.chance(0.5);
      const restartPolicy = ends ? random.pick(['Never', 'OnFailure'] as const) : 'Always';
      // One that is to be repeated until it succeeds must be able to.
      const args = ends ? ['exit', String(random.int(300)), String(restartPolicy === 'Never' ? random.int(3) : 0)] : [];
      // Few, so that nodes with the port free are never scarce.
      const ports = random.chance(0.05) ? { ports: [{ containerPort: 8080, hostPort: 9000 + this.#names }] } : {};
      const spec = podSpec({ image: 'sim:v1', args, ...ports }, { restartPolicy });
      void this.#requests.send(cluster.user.kind(Pod).create(barePod(name, spec)));
    }
  }

  #scale(): void {
    if (this.#deployments.length === 0) return;
    const deployment = this.random.pick(this.#deployments);
    const replicas = this.random.int(Math.max(1, Math.min(30, deployment.replicas + this.#left())) + 1);
    if (replicas - deployment.replicas > this.#left()) return;
    deployment.replicas = replicas;
    void this.#requests.send(this.cluster.user.kind(Deployment).scale({ namespace: NAMESPACE, name: deployment.name }, replicas));
  }

  #roll(): void {
    if (this.#deployments.length === 0) return;
    const { name } = this.random.pick(this.#deployments);
    void this.#requests.send(this.cluster.user.kind(Deployment).patch({ namespace: NAMESPACE, name }, 'strategic', { spec: { template: { spec: { containers: [{ name: 'main', image: `sim:v${2 + this.random.int(20)}` }] } } } }));
  }

  #deleteDeployment(): void {
    if (this.#deployments.length === 0) return;
    const [{ name }] = this.#deployments.splice(this.random.int(this.#deployments.length), 1) as [Owned];
    void this.#requests.send(this.cluster.user.kind(Deployment).delete({ namespace: NAMESPACE, name }));
    void this.#requests.send(this.cluster.user.kind(Service).delete({ namespace: NAMESPACE, name }));
  }

  #deletePod(): void {
    if (this.#pods.length === 0) return;
    const [name] = this.#pods.splice(this.random.int(this.#pods.length), 1) as [string];
    void this.#requests.send(this.cluster.user.kind(Pod).delete({ namespace: NAMESPACE, name }));
  }

  /** Another pod of the same name at once, while the containers of the first still run. */
  #replacePod(): void {
    if (this.#pods.length === 0) return;
    const name = this.random.pick(this.#pods);
    const pods = this.cluster.user.kind(Pod);
    const replace = async (): Promise<void> => {
      const { uid = '' } = (await pods.delete({ namespace: NAMESPACE, name })).metadata;
      await pods.delete({ namespace: NAMESPACE, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      await pods.create(barePod(name, podSpec({ image: 'sim:v2' }, {})));
    };
    void this.#requests.send(replace());
  }

  /** A pod of a deployment, or a ReplicaSet: its owner has to make another. */
  #deleteAny(): void {
    const pods = [...this.cluster.oracle.under<Pod>('/registry/core/pods/')];
    const sets = [...this.cluster.oracle.under<ReplicaSet>('/registry/apps/replicasets/')];
    const isSet = this.random.chance(0.1) && sets.length > 0;
    if (isSet) void this.#requests.send(this.cluster.user.kind(ReplicaSet).delete({ namespace: NAMESPACE, name: this.random.pick(sets).metadata.name ?? '' }));
    else if (pods.length > 0) void this.#requests.send(this.cluster.user.kind(Pod).delete({ namespace: NAMESPACE, name: this.random.pick(pods).metadata.name ?? '' }));
  }
}

function barePod(name: string, spec: PodSpec): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE, labels: { app: 'bare' } }, spec } as Pod;
}

function podSpec(container: object, pod: Partial<PodSpec>): PodSpec {
  const resources = { requests: { cpu: `${POD_MILLI_CPU}m`, memory: '128Mi' } };
  return { containers: [{ name: 'main', command: ['serve'], resources, ...container }], ...pod } as PodSpec;
}
