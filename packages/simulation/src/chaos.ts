import type { SeededRandom } from '@orrery/core/testing';
import type { SimulatedCluster } from './cluster.js';
import type { Plane } from './plane.js';
import type { Process } from './process.js';
import type { Rates } from './faults.js';
import type { SimulatedNode } from './simulated-node.js';

const MINUTE_MS = 60_000;
/** After so long nothing of what a process sent is still on its way. */
const ARRIVED_MS = 6_000;

/** Who uses a simulated cluster. */
export interface SimulatedUser {
  /** Requests that have no answer yet. */
  readonly open: number;
  /** One change, whatever comes. */
  change(): void;
  /** Cordons a node or makes it schedulable again. */
  cordon(name: string, unschedulable: boolean): Promise<void>;
}

/** What chaos acts on: the one control plane's processes, or several control planes. */
export interface ChaosTarget extends Pick<SimulatedCluster, 'clock' | 'weather' | 'nodes' | 'engine' | 'oracle' | 'trace'> {
  readonly options: { readonly rates: Rates; readonly lost?: number };
  readonly scheduler?: Process;
  readonly controllers?: Process;
  readonly planes?: readonly Plane[];
  jump?(ms: number): void;
}

/** Faults that are moments in time: what happens to a cluster from outside. */
interface Moment {
  readonly rate: keyof Rates;
  /** How often, for every ten nodes instead of for the cluster. */
  readonly perTenNodes: boolean;
  act(chaos: Chaos): void;
}

const MOMENTS: readonly Moment[] = [
  { rate: 'nodeCrashes', perTenNodes: true, act: (chaos) => chaos.crashNode() },
  { rate: 'agentRestarts', perTenNodes: true, act: (chaos) => chaos.restartAgent() },
  { rate: 'partitions', perTenNodes: true, act: (chaos) => chaos.partition() },
  { rate: 'cordons', perTenNodes: true, act: (chaos) => chaos.cordon() },
  { rate: 'shrinks', perTenNodes: true, act: (chaos) => chaos.shrink() },
  { rate: 'schedulerRestarts', perTenNodes: false, act: (chaos) => chaos.restart('scheduler') },
  { rate: 'controllerRestarts', perTenNodes: false, act: (chaos) => chaos.restart('controllers') },
  { rate: 'compactions', perTenNodes: false, act: (chaos) => chaos.compact() },
  { rate: 'clockJumps', perTenNodes: false, act: (chaos) => chaos.jump() },
  { rate: 'changes', perTenNodes: true, act: (chaos) => chaos.change() },
  { rate: 'planeKills', perTenNodes: false, act: (chaos) => chaos.killPlane() },
  { rate: 'planeStops', perTenNodes: false, act: (chaos) => chaos.stopPlane('stop') },
  { rate: 'planeFreezes', perTenNodes: false, act: (chaos) => chaos.stopPlane('freeze') },
  { rate: 'planeCuts', perTenNodes: false, act: (chaos) => chaos.cutPlane() },
];

/** Makes things happen to a cluster at moments drawn from the seed, and puts everything right again in the end. */
export class Chaos {
  /** What happened, and how often. */
  readonly stats = new Map<string, number>();
  /** Repairs that are still to be made. */
  readonly #repairs = new Map<string, { readonly cancel: () => void; readonly act: () => void }>();

  constructor(
    private readonly cluster: ChaosTarget,
    private readonly workload: SimulatedUser,
    private readonly random: SeededRandom,
  ) {}

  /** Bad weather for so long; then it clears up. */
  async run(forMs: number): Promise<void> {
    const { clock, weather, nodes, options } = this.cluster;
    const { lost = 0 } = options;
    const end = clock.monotonic() + forMs;
    const weights = MOMENTS.map(({ rate, perTenNodes }) => options.rates[rate] * (perTenNodes ? nodes.length / 10 : 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weather.bad = true;
    for (const node of nodes.slice(0, lost)) clock.timer(this.random.int(forMs), () => this.#lose(node));
    while (total > 0) {
      const next = Math.ceil((-Math.log(1 - this.random.float()) / total) * MINUTE_MS);
      if (clock.monotonic() + next >= end) break;
      await clock.advance(next);
      this.#draw(weights, total);
    }
    await clock.advance(Math.max(0, end - clock.monotonic()));
    weather.bad = false;
    // What a dead process had sent is still on its way; whoever takes its place must not come before it.
    if (['scheduler', 'controllers'].some((name) => this.#repairs.has(`${name} up`))) await clock.advance(ARRIVED_MS);
    await this.#repairAll();
  }

  crashNode(): void {
    const node = this.#node('nodes crashed');
    node.crash();
    // Half of them come back before anybody has noticed.
    this.#later(`${node.agent.name} up`, 5_000 + this.random.int(this.random.chance(0.5) ? 20_000 : 300_000), () => node.start());
  }

  restartAgent(): void {
    const node = this.#node('agents restarted');
    node.agent.kill();
    this.#later(`${node.agent.name} up`, 100 + this.random.int(60_000), () => node.start());
  }

  partition(): void {
    const { agent } = this.#node('agents partitioned');
    agent.partition = this.random.pick(['toServer', 'fromServer', 'both'] as const);
    this.#later(`${agent.name} line`, 5_000 + this.random.int(175_000), () => {
      agent.partition = 'none';
    });
  }

  cordon(): void {
    const { name } = this.#node('nodes cordoned').options;
    void this.workload.cordon(name, true);
    this.#later(`${name} cordon`, 5_000 + this.random.int(175_000), () => void this.workload.cordon(name, false));
  }

  shrink(): void {
    const node = this.#node('nodes shrunk');
    const { size } = node.options;
    const resize = (cpu: number): void => {
      node.size = { ...size, cpu };
      node.agent.kill();
      this.#later(`${node.agent.name} up`, 1_000, () => node.start());
    };
    resize(Math.ceil((size.cpu * 2) / 3));
    this.#later(`${node.agent.name} size`, 30_000 + this.random.int(150_000), () => resize(size.cpu));
  }

  restart(which: 'scheduler' | 'controllers'): void {
    this.#count(`${which} restarted`);
    const process = this.cluster[which];
    if (process === undefined) return;
    process.kill();
    // Not sooner than the slowest of what it had sent can arrive: a second scheduler that starts while binds of the first are on their way
    // needs leader election, as in Kubernetes.
    this.#later(`${which} up`, ARRIVED_MS + this.random.int(15_000), () => process.start());
  }

  /** Forward by up to hours, or back by up to a minute and a half: what waits for a wall time waits longer then. */
  jump(): void {
    this.#count('clock jumped');
    const { random } = this;
    const ms = random.chance(0.5) ? -1_000 * (1 + random.int(90)) : 1_000 * (1 + random.int(random.pick([30, 600, 4 * 3_600])));
    this.cluster.jump?.(ms);
  }

  killPlane(): void {
    const plane = this.#plane('killed');
    if (plane === undefined) return;
    plane.kill();
    this.#later(`${plane.name} up`, 1_000 + this.random.int(59_000), () => plane.start());
  }

  stopPlane(how: 'stop' | 'freeze'): void {
    const plane = this.#plane(how === 'stop' ? 'stopped' : 'frozen');
    if (plane === undefined) return;
    plane.clock[how]();
    this.#later(`${plane.name} goes on`, 100 + this.random.int(15_000), () => plane.clock.resume());
  }

  cutPlane(): void {
    const plane = this.#plane('cut off');
    if (plane === undefined) return;
    plane.cut = true;
    this.#later(`${plane.name} line`, 500 + this.random.int(30_000), () => {
      plane.cut = false;
    });
  }

  compact(): void {
    this.#count('compactions');
    void this.cluster.engine.compact(this.cluster.oracle.revision);
  }

  change(): void {
    this.#count('changes');
    this.workload.change();
  }

  #lose(node: SimulatedNode): void {
    this.#count('nodes lost for good');
    node.lose();
  }

  #draw(weights: readonly number[], total: number): void {
    let at = this.random.float() * total;
    for (const [index, weight] of weights.entries()) {
      at -= weight;
      if (at < 0) return (MOMENTS[index] as Moment).act(this);
    }
  }

  #node(what: string): SimulatedNode {
    this.#count(what);
    return this.random.pick(this.cluster.nodes);
  }

  /** Most of the time the one that leads. */
  #plane(what: string): Plane | undefined {
    const { planes = [] } = this.cluster;
    if (planes.length === 0) return undefined;
    const leader = planes.find(({ leads }) => leads);
    const plane = leader !== undefined && this.random.chance(0.7) ? leader : this.random.pick(planes);
    this.#count(`planes ${what}`);
    return plane;
  }

  #count(what: string): void {
    this.cluster.trace.note(`${(this.cluster.clock.monotonic() / 1000).toFixed(3)} s: chaos: ${what}`);
    this.stats.set(what, (this.stats.get(what) ?? 0) + 1);
  }

  /** A repair due later; the earlier one of the same thing gives way. */
  #later(what: string, delayMs: number, act: () => void): void {
    this.#repairs.get(what)?.cancel();
    const repair = (): void => {
      this.#repairs.delete(what);
      act();
    };
    this.#repairs.set(what, { cancel: this.cluster.clock.timer(delayMs, repair), act });
  }

  async #repairAll(): Promise<void> {
    while (this.#repairs.size > 0) {
      const [[what, { cancel, act }]] = this.#repairs as unknown as [[string, { cancel: () => void; act: () => void }]];
      cancel();
      this.#repairs.delete(what);
      act();
    }
    await this.cluster.clock.until(() => this.workload.open === 0, 10 * MINUTE_MS, 'answers to all requests of the user');
    // A cordon whose request failed in the bad weather would stay.
    for (const { options } of this.cluster.nodes) await this.workload.cordon(options.name, false);
  }
}
