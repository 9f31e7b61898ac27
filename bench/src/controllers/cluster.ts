import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { type Clock, createOrchestrator, definePlugin, type Orchestrator, type Plugin, Runtimes } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { type BehaviourOf, createSimulatedRuntime, SimulatedMachine } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { z } from 'zod';

/** A cluster with the real controllers, scheduler and agents, and its end. */
export interface BenchCluster {
  readonly orchestrator: Orchestrator;
  end(): Promise<void>;
}

/** A runtime for each node, called like it: machines share nothing. */
const machines = definePlugin({
  name: 'bench-machines',
  options: z.strictObject({ names: z.array(z.string()), behaviour: z.custom<BehaviourOf>() }),
  setup({ provideNamed, scope, clock, random, options: { names, behaviour } }) {
    for (const name of names) {
      provideNamed(Runtimes, name, () => {
        const machine = new SimulatedMachine({ clock, random, behaviour });
        scope.defer(() => machine.close());
        return scope.own(createSimulatedRuntime({ machine, name }));
      });
    }
  },
});

/** How a cluster differs from the usual one. */
export interface ClusterOptions {
  /** Default: containers start at once and run on. */
  readonly behaviour?: BehaviourOf;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** Starts one of so many nodes. */
export async function simulatedCluster(nodes: number, { behaviour = () => ({}), clock }: ClusterOptions = {}): Promise<BenchCluster> {
  const rootDir = mkdtempSync(join(tmpdir(), 'orrery-bench-'));
  const names = Array.from({ length: nodes }, (_, i) => `n${i}`);
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      scheduler(),
      workloadControllers(),
      machines({ names, behaviour }),
      nodeAgent({ rootDir, capacity: { cpu: '64', memory: '256Gi', pods: '250' }, nodes: names.map((name) => ({ name, runtime: name })) }),
    ],
    ...(clock && { clock }),
  });
  return started(orchestrator, rootDir);
}

/** Starts a node of real processes, with more plugins. */
export async function processCluster(more: readonly Plugin[]): Promise<BenchCluster> {
  const rootDir = mkdtempSync(join(tmpdir(), 'orrery-bench-'));
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      scheduler(),
      workloadControllers(),
      processRuntime({ stateDir: join(rootDir, 'runtime'), onStop: 'destroy' }),
      nodeAgent({ name: 'bench', rootDir: join(rootDir, 'node'), capacity: { cpu: '1000', memory: '1Ti', pods: '10000' } }),
      ...more,
    ],
  });
  return started(orchestrator, rootDir);
}

async function started(orchestrator: Orchestrator, rootDir: string): Promise<BenchCluster> {
  await orchestrator.start();
  return {
    orchestrator,
    async end() {
      await orchestrator.stop();
      rmSync(rootDir, { recursive: true, force: true });
    },
  };
}
