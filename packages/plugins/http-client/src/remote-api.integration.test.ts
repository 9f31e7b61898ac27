import { workloadControllers } from '@orrery/controllers';
import { ConfigMap, createOrchestrator, definePlugin, Deployment, Event, Lease, Node, type Orchestrator, Pod, Store, systemClock, systemRandom } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { CertificateAuthority, type KeyPair } from '@orrery/pki';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { MemoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from './credentials/connection.js';
import { HttpTransport } from './http-transport.js';
import { remoteApi } from './remote-api.js';
import { Served } from './test/served.js';

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function served(options: Parameters<typeof Served.start>[0] = {}): Promise<Served> {
  const one = await Served.start(options);
  closing.push(() => one.stop());
  return one;
}

async function over(connection: Connection, plugins: Parameters<typeof createOrchestrator>[0]['plugins'] = [], more: object = {}): Promise<Orchestrator> {
  const one = await createOrchestrator({ plugins: [remoteApi({ connection, ...more }), ...plugins] });
  closing.push(() => one.stop());
  await one.start();
  return one;
}

const web = (replicas: number): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x' }] } } },
});
const within10s = { timeout: 10_000, interval: 20 };

describe('an orchestrator over the API of another', () => {
  it('controllers, scheduler and node agent, each in an orchestrator of its own, make a Deployment run', async () => {
    const server = await served();
    const node = await over(server.connection, [simulatedRuntime(), nodeAgent({ name: 'far', capacity: { cpu: '8', memory: '8Gi', pods: '50' } })]);
    await over(server.connection, [scheduler()]);
    await createOrchestrator({ plugins: [remoteApi({ connection: server.connection }), workloadControllers()], leaderElection: { lease: 'controllers', ttlMs: 2_000 } }).then(async (one) => (closing.push(() => one.stop()), one.start()));
    await node.client.apply(web(3));
    await vi.waitFor(async () => expect((await server.orchestrator.client.kind(Deployment).get({ name: 'web' })).status).toMatchObject({ availableReplicas: 3 }), within10s);
    const pods = (await server.orchestrator.client.kind(Pod).list()).items;
    expect(new Set(pods.map(({ spec }) => spec.nodeName))).toEqual(new Set(['far']));
    expect((await server.orchestrator.client.kind(Node).list()).items.map(({ metadata }) => metadata.name)).toEqual(['far']);
    // Who leads is told by Lease objects, one for each kind of orchestrator.
    expect((await server.orchestrator.client.kind(Lease).list({ namespace: 'kube-system' })).items.map(({ metadata }) => metadata.name).sort()).toEqual(['controllers', 'orrery-leader']);
    await vi.waitFor(async () => expect((await server.orchestrator.client.kind(Event).list({ namespace: 'default' })).items.map(({ reason }) => reason)).toContain('Scheduled'), within10s);
    await node.client.kind(Deployment).delete({ name: 'web' });
    await vi.waitFor(async () => expect((await server.orchestrator.client.kind(Pod).list()).items).toEqual([]), within10s);
  });

  it('informers live through a restart of the server, and one that comes back with less history', async () => {
    const store = new MemoryStore({ clock: systemClock });
    closing.push(() => store.close());
    const keeps = definePlugin({ name: 'kept-store', setup: ({ provide }) => provide(Store, () => new Proxy(store, { get: (target, key) => (key === 'close' || key === Symbol.asyncDispose ? () => Promise.resolve() : typeof target[key as never] === 'function' ? (target[key as never] as () => void).bind(target) : target[key as never]) })) })();
    const first = await Served.start({ plugins: [keeps] });
    const authority = first.authority;
    const { port, connection } = first;
    const away = await over(connection);
    const maps = away.informers.get(ConfigMap, { namespace: 'default' });
    const add = (server: Served, name: string): Promise<unknown> => server.orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name } });
    const shown = (): (string | undefined)[] => maps.lister.list().map(({ metadata }) => metadata.name).sort();
    await add(first, 'a');
    await vi.waitFor(() => expect(shown()).toEqual(['a']), within10s);

    await first.stop();
    await vi.waitFor(() => expect(maps.health().problem).toMatch(/UNAVAILABLE/), within10s);
    await expect(away.client.kind(ConfigMap).list()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const second = await Served.start({ plugins: [keeps], port, authority });
    await add(second, 'b');
    await vi.waitFor(() => expect(shown()).toEqual(['a', 'b']), within10s);
    expect(maps.health().problem).toBeUndefined();

    await second.stop();
    // Empty, and with smaller versions than were known.
    const third = await served({ port, authority });
    await add(third, 'c');
    await vi.waitFor(() => expect(shown()).toEqual(['c']), within10s);
  });

  it('a start without a server waits, and then says what is wrong; with wrong credentials it says so at once', async () => {
    const server = await served();
    const nobody = { server: 'https://127.0.0.1:1', tls: {} };
    await expect(over(nobody, [], { connectSeconds: 0.3 })).rejects.toThrow(/The Kubernetes API at https:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/);
    await expect(over({ ...server.connection, token: { read: async () => 'not-the-token', refused: () => false } })).rejects.toThrow(/cannot be used: .*Unauthorized|cannot be used: .*401/i);
  });
});

describe('trust', () => {
  it('a server is trusted by the authority that is named, under its name; who asks is told by certificate or token', async () => {
    const server = await served();
    const stranger = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
    const line = (connection: Partial<Connection>): HttpTransport => {
      const one = new HttpTransport({ connection: { ...server.connection, ...connection }, clock: systemClock });
      closing.push(() => one.close());
      return one;
    };
    const whoAmI = async (transport: HttpTransport): Promise<unknown> => {
      const ref = { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews' };
      const answer = await transport.request({ verb: 'create', user: { name: 'ignored', groups: [] }, ref, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } });
      return (answer as unknown as { status: { userInfo: { username: string } } }).status.userInfo.username;
    };
    const { authority, connection } = server;
    expect(await whoAmI(line({}))).toBe('anna');
    const pair = (await authority.issue({ subject: { commonName: 'bob' }, usages: ['client'] })) satisfies KeyPair;
    const byCertificate = new HttpTransport({ connection: { server: connection.server, tls: { ca: authority.certificate, ...pair } }, clock: systemClock });
    closing.push(() => byCertificate.close());
    expect(await whoAmI(byCertificate)).toBe('bob');
    for (const tls of [{}, { ca: stranger.certificate }, { ca: authority.certificate, serverName: 'another.name' }]) {
      await expect(whoAmI(line({ tls }))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    expect(await whoAmI(line({ tls: { insecure: true } }))).toBe('anna');
    await expect(whoAmI(line({ token: { read: async () => 'wrong-token-000000000', refused: () => false } }))).rejects.toMatchObject({ reason: 'Unauthorized' });
  });
});
