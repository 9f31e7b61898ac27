import type { Clock, ContainerConfig, PodIdentity } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import { type MachineFacts, NodeAgent, type PodVolumes, type Prober } from '@orrery/node-agent';
import { createSimulatedRuntime, type SimulatedBehaviour, type SimulatedFaults, SimulatedMachine } from '@orrery/runtime-simulated';
import type { Weather } from './faults.js';
import { Process, type ProcessHost, type ProcessParts } from './process.js';

/** What a machine has. */
export interface Size {
  readonly cpu: number;
  readonly memoryGi: number;
}

/** How a node is made. */
export interface SimulatedNodeOptions {
  readonly name: string;
  readonly size: Size;
  readonly zone: string;
  readonly clock: Clock;
  readonly host: ProcessHost;
  readonly weather: Weather;
  /** Chance of its containers and of its runtime. */
  readonly chance: (what: string) => SeededRandom;
  /** A change to what its agents are made from; for tests of the oracles. */
  readonly prepare?: (parts: ProcessParts) => ProcessParts;
  /** The process that its agent is part of, where it is not one of its own: when that stands still, so does the agent, and while it is down there is none. */
  readonly partOf?: { awake(): Promise<void>; readonly up: boolean };
}

const TIMES = { leaseMs: 40_000, renewMs: 10_000, statusMs: 300_000 };
const FACTS: MachineFacts = { hostname: 'simulated', capacity: {}, architecture: 'amd64', operatingSystem: 'linux', kernelVersion: 'simulated' };

/** Pods of simulations have no files. */
const NO_VOLUMES: PodVolumes = { prepare: async () => {}, mounts: async () => [], remove: async () => {} };

/** A machine and the agent on it. The machine outlives the agent. */
export class SimulatedNode {
  readonly machine: SimulatedMachine;
  readonly agent: Process;
  /** What the next agent reports. */
  size: Size;
  #lost = false;
  #powerLosses = 0;

  constructor(readonly options: SimulatedNodeOptions) {
    const { name, clock, host, weather, chance, zone, partOf } = options;
    this.size = options.size;
    const containers = chance(`${name} containers`);
    this.machine = new SimulatedMachine({ clock, random: containers, behaviour: (config, pod) => behaviourOf(config, pod, containers, weather) });
    const prober = machineProber(this.machine);
    // One for all lives of the agent: drawn anew by each, it would meet every agent with the same fault at the same call, and none would get past it.
    const runtimeFaults = weather.runtime(chance(`${name} runtime`), (delayMs) => new Promise((resolve) => void clock.timer(delayMs, resolve)), (delayMs) => this.#restartAgent(delayMs));
    this.agent = new Process(`agent-${name}`, host, (given) => {
      const { client, informers, events, clock: own, log, defer } = options.prepare?.(given) ?? given;
      const runtime = createSimulatedRuntime({ machine: this.machine, faults: partOf === undefined ? runtimeFaults : whileAwake(runtimeFaults, partOf) });
      defer(async () => runtime[Symbol.asyncDispose]());
      const capacity = { cpu: `${this.size.cpu * 1000}m`, memory: `${this.size.memoryGi}Gi`, pods: '110' };
      const labels = { 'topology.kubernetes.io/zone': zone };
      const agent = new NodeAgent({
        config: { name, labels, taints: [], capacity, hostIP: '10.0.0.1', runtime: runtime.name },
        machine: FACTS, times: TIMES, rootDir: '', client, informers, runtime, prober, events: events('kubelet'), clock: own, log, volumes: NO_VOLUMES,
        configure: async (config) => config,
      });
      return [agent];
    });
  }

  /** It is gone for good. */
  get lost(): boolean {
    return this.#lost;
  }

  /** The machine loses power and never comes back. */
  lose(): void {
    this.#lost = true;
    this.crash();
  }

  /** Starts its agent, unless the machine is lost. */
  start(): void {
    if (!this.#lost && this.options.partOf?.up !== false) this.agent.start();
  }

  /** The machine loses power. */
  crash(): void {
    this.#powerLosses += 1;
    this.agent.kill();
    this.machine.powerCut();
  }

  /** The agent dies where it is; somebody starts it again, unless the machine loses power before. */
  #restartAgent(delayMs: number): void {
    const losses = this.#powerLosses;
    this.agent.kill();
    this.options.clock.timer(delayMs, () => {
      if (this.#powerLosses === losses) this.start();
    });
  }
}

/** A process that stands still asks nothing of the runtime. */
const whileAwake = (faults: SimulatedFaults, { awake }: { awake(): Promise<void> }): SimulatedFaults => ({
  ...faults,
  before: async (operation, subject) => {
    await awake();
    await faults.before?.(operation, subject);
  },
});

/** Answers every handler from the machine. Hooks always succeed. */
function machineProber(machine: SimulatedMachine): Prober {
  return {
    probe: async ({ containerId }, _handler, kind) => {
      const ok = kind === 'postStart' || kind === 'preStop' || machine.probe(containerId, kind);
      return { ok, message: ok ? '' : 'simulated' };
    },
  };
}

/** A container whose arguments are `exit SECONDS CODE` ends so; one with `try SECONDS PERCENT CODE` succeeds, or fails by so much chance with that code; the others as the weather is when they are created. */
function behaviourOf({ args }: ContainerConfig, _pod: PodIdentity, random: SeededRandom, weather: Weather): SimulatedBehaviour {
  const happens = (rate: 'createFails' | 'startFails' | 'crashes' | 'exitLost' | 'unhealthy' | 'ignoresStop'): boolean => weather.happens(rate, random);
  if (happens('createFails')) return { failCreate: 'simulated' };
  if (happens('startFails')) return { failStart: 'simulated' };
  const [verb, seconds = '0', percent = '0', failure = '1'] = args;
  const code = verb === 'try' ? (random.int(100) < Number(percent) ? failure : 0) : percent;
  return {
    startDelayMs: random.int(2_000),
    readyAfterMs: random.int(5_000),
    stopMs: happens('ignoresStop') ? Number.POSITIVE_INFINITY : random.int(4_000),
    ...(happens('unhealthy') && { unhealthyAfterMs: random.int(60_000) }),
    ...(happens('exitLost') && { exitLost: true, exitAfterMs: random.int(120_000) }),
    ...(verb === 'exit' || verb === 'try' ? { exitAfterMs: Number(seconds) * 1000, exitCode: Number(code) } : happens('crashes') && { exitAfterMs: random.int(120_000), exitCode: random.int(2) }),
  };
}
