import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator } from '@orrery/core';
import { workloadControllers } from '@orrery/controllers';
import { loopbackNetwork } from '@orrery/network-loopback';
import { nodeAgent } from '@orrery/node-agent';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { processRuntime } from '@orrery/runtime-process';
import { spread } from '@orrery/scheduler-spread';
import { memoryStore } from '@orrery/store-memory';

/** The folder of this example: its manifests, and what its containers run. */
export const folder = new URL('..', import.meta.url).pathname;

/** An orchestrator of embedded parts, and the folder it keeps its state in. */
export async function assemble(): Promise<{ readonly orchestrator: Orchestrator; readonly stateDir: string }> {
  const stateDir = mkdtempSync(join(tmpdir(), 'orrery-tour-'));
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      spread(),
      workloadControllers(),
      processRuntime({ stateDir: join(stateDir, 'runtime'), workingDir: folder, onStop: 'destroy' }),
      nodeAgent({ name: 'this-machine', rootDir: join(stateDir, 'node') }),
      loopbackNetwork(),
      userspaceProxy(),
    ],
  });
  return { orchestrator, stateDir };
}
