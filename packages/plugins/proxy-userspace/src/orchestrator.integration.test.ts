import { loopbackNetwork } from '@orrery/network-loopback';
import { createOrchestrator, EndpointSlice, Event, type Orchestrator, Service } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { createServer, type Server } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { userspaceProxy } from './index.js';

const servers: Server[] = [];

/** A server that says its name and hangs up; resolves with its port. */
function backend(name: string): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => {}).end(name));
  servers.push(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
}

/** What a client reads at an address until the end, or the code of its failure. */
function read(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('end', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2_000; i += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not seen within 10 s: ${what}`);
}

const service = (name: string, more: object = {}): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80 }], ...more } }) as unknown as Service;

const slice = (name: string, port: number, conditions: object = { ready: true }): EndpointSlice =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', port }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions }],
  }) as unknown as EndpointSlice;

describe('a Service in an orchestrator with loopback network and userspace proxy', () => {
  let orchestrator: Orchestrator;

  beforeEach(async () => {
    orchestrator = await createOrchestrator({ plugins: [memoryStore(), loopbackNetwork(), userspaceProxy()] });
    await orchestrator.start();
  });

  afterEach(async () => {
    await orchestrator.stop();
    for (const server of servers.splice(0)) server.close();
  });

  it('is given an address where its endpoints answer, and where nobody listens without them', async () => {
    const services = orchestrator.client.kind(Service);
    const slices = orchestrator.client.kind(EndpointSlice);
    const { spec } = await services.create(service('web'));
    const address = spec.clusterIP ?? '';
    expect(address).toMatch(/^127\.(19[2-9]|2\d\d)\./);
    expect(await read(address, 80)).toBe('ECONNREFUSED');
    await slices.create(slice('web', await backend('one')));
    await until('the first answer', async () => (await read(address, 80)) === 'one');
    await slices.update(slice('web', await backend('two')));
    await until('the answer of the other', async () => (await read(address, 80)) === 'two');
    await slices.update(slice('web', 1, { ready: false }));
    await until('a refusal', async () => (await read(address, 80)) === 'ECONNREFUSED');
    await services.delete({ name: 'web' });
    const again = await services.create(service('again', { clusterIP: address }));
    expect(again.spec.clusterIP).toBe(address);
  });

  it('opens node ports, and tells a Service whose port is in use', async () => {
    const port = await backend('one');
    const slices = orchestrator.client.kind(EndpointSlice);
    const services = orchestrator.client.kind(Service);
    const { spec } = await services.create(service('web', { type: 'NodePort' }));
    await slices.create(slice('web', port));
    const nodePort = spec.ports?.[0]?.nodePort ?? 0;
    await until('an answer at the node port', async () => (await read('127.0.0.1', nodePort)) === 'one');
    const squatter = createServer();
    servers.push(squatter);
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.9', resolve));
    const taken = await services.create(service('taken', { ports: [{ port: 80 }] }));
    await new Promise<void>((resolve) => squatter.close(() => resolve()));
    const thief = createServer();
    servers.push(thief);
    await new Promise<void>((resolve) => thief.listen(80, taken.spec.clusterIP, resolve));
    await slices.create(slice('taken', port));
    const told = async (): Promise<boolean> => (await orchestrator.client.kind(Event).list({ namespace: 'default' })).items.some(({ reason, involvedObject }) => reason === 'ProxyProgrammingFailed' && involvedObject.name === 'taken');
    await until('an event', told);
    await new Promise<void>((resolve) => thief.close(() => resolve()));
    await until('an answer once the port is free', async () => (await read(taken.spec.clusterIP ?? '', 80)) === 'one');
  });

  it('keeps address and node port through updates that do not name them, and frees them with the type', async () => {
    const services = orchestrator.client.kind(Service);
    const made = await services.create(service('web', { type: 'NodePort' }));
    const nodePort = made.spec.ports?.[0]?.nodePort;
    const same = await services.update(service('web', { type: 'NodePort', sessionAffinity: 'ClientIP' }));
    expect([same.spec.clusterIP, same.spec.ports?.[0]?.nodePort]).toEqual([made.spec.clusterIP, nodePort]);
    const plain = await services.patch({ name: 'web' }, 'merge', { spec: { type: 'ClusterIP' } });
    expect([plain.spec.clusterIP, plain.spec.ports?.[0]?.nodePort]).toEqual([made.spec.clusterIP, undefined]);
    const heir = await services.create(service('heir', { type: 'NodePort', ports: [{ port: 80, nodePort }] }));
    expect(heir.spec.ports?.[0]?.nodePort).toBe(nodePort);
    await expect(services.patch({ name: 'web' }, 'merge', { spec: { type: 'NodePort', ports: [{ port: 80, nodePort }] } })).rejects.toMatchObject({ reason: 'Invalid' });
    const external = await services.patch({ name: 'web' }, 'merge', { spec: { type: 'ExternalName', externalName: 'example.org' } });
    expect(external.spec.clusterIP).toBeUndefined();
    expect((await services.create(service('second', { clusterIP: made.spec.clusterIP }))).spec.clusterIP).toBe(made.spec.clusterIP);
  });

  it('never shares a block of addresses with another orchestrator', async () => {
    const other = await createOrchestrator({ plugins: [memoryStore(), loopbackNetwork(), userspaceProxy()] });
    await other.start();
    const [one, two] = await Promise.all([orchestrator, other].map(async ({ client }) => (await client.kind(Service).create(service('web'))).spec.clusterIP ?? ''));
    await other.stop();
    expect(one?.split('.').slice(0, 2)).not.toEqual(two?.split('.').slice(0, 2));
  });
});
