import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Deployment, type Orchestrator, Pod, Service } from '@orrery/core';
import { folder } from './assemble.js';
import type { Place } from './place.js';
import { type Answer, ask, load, PORT } from './requests.js';
import type { Screen } from './screen.js';
import { waitFor, waitForNone } from './wait.js';

const REF = { namespace: 'default', name: 'hello' };
const SELECTOR = 'app=hello';

/** One walk through everything; each step throws when what it promises was not observed. */
export class Tour {
  readonly #seen: Answer[] = [];
  readonly #ports = new Set<string>();
  #address = '';

  constructor(
    private readonly orchestrator: Orchestrator,
    private readonly place: Place,
    private readonly stateDir: string,
    private readonly screen: Screen,
  ) {}

  /** The steps, in order. */
  async run(): Promise<void> {
    await this.deploy();
    await this.balance();
    await this.heal();
    await this.scale();
    await this.roll();
    await this.explain();
    await this.stop();
  }

  /** Where the Service answers. */
  get address(): string {
    return this.#address;
  }

  /** Applies the manifests and waits until all replicas are ready; what an earlier tour left running is taken over as it is. */
  async deploy(): Promise<void> {
    const { client } = this.orchestrator;
    const found = new Map((await this.#pods()).map((pod) => [pod.metadata.name, incarnation(pod)]));
    if (found.size > 0) await this.#carryOn(found);
    this.screen.step('Apply ordinary Kubernetes manifests: a Deployment of three HTTP servers, and a Service');
    const began = this.screen.seconds;
    for (const file of ['deployment.yaml', 'service.yaml']) {
      for (const { action, object } of await client.apply(readFileSync(join(folder, file), 'utf8'))) this.screen.text(`${object.kind.toLowerCase()}/${object.metadata.name} ${action}`);
    }
    await this.#ready(3);
    const service = await client.kind(Service).get(REF);
    this.#address = service.spec.clusterIP ?? '';
    for (const { status } of await this.#pods()) this.#ports.add(`${status?.podIP}:8080`);
    this.screen.ok(`3 of 3 replicas are ready after ${(this.screen.seconds - began).toFixed(2)} s; the Service answers on http://${this.#address}:${PORT}`);
  }

  /** What a tour that was killed left running, with the state in the store: still there, none of it started anew. */
  async #carryOn(found: ReadonlyMap<string | undefined, string>): Promise<void> {
    this.screen.step(`Take over what an earlier tour left: ${found.size} pods in the store`);
    const deployment = await this.orchestrator.client.kind(Deployment).get(REF);
    await this.#ready(deployment.spec.replicas ?? 1);
    const now = await this.#pods();
    const anew = now.filter((pod) => found.get(pod.metadata.name) !== incarnation(pod));
    if (anew.length > 0 || now.length !== found.size) throw new Error(`${anew.length} of ${found.size} pods were started anew: ${anew.map((pod) => pod.metadata.name).join(', ')}`);
    this.screen.ok(`adopted: all ${found.size} run on as they were, nothing restarted`);
  }

  /** Requests through the Service reach every replica. */
  async balance(): Promise<void> {
    this.screen.step('Send 300 requests through the Service');
    await this.#until(async () => (await this.#answers(30)).size === 3, 'all replicas answering');
    const counts = await this.#answers(300);
    if (counts.size !== 3) throw new Error(`only ${counts.size} of 3 replicas were reached`);
    this.screen.ok(`all three answered: ${[...counts].map(([pod, n]) => `${pod} ${n}`).join(', ')}`);
  }

  /** A killed process is replaced. */
  async heal(): Promise<void> {
    this.screen.step('Kill one of the processes with SIGKILL');
    const victim = await ask(this.#address);
    const began = this.screen.seconds;
    const restarts = (pod: Pod): number => pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
    const pod = await this.orchestrator.client.kind(Pod).get({ name: victim.pod });
    const before = restarts(pod);
    await this.place.kill(pod, victim);
    const isReady = (pod: Pod): boolean => restarts(pod) > before && pod.status?.containerStatuses?.[0]?.ready === true;
    await waitFor(this.orchestrator.client, Pod, { ...REF, name: victim.pod }, isReady, 'the replacement');
    this.screen.ok(`the process of ${victim.pod} is gone; a ready replacement stood ${((this.screen.seconds - began) * 1000).toFixed(0)} ms later`);
  }

  /** Up and down. */
  async scale(): Promise<void> {
    const deployments = this.orchestrator.client.kind(Deployment);
    this.screen.step('Scale to six, and back to two');
    for (const replicas of [6, 2]) {
      const began = this.screen.seconds;
      await deployments.scale(REF, replicas);
      await this.#ready(replicas);
      await this.#until(async () => (await this.#pods()).length === replicas, `${replicas} pods`);
      this.screen.ok(`${replicas} replicas after ${(this.screen.seconds - began).toFixed(2)} s`);
    }
  }

  /** A rolling update that no client notices. */
  async roll(): Promise<void> {
    const deployments = this.orchestrator.client.kind(Deployment);
    this.screen.step('Roll out version "two" under load');
    const traffic = load(this.#address, 4);
    const began = this.screen.seconds;
    const container = { name: 'server', env: [{ name: 'VERSION', value: 'two' }] };
    await deployments.patch(REF, 'strategic', { spec: { template: { spec: { containers: [container] } } } });
    await this.#ready(2);
    await this.#until(async () => (await this.#pods()).length === 2, 'the old pods gone');
    const took = this.screen.seconds - began;
    const { answers, failures, versions } = await traffic.stop();
    if (failures.length > 0) throw new Error(`${failures.length} of ${answers + failures.length} requests failed: ${failures[0]}`);
    if ((await ask(this.#address)).version !== 'two' || !versions.has('one')) throw new Error(`versions seen: ${[...versions].join(', ')}`);
    this.screen.ok(`rolled out in ${took.toFixed(2)} s; ${answers} requests meanwhile, none failed`);
  }

  /** A pod that fits nowhere says why. */
  async explain(): Promise<void> {
    const pods = this.orchestrator.client.kind(Pod);
    this.screen.step('Ask why a pod that needs 1,000 cpus is pending');
    const name = 'impossible';
    const container = { name: 'greedy', image: 'node', command: ['true'], resources: { requests: { cpu: '1000' } } };
    await this.orchestrator.client.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [container] } });
    const unschedulable = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable') === true;
    await waitFor(this.orchestrator.client, Pod, { ...REF, name }, unschedulable, 'the verdict');
    const explanation = await this.orchestrator.explain({ name });
    if (explanation.node !== undefined) throw new Error(`it was placed on ${explanation.node}`);
    this.screen.text(explanation.message);
    for (const { node, refusals } of explanation.nodes) {
      for (const { plugin, reasons, numbers } of refusals) this.screen.text(`${node}: ${plugin}: ${reasons.join(', ')} ${JSON.stringify(numbers ?? {})}`);
    }
    await pods.delete({ name });
    this.screen.ok('the refusal names node, filter, reason and numbers');
  }

  /** Everything ends, and nothing is left. */
  async stop(): Promise<void> {
    const { client } = this.orchestrator;
    this.screen.step('Stop, and look for what is left');
    await this.#answers(20);
    for (const { status } of await this.#pods()) this.#ports.add(`${status?.podIP}:8080`);
    this.#ports.add(`${this.#address}:${PORT}`);
    await client.kind(Deployment).delete(REF, { propagationPolicy: 'Foreground' });
    await waitForNone(client, Pod, SELECTOR);
    await this.orchestrator.stop();
    const left = await this.place.leftovers(this.#seen);
    if (left.length > 0) throw new Error(`still there: ${left.join(', ')}`);
    const open = [];
    for (const place of this.#ports) if (await answers(place)) open.push(place);
    if (open.length > 0) throw new Error(`ports are still open: ${open.join(', ')}`);
    const files = filesBelow(this.stateDir);
    if (files.length > 0) throw new Error(`files are left: ${files.join(', ')}`);
    this.screen.ok(`no process or container, none of ${this.#ports.size} ports, no file is left`);
  }

  /** Who answers how often. Remembers everyone ever seen. */
  async #answers(count: number): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (let i = 0; i < count; i += 1) {
      const answer = await ask(this.#address);
      this.#seen.push(answer);
      counts.set(answer.pod, (counts.get(answer.pod) ?? 0) + 1);
    }
    return counts;
  }

  async #pods(): Promise<readonly Pod[]> {
    return (await this.orchestrator.client.kind(Pod).list({ namespace: 'default', labelSelector: SELECTOR })).items;
  }

  async #ready(replicas: number): Promise<void> {
    const settled = ({ metadata, status }: Deployment): boolean =>
      status?.observedGeneration === metadata.generation && status?.replicas === replicas && status.updatedReplicas === replicas && status.readyReplicas === replicas;
    await waitFor(this.orchestrator.client, Deployment, REF, settled, `${replicas} ready replicas`);
  }

  /** Looks again until the condition holds. */
  async #until(condition: () => Promise<boolean>, what: string, limitMs = 15_000): Promise<void> {
    const end = this.screen.seconds + limitMs / 1000;
    while (!(await condition())) {
      if (this.screen.seconds > end) throw new Error(`${what} was not seen within ${limitMs / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Differs as soon as a pod or its container is another one than before. */
const incarnation = ({ metadata, status }: Pod): string => `${metadata.uid} ${(status?.containerStatuses ?? []).map(({ containerID, restartCount }) => `${containerID} ${restartCount}`).join()}`;

/** Files (not folders) anywhere below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

function answers(place: string): Promise<boolean> {
  const [host, port] = place.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host ?? '', port: Number(port) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
