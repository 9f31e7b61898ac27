import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { systemClock } from '@orrery/core';

/** What goes wrong on the way. `cut-replies`: what is sent arrives, answers do not, and then the connection ends. `mute`: what is sent arrives, answers do not. `closed`: there is no way. `silent`: nothing arrives. */
export type Way = 'open' | 'cut-replies' | 'mute' | 'closed' | 'silent';

/** A TCP proxy in front of a server of the loopback. */
export interface Proxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  /** How connections fare from now on, those that are open too. */
  way: Way;
  /** How many answers were cut. */
  readonly cuts: number;
  /** Where new connections lead from now on; those that are open end. */
  leadTo(endpoint: string): void;
}

/** How long a cut connection still takes what is sent, so that it is executed. */
const CUT_MS = 60;

export async function startProxy(endpoint: string): Promise<Proxy> {
  let target = Number(new URL(endpoint).port);
  let way: Way = 'open';
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (way === 'closed') {
      client.destroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (way !== 'silent') upstream.write(chunk);
    });
    let cutting = false;
    upstream.on('data', (chunk) => {
      if (way === 'open' && !cutting) client.write(chunk);
      if (way !== 'cut-replies' || cutting) return;
      cutting = true;
      cuts += 1;
      systemClock.timer(CUT_MS, () => client.destroy());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`,
    get way() {
      return way;
    },
    set way(next: Way) {
      way = next;
      if (next === 'closed') end();
    },
    get cuts() {
      return cuts;
    },
    leadTo(other) {
      target = Number(new URL(other).port);
      end();
    },
    async [Symbol.asyncDispose]() {
      end();
      server.close();
      await once(server, 'close');
    },
  };
}
