import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, definePlugin, type Orchestrator, Runtimes } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { type BehaviourOf, createSimulatedRuntime, SimulatedMachine } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { z } from 'zod';

/** A cluster of simulated machines with the real controllers, scheduler and agents, and its end. */
export interface SimulatedCluster {
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

/** Starts one. Unless told otherwise containers start at once and run on. */
export async function simulatedCluster(nodes: number, behaviour: BehaviourOf = () => ({})): Promise<SimulatedCluster> {
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
  });
  await orchestrator.start();
  return {
    orchestrator,
    async end() {
      await orchestrator.stop();
      rmSync(rootDir, { recursive: true, force: true });
    },
  };
}
