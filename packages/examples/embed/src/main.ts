// A Node service that exists already, with an orchestrator inside: its own HTTP server starts workers on request and tells how they are.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, Deployment } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

const folder = mkdtempSync(join(tmpdir(), 'orrery-embed-'));
const orchestrator = await createOrchestrator({
  plugins: [memoryStore(), scheduler(), workloadControllers(), nodeAgent({ rootDir: folder }), processRuntime({ stateDir: join(folder, 'runtime'), onStop: 'destroy' })],
});
await orchestrator.start();

const workers = orchestrator.client.kind(Deployment);
const labels = { app: 'worker' };
const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'worker', image: 'none', command: ['sleep', '600'] }] } };
await orchestrator.client.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'workers' }, spec: { replicas: 0, selector: { matchLabels: labels }, template } });

/** `PUT /workers?count=N` sets how many there are, `GET /workers` tells. */
const service = createServer((request, response) => {
  const count = new URL(request.url ?? '/', 'http://localhost').searchParams.get('count');
  const answer = async (): Promise<void> => {
    if (request.method === 'PUT') await workers.scale({ name: 'workers' }, Number(count));
    const { spec, status } = await workers.get({ name: 'workers' });
    response.end(`${JSON.stringify({ wanted: spec.replicas, ready: status?.readyReplicas ?? 0 })}\n`);
  };
  answer().catch((error: Error) => response.writeHead(400).end(`${error.message}\n`));
}).listen(0, '127.0.0.1');
await new Promise((resolve) => service.once('listening', resolve));

const base = `http://127.0.0.1:${(service.address() as AddressInfo).port}/workers`;
console.log('PUT 3 →', (await (await fetch(`${base}?count=3`, { method: 'PUT' })).text()).trim());
for await (const { type, object } of workers.watch({ namespace: 'default' }, AbortSignal.timeout(20_000))) {
  if (type !== 'BOOKMARK' && object.status?.readyReplicas === 3) break;
}
console.log('GET   →', (await (await fetch(base)).text()).trim());
console.log('PUT -1 →', (await (await fetch(`${base}?count=-1`, { method: 'PUT' })).text()).trim());

service.close();
service.closeAllConnections();
await orchestrator.stop();
rmSync(folder, { recursive: true, force: true });
