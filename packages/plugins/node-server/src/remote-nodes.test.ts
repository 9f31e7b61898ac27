import { createOrchestrator, definePlugin, MetricsSources, Node, type Orchestrator, Pod, RemoteApi, RemoteNodes, systemClock, systemRandom, Transport } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { CertificateAuthority, type KeyPair } from '@orrery/pki';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeServer, remoteNodes } from './index.js';
import { Exchanged, servingPair } from './test/fixture.js';

// Two orchestrators: one serves the objects, the other is a node and works over the line of the first.

let plane: Orchestrator;
let node: Orchestrator;
let authority: CertificateAuthority;
let port: number | undefined;
const certificate = new Exchanged();

/** The other orchestrator's objects, in the place of an API server over HTTP. */
const lineTo = (orchestrator: Orchestrator) =>
  definePlugin({
    name: 'line',
    setup: ({ provide }) => provide(RemoteApi, () => ({ request: (...given) => orchestrator.get(Transport).request(...given), watch: (...given) => orchestrator.get(Transport).watch(...given), silenceMs: 60_000 })),
  })();

beforeAll(async () => {
  authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const client: KeyPair = await authority.issue({ subject: { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] }, usages: ['client'] });
  plane = await createOrchestrator({ plugins: [memoryStore(), remoteNodes({ credentials: () => ({ ca: authority.certificate, ...client }), metricsSeconds: 0.05 })] });
  await plane.start();
  node = await createOrchestrator({
    plugins: [
      lineTo(plane),
      simulatedRuntime(),
      nodeAgent({ name: 'n1', metricsSeconds: 0.05, eviction: 'off', serverPort: () => port }),
      nodeServer({ node: 'n1', port: 0, certificate, clientCa: authority.certificate, listening: (taken) => (port = taken) }),
    ],
  });
  await node.start();
});
afterAll(async () => {
  await node.stop();
  await plane.stop();
});

const measured = () => plane.get(MetricsSources).items().flatMap((source) => source.pods()).map(({ name, containers }) => [name, containers.map((container) => container.name)]);

describe('a node elsewhere', () => {
  it('tells where its server is, is measured as soon as it can prove itself, and forgotten when it is gone', async () => {
    const told = await plane.client.kind(Node).get({ name: 'n1' });
    expect(told.status?.daemonEndpoints?.kubeletEndpoint?.Port).toBe(port);
    await plane.client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }] } } as Pod);
    await vi.waitFor(async () => expect((await plane.client.kind(Pod).get({ namespace: 'default', name: 'web' })).status?.phase).toBe('Running'), { timeout: 10_000 });
    expect(measured()).toEqual([]);
    certificate.exchange(await servingPair(authority));
    await vi.waitFor(() => expect(measured()).toEqual([['web', ['main']]]), { timeout: 10_000 });
    expect(plane.get(MetricsSources).items().flatMap((source) => source.nodes())).toEqual([expect.objectContaining({ name: 'n1', memoryBytes: expect.any(Number) })]);
    await node.stop();
    // What it said counts a little longer.
    await vi.waitFor(() => expect(measured()).toEqual([]), { timeout: 10_000 });
  });

  it('that nobody knows, or that says nothing, is told as that', async () => {
    const [way] = plane.get(RemoteNodes).items();
    const never = new AbortController().signal;
    await expect(way?.connect('none', never)).rejects.toMatchObject({ reason: 'NotFound', message: 'nodes "none" not found' });
    await plane.client.kind(Node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'mute' } } as Node);
    await vi.waitFor(() => expect(way?.streams('mute').logs({ namespace: 'x', name: 'y', uid: '' }, 'main', {}, never)).rejects.toMatchObject({ reason: 'ServiceUnavailable' }));
  });
});
