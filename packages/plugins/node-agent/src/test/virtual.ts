import { createOrchestrator, type Orchestrator } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { type BehaviourOf, SimulatedMachine, type SimulatedFaults, type SimulatedImagesOptions, simulatedRuntime } from '@orrery/runtime-simulated';
import { memoryStore } from '@orrery/store-memory';
import { nodeAgent, type Prober } from '../index.js';

/** A node (or several, over one machine) in virtual time. */
export class VirtualCluster {
  readonly clock: VirtualClock;
  readonly machine: SimulatedMachine;
  readonly faults: SimulatedFaults;
  readonly orchestrator: Promise<Orchestrator>;

  constructor({ behaviour, nodes = ['node'], faults = {}, images, agent = {}, journal, after }: { readonly behaviour?: BehaviourOf; readonly nodes?: readonly string[]; readonly faults?: SimulatedFaults; readonly images?: SimulatedImagesOptions; readonly agent?: Partial<Parameters<typeof nodeAgent>[0]>; /** A file that the store survives in. */ readonly journal?: string; /** One that was left: its machine and its time go on. */ readonly after?: VirtualCluster } = {}) {
    const clock = after?.clock ?? new VirtualClock();
    this.clock = clock;
    const random = new SeededRandom(1);
    this.faults = faults;
    this.machine = after?.machine ?? new SimulatedMachine({ clock, random, ...(behaviour !== undefined && { behaviour }), ...(images !== undefined && { images }) });
    const { machine } = this;
    const prober: Prober = {
      probe: async ({ containerId }, _handler, kind) => ({ ok: kind === 'postStart' || kind === 'preStop' || machine.probe(containerId, kind), message: 'simulated' }),
    };
    this.orchestrator = createOrchestrator({
      clock, random,
      plugins: [memoryStore(journal === undefined ? {} : { journal }), simulatedRuntime({ machine, faults }), nodeAgent({ nodes: nodes.map((name) => ({ name, labels: {}, taints: [], capacity: {}, runtime: 'simulated' })), prober, rootDir: '/nonexistent', ...agent })],
    });
  }

  async start(): Promise<Orchestrator> {
    const orchestrator = await this.orchestrator;
    let started = false;
    const starting = orchestrator.start();
    const done = (): void => void (started = true);
    void starting.then(done, done);
    await this.clock.until(() => started, 60_000, 'the start');
    await starting;
    return orchestrator;
  }

  async stop(): Promise<void> {
    await this.leave();
    this.machine.close();
  }

  /** Stops what runs on the machine's behalf, and leaves the machine as it is. */
  async leave(): Promise<void> {
    const orchestrator = await this.orchestrator;
    let stopped = false;
    const stopping = orchestrator.stop().finally(() => void (stopped = true));
    await this.clock.until(() => stopped, 60_000, 'the stop');
    await stopping;
  }
}

