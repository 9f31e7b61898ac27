// A program of the proxy benchmark: what stands between clients and backend. `pipe` is the floor: Node's own sockets, joined and nothing else.
import { connect, createServer } from 'node:net';
import { silentLogger, systemClock } from '@orrery/core';
import { UserspaceProxy } from '@orrery/proxy-userspace';

const [kind, backendText = ''] = process.argv.slice(2);
const backend = Number(backendText);

async function pipe(): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect({ port: backend, host: '127.0.0.1' });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  return (server.address() as { port: number }).port;
}

async function userspace(): Promise<number> {
  const port = await freePort();
  const proxy = new UserspaceProxy({
    clock: systemClock,
    log: silentLogger,
    nodeAddresses: [],
    drainMs: 1_000,
    closeDrainMs: 0,
    maxConnections: 20_000,
    udpIdleMs: 1_000,
    maxUdpClients: 1,
  });
  const route = {
    id: 'default/bench:',
    service: { namespace: 'default', name: 'bench', uid: '1' },
    portName: '',
    protocol: 'TCP' as const,
    clusterIPs: ['127.0.0.1'],
    port,
    externalIPs: [],
    loadBalancerIPs: [],
    sessionAffinity: { type: 'None' as const },
    internalTrafficPolicy: 'Cluster' as const,
    externalTrafficPolicy: 'Cluster' as const,
    endpoints: [{ ip: '127.0.0.1', port: backend, ready: true, serving: true, terminating: false }],
  };
  await proxy.apply({ upserts: [route], removes: [], revision: 1 }, new AbortController().signal);
  return port;
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    }),
  );
}

process.on('disconnect', () => process.exit(0));
process.send?.(await (kind === 'pipe' ? pipe() : userspace()));
