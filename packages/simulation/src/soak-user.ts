import { Deployment, Node, Pod, type PodTemplateSpec, Service } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { SimulatedUser } from './chaos.js';
import type { SimulatedCluster } from './cluster.js';
import { POD_MILLI_CPU } from './workload.js';
import { UserRequests } from './user-requests.js';

const NAMESPACE = 'default';
const DEPLOYMENTS = 4;
const REPLICAS = 3;
/** Pods of their own that live at the same time. */
const TASKS = 6;

/** Pods wanted at the same time, at most. */
export const SOAK_PODS = DEPLOYMENTS * (REPLICAS + 1) + TASKS;

/**
 * A user who does the same for ever: rolls out a version never seen before, scales up and down again, kills pods, and runs tasks that end. What a cluster holds for such a user does not grow,
 * unless something leaks.
 */
export class SoakUser implements SimulatedUser {
  #turn = 0;
  readonly #requests: UserRequests;

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly random: SeededRandom,
  ) {
    this.#requests = new UserRequests(cluster);
  }

  get open(): number {
    return this.#requests.open;
  }

  /** Makes the deployments. */
  begin(): void {
    const { user } = this.cluster;
    for (let n = 0; n < DEPLOYMENTS; n += 1) {
      const name = nameOf(n);
      const spec = { replicas: REPLICAS, selector: { matchLabels: { app: name } }, template: template(name, 0) };
      void this.#requests.send(user.kind(Deployment).create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: NAMESPACE }, spec } as Deployment));
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE }, spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } };
      void this.#requests.send(user.kind(Service).create(service as Service));
    }
  }

  /** The next of what it does, in turn. */
  change(): void {
    const { user, oracle } = this.cluster;
    const turn = this.#turn++;
    const round = Math.floor(turn / 4);
    const name = nameOf(round % DEPLOYMENTS);
    const place = { namespace: NAMESPACE, name };
    if (turn % 4 === 0) void this.#requests.send(user.kind(Deployment).patch(place, 'strategic', { spec: { template: template(name, round + 1) } }));
    else if (turn % 4 === 1) void this.#requests.send(user.kind(Deployment).scale(place, REPLICAS + (Math.floor(round / DEPLOYMENTS) % 2)));
    else if (turn % 4 === 2) this.#task(round);
    else {
      const pods = [...oracle.under<Pod>('/registry/core/pods/')];
      if (pods.length > 0) void this.#requests.send(user.kind(Pod).delete({ namespace: NAMESPACE, name: this.random.pick(pods).metadata.name ?? '' }));
    }
  }

  cordon(name: string, unschedulable: boolean): Promise<void> {
    return this.#requests.send(this.cluster.user.kind(Node).patch({ name }, 'merge', { spec: { unschedulable } }));
  }

  /** A task begins, and the one that began {@link TASKS} before it is taken away. */
  #task(round: number): void {
    const pods = this.cluster.user.kind(Pod);
    const spec = { restartPolicy: 'Never', containers: [{ ...CONTAINER, image: 'sim:task', args: ['exit', String(this.random.int(60)), '0'] }] };
    void this.#requests.send(pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `task-${round}`, namespace: NAMESPACE }, spec } as unknown as Pod));
    for (let old = Math.max(0, round - 2 * TASKS); old <= round - TASKS; old += 1) {
      if (this.cluster.oracle.objects.has(`/registry/core/pods/${NAMESPACE}/task-${old}`)) void this.#requests.send(pods.delete({ namespace: NAMESPACE, name: `task-${old}` }));
    }
  }
}

const nameOf = (n: number): string => `web-${n}`;
const CONTAINER = { name: 'main', command: ['serve'], resources: { requests: { cpu: `${POD_MILLI_CPU}m`, memory: '128Mi' } } };
const template = (app: string, version: number): PodTemplateSpec => ({ metadata: { labels: { app } }, spec: { containers: [{ ...CONTAINER, image: `sim:v${version}` }] } }) as PodTemplateSpec;
