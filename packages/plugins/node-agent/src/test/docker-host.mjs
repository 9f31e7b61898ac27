// A host that is killed while its pods run: one node on a Docker engine over a journal. Applies a Deployment and lives on.
import { createOrchestrator, Deployment } from '@orrery/core';
import { workloadControllers } from '@orrery/controllers';
import { nodeAgent } from '@orrery/node-agent';
import { dockerRuntime } from '@orrery/runtime-docker';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

const { folder, socketPath, deployment } = JSON.parse(process.argv[2]);
const orchestrator = await createOrchestrator({
  plugins: [
    memoryStore({ journal: `${folder}/journal` }),
    scheduler(),
    workloadControllers(),
    dockerRuntime({ id: 'survival', socketPath, network: 'none' }),
    nodeAgent({ name: 'node', rootDir: `${folder}/node`, capacity: { cpu: '100', memory: '100Gi', pods: '500' } }),
  ],
});
await orchestrator.start();
await orchestrator.client.kind(Deployment).create(deployment);
