import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, Pod } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

/** One node of processes with embedded parts, and its end. */
export interface OneNode {
  readonly orchestrator: Orchestrator;
  end(): Promise<void>;
}

/** Starts an orchestrator with one node that runs processes. */
export async function oneNode(): Promise<OneNode> {
  const stateDir = mkdtempSync(join(tmpdir(), 'orrery-bench-'));
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      scheduler(),
      processRuntime({ stateDir: join(stateDir, 'runtime'), onStop: 'destroy' }),
      nodeAgent({ name: 'bench', rootDir: join(stateDir, 'node'), capacity: { cpu: '1000', memory: '1Ti', pods: '10000' } }),
    ],
  });
  await orchestrator.start();
  return {
    orchestrator,
    async end() {
      await orchestrator.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** A pod of one container that runs a command. */
export function commandPod(name: string, command: readonly string[], env: readonly { name: string; value: string }[] = []): Pod {
  const container = { name: 'main', image: 'none', command: [...command], env: [...env] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [container], terminationGracePeriodSeconds: 0 } } as unknown as Pod;
}

/** Resolves when so many pods that carry the label are Running. */
export async function allRunning(orchestrator: Orchestrator, labelSelector: string, count: number, limitMs = 120_000): Promise<void> {
  const running = new Set<string>();
  for await (const event of orchestrator.client.kind(Pod).watch({ namespace: 'default', labelSelector }, AbortSignal.timeout(limitMs))) {
    if (event.type !== 'BOOKMARK' && event.object.status?.phase === 'Running') running.add(event.object.metadata.name ?? '');
    if (running.size === count) return;
  }
  throw new Error(`${running.size} of ${count} pods were running after ${limitMs / 1000} s`);
}
