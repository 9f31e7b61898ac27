import { join } from 'node:path';
import { type Plugin, systemClock, systemRandom } from '@orrery/core';
import { nodeAgent, type Prober } from '@orrery/node-agent';

/** What containers are. */
export interface RuntimeSettings {
  readonly runtime: 'process' | 'docker' | 'simulated';
  readonly data: string;
  readonly onExit: 'leave' | 'remove';
  /** Tells the containers of several users of one engine apart; default `orrery`. */
  readonly id?: string;
}

/** What nodes are. */
export type NodeOptions = NonNullable<Parameters<typeof nodeAgent>[0]>;

/** A runtime, loaded when it is asked for, and the agent of nodes whose pods it runs. */
export async function nodeParts(settings: RuntimeSettings, options: NodeOptions): Promise<Plugin[]> {
  const { runtime, data, onExit, id = 'orrery' } = settings;
  const rootDir = join(data, 'nodes');
  const onStop = onExit === 'remove' ? 'destroy' : 'leave';
  switch (runtime) {
    case 'process':
      return [(await import('@orrery/runtime-process')).processRuntime({ stateDir: join(data, 'runtime'), onStop }), nodeAgent({ ...options, rootDir })];
    case 'docker':
      return [(await import('@orrery/runtime-docker')).dockerRuntime({ id, onStop }), nodeAgent({ ...options, rootDir })];
    case 'simulated':
      return simulated({ ...options, rootDir });
  }
}

/** Containers that are only pretended, on nodes whose size is pretended too; their probes are answered by what pretends them. */
async function simulated(options: NodeOptions): Promise<Plugin[]> {
  const { simulatedRuntime, SimulatedMachine } = await import('@orrery/runtime-simulated');
  const machine = new SimulatedMachine({ clock: systemClock, random: systemRandom });
  const prober: Prober = {
    probe: async ({ containerId }, _handler, kind) => ({ ok: kind === 'postStart' || kind === 'preStop' || machine.probe(containerId, kind), message: 'the simulated container says so' }),
  };
  return [simulatedRuntime({ machine }), nodeAgent({ ...options, capacity: { cpu: '64', memory: '256Gi', pods: '250' }, prober, eviction: 'off' })];
}
