import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator } from '@orrery/core';
import { workloadControllers } from '@orrery/controllers';
import { loopbackNetwork } from '@orrery/network-loopback';
import { nodeAgent } from '@orrery/node-agent';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { spread } from '@orrery/scheduler-spread';
import { memoryStore } from '@orrery/store-memory';
import { type Place, processes } from './place.js';

/** The folder of this example: its manifests, and what its containers run. */
export const folder = new URL('..', import.meta.url).pathname;

/** What the tour needs. */
export interface Assembled {
  readonly orchestrator: Orchestrator;
  readonly place: Place;
  /** Where all state is kept. */
  readonly stateDir: string;
}

/** An orchestrator of embedded parts, whose containers are processes, or containers of a Docker engine. */
export async function assemble(runtime: 'process' | 'docker'): Promise<Assembled> {
  const stateDir = mkdtempSync(join(tmpdir(), 'orrery-tour-'));
  const place = runtime === 'process' ? processes(join(stateDir, 'runtime'), folder) : await (await import('./docker-place.js')).docker(folder);
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      spread(),
      workloadControllers(),
      place.runtime,
      nodeAgent({ name: 'this-machine', rootDir: join(stateDir, 'node') }),
      loopbackNetwork(),
      userspaceProxy(),
    ],
  });
  return { orchestrator, place, stateDir };
}
