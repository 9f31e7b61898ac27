import { createServer, type Server } from 'node:net';
import { once } from 'node:events';

/** Ports of the loopback that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let i = 0; i < count; i += 1) {
      const server = createServer().listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
    }
    return servers.map((server) => (server.address() as { readonly port: number }).port);
  } finally {
    for (const server of servers) server.close();
  }
}
