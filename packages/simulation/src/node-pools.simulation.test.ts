import { nodeAutoscaling, workloadControllers } from '@orrery/controllers';
import { createOrchestrator, definePlugin, Deployment, Event, Node, NODE_POOL_LABEL, type NodePool, NodePools, type NodeTemplate, type Orchestrator, Pod, PodDisruptionBudget, SharedInformers, silentLogger } from '@orrery/core';
import { nodePoolConformance, SeededRandom, VirtualClock } from '@orrery/core/testing';
import { type MachineFacts, NodeAgent, type PodVolumes } from '@orrery/node-agent';
import { createSimulatedRuntime, SimulatedMachine } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it } from 'vitest';

const FACTS: MachineFacts = { hostname: 'simulated', capacity: {}, architecture: 'amd64', operatingSystem: 'linux', kernelVersion: 'simulated' };
const NO_VOLUMES: PodVolumes = { prepare: async () => {}, mounts: async () => [], remove: async () => {} };
const clock = new VirtualClock();

/** A provider of simulated machines: each takes a minute to boot, and its agent registers it. */
class SimulatedPool implements NodePool {
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();
  #made = 0;
  orchestrator: Orchestrator | undefined;
  /** The most there ever were. */
  most = 0;
  /** Refuses so many orders. */
  broken = 0;

  constructor(
    readonly name: string,
    readonly min: number,
    readonly max: number,
    readonly price: number,
    readonly template: NodeTemplate,
  ) {}

  nodes = async (): Promise<readonly string[]> => [...this.#running.keys()];

  addNode = async (): Promise<void> => {
    if ((this.broken -= 1) >= 0) throw new Error('no more machines today');
    const name = `${this.name}-${(this.#made += 1)}`;
    const abort = new AbortController();
    this.#running.set(name, { abort, done: this.#boot(name, abort.signal) });
    this.most = Math.max(this.most, this.#running.size);
  };

  removeNode = async (name: string): Promise<void> => {
    const found = this.#running.get(name);
    this.#running.delete(name);
    found?.abort.abort();
    await found?.done;
  };

  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.removeNode(name);
  }

  async #boot(name: string, signal: AbortSignal): Promise<void> {
    await clock.sleep(60_000, signal).catch(() => undefined);
    const { client } = this.orchestrator ?? {};
    if (signal.aborted || client === undefined) return;
    const random = new SeededRandom(this.#made);
    const machine = new SimulatedMachine({ clock, random, behaviour: () => ({ startDelayMs: 500, readyAfterMs: 1_000, stopMs: 500 }) });
    const { labels = {}, taints = [], allocatable } = this.template;
    const informers = new SharedInformers({ client, clock, random, log: silentLogger });
    const agent = new NodeAgent({
      config: { name, labels: { ...labels, [NODE_POOL_LABEL]: this.name }, taints: [...taints], capacity: allocatable, hostIP: '10.0.0.1', runtime: 'simulated' },
      machine: FACTS, times: { leaseMs: 40_000, renewMs: 10_000, statusMs: 300_000 }, rootDir: '', client, informers, runtime: createSimulatedRuntime({ machine }), prober: { probe: async () => ({ ok: true, message: '' }) },
      events: { event: () => {} }, clock, log: silentLogger, volumes: NO_VOLUMES, configure: async (config) => config,
    });
    await agent.run(signal, () => {});
    await informers.close();
  }
}

let orchestrator: Orchestrator | undefined;
let pools: readonly SimulatedPool[] = [];
afterEach(async () => {
  for (const pool of pools) await pool.stop();
  await orchestrator?.stop();
  orchestrator = undefined;
  pools = [];
});
/** The cluster of the test that runs. */
const cluster = (): Orchestrator => {
  if (orchestrator === undefined) throw new TypeError('no cluster was started');
  return orchestrator;
};

async function start(...given: readonly SimulatedPool[]): Promise<void> {
  pools = given;
  const provider = definePlugin({ name: 'simulated-pools', setup: ({ add }) => { for (const pool of given) add(NodePools, pool); } });
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), scheduler(), workloadControllers(), nodeAutoscaling({ unneededSeconds: 300, delayAfterAddSeconds: 120 }), provider()], clock, random: new SeededRandom(1), logger: silentLogger });
  for (const pool of given) pool.orchestrator = orchestrator;
  await orchestrator.start();
}

const ref = { namespace: 'default', name: 'web' };
const deploy = (replicas: number, cpu: string, more: object = {}) => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'web', resources: { requests: { cpu } } }], ...more } };
  return cluster().client.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { replicas, selector: { matchLabels: { app: 'web' } }, template } });
};
const ready = async (): Promise<number> => (await cluster().client.kind(Deployment).get(ref)).status?.readyReplicas ?? 0;
const nodes = async (): Promise<string[]> => (await cluster().client.kind(Node).list()).items.map(({ metadata }) => metadata.name ?? '').sort();
const events = async (): Promise<string[]> => (await cluster().client.kind(Event).list()).items.map(({ reason, message }) => `${reason}: ${message}`);
const until = (condition: () => Promise<boolean>, what: string): Promise<void> => clock.until(condition, 3_600_000, what);

const small = (min = 0, max = 4): SimulatedPool => new SimulatedPool('small', min, max, 1, { allocatable: { cpu: '2', memory: '4Gi', pods: '20' } });
const gpu = (): SimulatedPool =>
  new SimulatedPool('gpu', 0, 2, 9, { allocatable: { cpu: '8', memory: '32Gi', pods: '20', 'example.com/gpu': '1' }, taints: [{ key: 'gpu', effect: 'NoSchedule' }], labels: { accelerator: 'yes' } });

it('adds the nodes that waiting pods need, and gives them back when they are gone', async () => {
  const [a, b] = [small(), gpu()];
  await start(a, b);
  await deploy(6, '900m');
  await until(async () => (await ready()) === 6, 'all pods ready');
  expect(await nodes()).toEqual(['small-1', 'small-2', 'small-3']);
  expect((await events()).filter((text) => /^TriggeredScaleUp: pod triggered scale-up: \[\{small \d->\d \(max: 4\)\}\]$/.test(text))).toHaveLength(6);
  // Two to a node: four pods still need two.
  await cluster().client.kind(Deployment).scale(ref, 3);
  await until(async () => (await nodes()).length === 2, 'one node less');
  expect(await ready()).toBe(3);
  await cluster().client.kind(Deployment).scale(ref, 0);
  await until(async () => (await nodes()).length === 0, 'no node left');
  expect([a.most, b.most]).toEqual([3, 0]);
  // Until its events have expired.
  await clock.advance(2 * 3_600_000);
  const before = (await cluster().client.kind(Pod).list()).metadata.resourceVersion;
  await clock.advance(3_600_000);
  expect((await cluster().client.kind(Pod).list()).metadata.resourceVersion).toBe(before);
});

it('tells what would help a pod that no pool can, and stays within a maximum', async () => {
  const a = small(0, 2);
  await start(a);
  await deploy(6, '900m');
  await until(async () => (await ready()) === 4, 'as many as two nodes hold');
  await clock.advance(600_000);
  expect(a.most).toBe(2);
  expect(await events()).toContain("NotTriggerScaleUp: pod didn't trigger scale-up: small: max node group size reached");
  await deploy(6, '3');
  await until(async () => (await events()).includes("NotTriggerScaleUp: pod didn't trigger scale-up: small: Insufficient cpu"), 'the reason');
});

it('chooses the pool by what the pod asks for', async () => {
  const [a, b] = [small(), gpu()];
  await start(a, b);
  await deploy(1, '100m', { tolerations: [{ key: 'gpu', operator: 'Exists' }], nodeSelector: { accelerator: 'yes' } });
  await until(async () => (await ready()) === 1, 'the pod ready');
  expect(await nodes()).toEqual(['gpu-1']);
});

it('keeps a minimum, and asks a provider that fails again', async () => {
  const a = small(2);
  a.broken = 3;
  await start(a);
  await deploy(1, '100m');
  await until(async () => (await nodes()).length === 2, 'two nodes');
  await clock.advance(1_800_000);
  expect(await nodes()).toHaveLength(2);
});

it('drains an underused node one pod after the other, as the disruption budget allows', async () => {
  const a = small();
  await start(a);
  await deploy(6, '600m');
  await until(async () => (await ready()) === 6, 'all pods ready');
  expect(await nodes()).toHaveLength(2);
  await cluster().client.kind(PodDisruptionBudget).create({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: ref, spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } } } as unknown as PodDisruptionBudget);
  // Three are left, on one node or two: one node is enough.
  await cluster().client.kind(Deployment).scale(ref, 3);
  let fewest = 3;
  await until(async () => (await ready()) === 3, 'three ready');
  await until(async () => {
    fewest = Math.min(fewest, await ready());
    return (await nodes()).length === 1;
  }, 'one node');
  expect(fewest).toBeGreaterThanOrEqual(2);
  await until(async () => (await ready()) === 3, 'three ready again');
});

nodePoolConformance('of simulated machines', async () => {
  const pool = new SimulatedPool('own', 0, 5, 0, { allocatable: { cpu: '2', memory: '4Gi', pods: '20' }, labels: { disk: 'ssd' }, taints: [{ key: 'only', effect: 'NoSchedule' }] });
  const own = await createOrchestrator({ plugins: [memoryStore()], clock, random: new SeededRandom(2), logger: silentLogger });
  await own.start();
  pool.orchestrator = own;
  const isReady = async (name: string): Promise<boolean> => (await own.client.kind(Node).find({ name }))?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  return {
    pool,
    client: own.client,
    registered: (name) => until(() => isReady(name), 'a ready node'),
    cleanup: async () => {
      await pool.stop();
      await own.stop();
    },
  };
}, { describe, it });
