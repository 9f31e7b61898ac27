import { connect, createServer, type Server, type Socket } from 'node:net';
import { horizontalPodAutoscaling } from '@orrery/controllers';
import { createOrchestrator, definePlugin, Deployment, EndpointSlice, Event, HorizontalPodAutoscaler, type KubeObject, MetricsSources, type Orchestrator, SCALE_TO_ZERO_ANNOTATION, Service, silentLogger } from '@orrery/core';
import { loopbackNetwork } from '@orrery/network-loopback';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { userspaceProxy } from './index.js';

// The whole way of a request from zero, with real connections: proxy → Lease → autoscaler → replica → endpoint → answer. The replica itself is played.

const ref = { namespace: 'default', name: 'web' };
const make = <T extends KubeObject>(object: object): T => object as T;
let orchestrator: Orchestrator;
let backend: Server;
const sockets = new Set<Socket>();
const stop = new AbortController();
let playing: Promise<void>;

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 2_000; i += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not seen within 20 s: ${what}`);
}

const replicas = async (): Promise<number> => (await orchestrator.client.kind(Deployment).get(ref)).spec.replicas ?? -1;

/** What ReplicaSets, scheduler, agent and the controller of slices would do: a replica is an endpoint. */
async function play(port: number): Promise<void> {
  const deployments = orchestrator.client.kind(Deployment);
  const slices = orchestrator.client.kind(EndpointSlice);
  for await (const { type, object } of deployments.watch({ namespace: 'default' }, stop.signal)) {
    if (type !== 'ADDED' && type !== 'MODIFIED') continue;
    const deployment = object as Deployment;
    const wanted = deployment.spec.replicas ?? 0;
    if ((deployment.status?.replicas ?? 0) === wanted) continue;
    await slices.patch({ namespace: 'default', name: 'web-1' }, 'merge', { endpoints: wanted > 0 ? [{ addresses: ['127.0.0.1'], conditions: { ready: true } }] : [], ports: [{ name: '', port }] });
    await deployments.updateStatus({ ...deployment, status: { ...deployment.status, replicas: wanted } });
  }
}

beforeEach(async () => {
  // Says its greeting, and then what it is told.
  backend = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('hello\n');
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const idle = definePlugin({ name: 'no-use', setup: ({ add }) => add(MetricsSources, { nodes: () => [], pods: () => [] }) });
  orchestrator = await createOrchestrator({
    plugins: [memoryStore(), loopbackNetwork(), userspaceProxy({ demandSeconds: 0.2, holdSeconds: 10 }), horizontalPodAutoscaling({ syncPeriodSeconds: 0.2, idleSeconds: 1 }), idle()],
    logger: silentLogger,
  });
  await orchestrator.start();
  const { client } = orchestrator;
  await client.kind(EndpointSlice).create(make({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } }, addressType: 'IPv4', endpoints: [], ports: [] }));
  playing = play((backend.address() as { port: number }).port).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  await client.apply([
    { apiVersion: 'v1', kind: 'Service', metadata: { ...ref, annotations: { 'autoscaling.orrery.dev/hold-requests': 'true' } }, spec: { selector: { app: 'web' }, ports: [{ port: 8080 }] } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web' }] } } } },
    {
      apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { ...ref, annotations: { [SCALE_TO_ZERO_ANNOTATION]: 'true' } },
      spec: { minReplicas: 0, maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } },
    },
  ]);
});

afterEach(async () => {
  stop.abort();
  for (const socket of sockets) socket.destroy();
  await orchestrator.stop();
  await playing;
  backend.close();
});

it('brings a replica with the first connection, keeps it while one is open, and lets it go when none has been for a while', async () => {
  const { client } = orchestrator;
  await until('the autoscaler at rest', async () => (await client.kind(HorizontalPodAutoscaler).get(ref)).status?.conditions?.some(({ reason }) => reason === 'ScaledToZero') === true);
  const { spec } = await client.kind(Service).get(ref);
  const heard: string[] = [];
  const socket = connect({ host: spec.clusterIP ?? '', port: 8080 });
  sockets.add(socket);
  socket.setEncoding('utf8').on('data', (text: string) => heard.push(text));
  socket.write('first ');
  await until('the answer', () => heard.join('').includes('hello\nfirst '));
  expect(await replicas()).toBe(1);
  // Idle for several windows, but open: nothing is said, and nothing ends.
  const begun = Date.now();
  await until('several windows', async () => {
    expect(await replicas()).toBe(1);
    return Date.now() - begun > 4_000;
  });
  socket.write('second');
  await until('the other answer', () => heard.join('').endsWith('second'));
  socket.end();
  const ended = Date.now();
  await until('no replica', async () => (await replicas()) === 0);
  expect(Date.now() - ended).toBeGreaterThanOrEqual(900);
  const told = async (): Promise<string[]> => (await client.kind(Event).list()).items.map(({ message = '' }) => message);
  await until('the first event', async () => (await told()).includes('New size: 1; reason: requests are waiting for a first replica'));
  await until('the second event', async () => (await told()).includes('New size: 0; reason: nothing has used it for the idle window'));
  const again = connect({ host: spec.clusterIP ?? '', port: 8080 });
  sockets.add(again);
  const greeted = new Promise<string>((resolve) => again.once('data', (data: Buffer) => resolve(data.toString())));
  expect(await greeted).toBe('hello\n');
});
