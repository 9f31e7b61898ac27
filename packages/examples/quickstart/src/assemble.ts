import { join } from 'node:path';
import { createOrchestrator, type Orchestrator } from '@orrery/core';
import { workloadControllers } from '@orrery/controllers';
import { loopbackNetwork } from '@orrery/network-loopback';
import { nodeAgent } from '@orrery/node-agent';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { spread } from '@orrery/scheduler-spread';
import { type Place, processes } from './place.js';
import type { TourStore } from './store.js';

/** The folder of this example: its manifests, and what its containers run. */
export const folder = new URL('..', import.meta.url).pathname;

/** What the tour needs. */
export interface Assembled {
  readonly orchestrator: Orchestrator;
  readonly place: Place;
}

/** An orchestrator over a store, whose containers are processes, or containers of a Docker engine. */
export async function assemble(runtime: 'process' | 'docker', { plugin: store, id, stateDir }: TourStore): Promise<Assembled> {
  const place = runtime === 'process' ? processes(join(stateDir, 'runtime'), folder) : await (await import('./docker-place.js')).docker(folder, `tour-${id}`);
  const orchestrator = await createOrchestrator({
    plugins: [
      store,
      spread(),
      workloadControllers(),
      place.runtime,
      nodeAgent({ name: 'this-machine', rootDir: join(stateDir, 'node') }),
      loopbackNetwork(),
      userspaceProxy(),
    ],
  });
  return { orchestrator, place };
}
