import { CronJob, Deployment, HorizontalPodAutoscaler, Job, Pod, PodDisruptionBudget, ResourceQuota, Service } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { SimulatedUser } from '../chaos.js';
import type { SimulatedCluster } from '../cluster.js';
import { IdentityWorkload } from '../identity-workload.js';
import { autoscaler, budget, cronJob, deployment, job, NAMESPACE, quota, service } from './recipes.js';
import { jumpySignal, type Signals } from './signal.js';
import { UserRequests } from '../user-requests.js';

const [PODS, JOBS, CRONS] = ['/registry/core/pods/', '/registry/batch/jobs/', '/registry/batch/cronjobs/'] as const;
/** Pods that run all the time, at most, and a few for what is rolled or ends. */
const STEADY_PODS = 28;
const IDENTITIES = { sets: 2, daemons: 1, replicas: 3 };

/** A user of every kind of workload: makes some of each, and scales, rolls, suspends, deletes and evicts at random. */
export class MixedWorkload implements SimulatedUser {
  readonly #requests: UserRequests;
  #names = 0;
  readonly #identities: IdentityWorkload;
  readonly #deployments: string[] = [];
  readonly #crons: string[] = [];

  constructor(
    private readonly cluster: Pick<SimulatedCluster, 'user' | 'oracle' | 'violated'>,
    private readonly random: SeededRandom,
    private readonly signals: Signals,
  ) {
    this.#requests = new UserRequests(cluster);
    this.#identities = new IdentityWorkload(cluster, random, IDENTITIES);
  }

  get open(): number {
    return this.#requests.open + this.#identities.open;
  }

  /** Requests that were refused, by reason. */
  get refused(): ReadonlyMap<string, number> {
    return this.#requests.refused;
  }

  begin(): void {
    const { random } = this;
    const { user } = this.cluster;
    if (random.chance(0.5)) {
      void this.#requests.send(user.kind(ResourceQuota).create(quota('all', STEADY_PODS + random.int(5))));
      void this.#requests.send(user.kind(ResourceQuota).create(quota('tasks', 2 + random.int(3), ['Terminating'])));
    }
    this.#identities.begin();
    for (let n = 0; n < 2; n += 1) this.#createDeployment();
    this.#createScaled();
    for (const name of [random.pick(this.#deployments), 'db-1']) if (random.chance(0.7)) void this.#requests.send(user.kind(PodDisruptionBudget).create(budget(name, random)));
    for (let n = 0; n < 3; n += 1) this.#createJob();
    for (const policy of ['Allow', 'Forbid', 'Replace']) this.#createCron(policy);
  }

  change(): void {
    const { random } = this;
    const acts = [
      this.#identity, this.#identity, this.#scale, this.#roll, this.#createJob, this.#createJob, this.#deleteJob, this.#suspendJob, this.#suspendCron, this.#recreateCron, this.#evict, this.#evict, this.#deletePod,
    ];
    random.pick(acts).call(this);
  }

  cordon(name: string, unschedulable: boolean): Promise<void> {
    return this.#identities.cordon(name, unschedulable);
  }

  /** Whatever was suspended runs, CronJobs are no longer due, and the metrics stay as they are: now everything can come to rest. */
  async finale(): Promise<void> {
    const { user, oracle } = this.cluster;
    this.signals.hold();
    const ref = ({ metadata }: CronJob | Job) => ({ namespace: NAMESPACE, name: metadata.name ?? '' });
    const ours = (job: Job): boolean => job.spec.suspend === true && job.metadata.deletionTimestamp === undefined;
    await Promise.all([
      ...[...oracle.under<CronJob>(CRONS)].map((cron) => this.#requests.send(user.kind(CronJob).patch(ref(cron), 'merge', { spec: { suspend: true } }))),
      ...[...oracle.under<Job>(JOBS)].filter(ours).map((one) => this.#requests.send(user.kind(Job).patch(ref(one), 'merge', { spec: { suspend: false } }))),
    ]);
  }

  /** Some pods at once, covered by a budget or not. */
  evict(): void {
    this.#evict();
  }

  #createDeployment(): void {
    const name = this.#name('web');
    const { random } = this;
    const { user } = this.cluster;
    this.#deployments.push(name);
    void this.#requests.send(user.kind(Deployment).create(deployment(name, 1 + random.int(3), random)));
    if (random.chance(0.5)) void this.#requests.send(user.kind(Service).create(service(name)));
  }

  /** Scaled by its metric, and not by the user. */
  #createScaled(): void {
    const name = this.#name('scaled');
    const { random, signals } = this;
    const { user } = this.cluster;
    const bounds = { min: 1 + random.int(2), max: 3 + random.int(2) };
    signals.add(name, jumpySignal(random, 60));
    void this.#requests.send(user.kind(Deployment).create(deployment(name, bounds.min, random)));
    void this.#requests.send(user.kind(HorizontalPodAutoscaler).create(autoscaler(name, bounds, random)));
  }

  #createJob(): void {
    void this.#requests.send(this.cluster.user.kind(Job).create(job(this.#name('job'), this.random)));
  }

  #createCron(policy: string, name = this.#name('cron')): void {
    if (!this.#crons.includes(name)) this.#crons.push(name);
    void this.#requests.send(this.cluster.user.kind(CronJob).create(cronJob(name, policy, this.random)));
  }

  #identity(): void {
    this.#identities.change();
  }

  #scale(): void {
    void this.#requests.send(this.cluster.user.kind(Deployment).scale({ namespace: NAMESPACE, name: this.random.pick(this.#deployments) }, this.random.int(4)));
  }

  #roll(): void {
    const image = { spec: { template: { spec: { containers: [{ name: 'main', image: `sim:v${1 + this.random.int(5)}` }] } } } };
    void this.#requests.send(this.cluster.user.kind(Deployment).patch({ namespace: NAMESPACE, name: this.random.pick(this.#deployments) }, 'strategic', image));
  }

  /** One that a CronJob did not make: a time whose Job is gone may be served again. */
  #ownJob(): string | undefined {
    const jobs = [...this.cluster.oracle.under<Job>(JOBS)].filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
    return jobs.length === 0 ? undefined : this.random.pick(jobs).metadata.name;
  }

  #deleteJob(): void {
    const name = this.#ownJob();
    if (name !== undefined) void this.#requests.send(this.cluster.user.kind(Job).delete({ namespace: NAMESPACE, name }, { propagationPolicy: this.random.pick(['Background', 'Foreground']) }));
  }

  #suspendJob(): void {
    const name = this.#ownJob();
    if (name !== undefined) void this.#requests.send(this.cluster.user.kind(Job).patch({ namespace: NAMESPACE, name }, 'merge', { spec: { suspend: this.random.chance(0.5) } }));
  }

  #suspendCron(): void {
    void this.#requests.send(this.cluster.user.kind(CronJob).patch({ namespace: NAMESPACE, name: this.random.pick(this.#crons) }, 'merge', { spec: { suspend: this.random.chance(0.4) } }));
  }

  /** Another CronJob of the same name, while Jobs of the first are there. */
  #recreateCron(): void {
    const name = this.random.pick(this.#crons);
    const policy = this.random.pick(['Allow', 'Forbid', 'Replace']);
    const remove = this.cluster.user.kind(CronJob).delete({ namespace: NAMESPACE, name }, { propagationPolicy: 'Background' });
    void this.#requests.send(remove).then(() => this.#createCron(policy, name));
  }

  #deletePod(): void {
    const pod = this.#pod();
    if (pod !== undefined) void this.#requests.send(this.cluster.user.kind(Pod).delete({ namespace: NAMESPACE, name: pod }));
  }

  #evict(): void {
    for (let n = 0; n < 3; n += 1) {
      const pod = this.#pod();
      if (pod !== undefined) void this.#requests.send(this.cluster.user.evict({ namespace: NAMESPACE, name: pod }));
    }
  }

  #pod(): string | undefined {
    const pods = [...this.cluster.oracle.under<Pod>(PODS)];
    return pods.length === 0 ? undefined : this.random.pick(pods).metadata.name;
  }

  #name(kind: string): string {
    this.#names += 1;
    return `${kind}-${this.#names}`;
  }
}
