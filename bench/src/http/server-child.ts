// Run by the benchmark of the API over HTTP: serves it over HTTPS on a free port, tells how to reach it, and ends with its parent.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createOrchestrator, Node, systemClock, systemRandom } from '@orrery/core';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

const [mode = 'objects', count = '0'] = process.argv.slice(2);
const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
const serving = await authority.issue({ subject: { commonName: 'bench' }, usages: ['server'], ipAddresses: ['127.0.0.1'] });
const user = await authority.issue({ subject: { commonName: 'bench', organizations: ['system:masters'] }, usages: ['client'] });
const tell = (port: number): void => void process.send?.({ port, ca: authority.certificate, key: user.key, cert: user.cert });

process.on('message', (question) => {
  if (question === 'memory') process.send?.({ peakMiB: process.resourceUsage().maxRSS / 1024, rssMiB: process.memoryUsage.rss() / 2 ** 20 });
});
process.once('disconnect', () => process.exit(0));

if (mode === 'floor') {
  // What the platform does alone: TLS with client certificates, one body read, one of the same size written.
  const server = createServer({ ...serving, ca: authority.certificate, requestCert: true }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => tell((server.address() as AddressInfo).port));
} else {
  const door = httpApi({ port: 0, tls: { ...serving, clientCa: authority.certificate }, listening: (url) => void tellWhenReady(Number(new URL(url).port)) });
  const orchestrator = await createOrchestrator({ plugins: [memoryStore(), door, ...(mode === 'cluster' ? [scheduler()] : [])] });
  const tellWhenReady = async (port: number): Promise<void> => {
    const nodes = orchestrator.client.kind(Node);
    for (let i = 0; i < Number(count); i += 1) {
      const made = await nodes.create(nodeOf(`n${i}`));
      await nodes.updateStatus({ ...made, status: nodeOf('').status });
    }
    tell(port);
  };
  await orchestrator.start();
}

function nodeOf(name: string): Node {
  const resources = { cpu: '32', memory: '128Gi', pods: '110' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {}, status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Node;
}
