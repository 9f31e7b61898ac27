import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A wire to a server on the loopback that can be cut, and that can lose what the server answers. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** From now on nothing the server says comes through; what is said to it does. */
  swallow(): void;
  /** How many bytes of answers were swallowed. */
  readonly swallowed: number;
  /** Cuts all connections; new ones work again. */
  cut(): void;
}

/** @param port of the server */
export async function startWire(port: number): Promise<Wire> {
  const pairs = new Set<Socket>();
  let swallowing = false;
  let swallowed = 0;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    pairs.add(near).add(far);
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      if (swallowing) swallowed += chunk.length;
      else near.write(chunk);
    });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on('close', () => {
        pairs.delete(one);
        other.destroy();
      });
      one.on('error', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    swallowing = false;
    for (const socket of pairs) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow: () => {
      swallowing = true;
      swallowed = 0;
    },
    get swallowed() {
      return swallowed;
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
