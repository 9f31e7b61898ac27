// A host that is killed in the middle of its work: one node on processes over a journal. Applies the pods it is given, and then writes for ever, saying what was acknowledged.
import { ConfigMap, createOrchestrator, Pod } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { memoryStore } from '@orrery/store-memory';

const { folder, pods } = JSON.parse(process.argv[2]);
const orchestrator = await createOrchestrator({
  plugins: [
    memoryStore({ journal: `${folder}/journal` }),
    nodeAgent({ name: 'node', rootDir: `${folder}/volumes` }),
    processRuntime({ stateDir: `${folder}/state`, lingerSeconds: 2, workingDir: '/' }),
  ],
});
await orchestrator.start();
for (const pod of pods) await orchestrator.client.kind(Pod).create(pod);
for (let n = 0; ; n += 1) {
  await orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `written-${n}`, namespace: 'default' }, data: { n: String(n) } });
  process.stdout.write(`${n}\n`);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
