// The smallest assembly: a store, a scheduler, a node that runs processes. It runs one pod, shows its output, and ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, Pod, Runtimes } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

const folder = mkdtempSync(join(tmpdir(), 'orrery-hello-'));
const orchestrator = await createOrchestrator({
  plugins: [memoryStore(), scheduler(), nodeAgent({ rootDir: folder }), processRuntime({ stateDir: join(folder, 'runtime'), onStop: 'destroy' })],
});
await orchestrator.start();

await orchestrator.client.apply(`
apiVersion: v1
kind: Pod
metadata: { name: hello }
spec:
  restartPolicy: Never
  containers:
    - name: main
      image: none
      command: [sh, -c, 'echo "Hello from $NODE_NAME"']
      env: [{ name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
`);

for await (const { type, object } of orchestrator.client.kind(Pod).watch({ namespace: 'default' }, AbortSignal.timeout(20_000))) {
  if (type === 'BOOKMARK' || object.status?.phase !== 'Succeeded') continue;
  const runtime = orchestrator.get(Runtimes).get();
  const id = object.status.containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, '') ?? '';
  for await (const { line } of runtime?.logs(id, {}, AbortSignal.timeout(5_000)) ?? []) console.log(line);
  break;
}

await orchestrator.stop();
rmSync(folder, { recursive: true, force: true });
