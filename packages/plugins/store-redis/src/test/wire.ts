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
  /** From now on what is said to the server is kept on the way, also beyond the connection's end. */
  hold(): void;
  /** Bytes on the way. */
  readonly held: number;
  /** What was on the way arrives; resolves when the server has read and answered it. */
  deliver(): Promise<void>;
  /** Cuts all connections; new ones work again. */
  cut(): void;
}

/** @param port of the server */
export async function startWire(port: number): Promise<Wire> {
  const pairs = new Set<Socket>();
  let swallowing = false;
  let swallowed = 0;
  let holding = false;
  let late: { readonly far: Socket; readonly chunks: Buffer[] }[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    pairs.add(near).add(far);
    const mine = { far, chunks: [] as Buffer[] };
    near.on('data', (chunk: Buffer) => {
      if (!holding) far.write(chunk);
      else if (mine.chunks.push(chunk) === 1) late.push(mine);
    });
    far.on('data', (chunk: Buffer) => {
      if (swallowing) swallowed += chunk.length;
      else near.write(chunk);
    });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on('close', () => {
        pairs.delete(one);
        if (mine.chunks.length === 0) other.destroy();
      });
      one.on('error', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    swallowing = false;
    holding = false;
    for (const socket of pairs) if (!late.some(({ far }) => far === socket)) socket.destroy();
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
    hold: () => {
      holding = true;
    },
    get held() {
      return late.flatMap(({ chunks }) => chunks).reduce((sum, { length }) => sum + length, 0);
    },
    async deliver() {
      await Promise.all(
        late.map(async ({ far, chunks }) => {
          const answered = once(far, 'data');
          far.write(Buffer.concat(chunks));
          await answered;
          far.destroy();
        }),
      );
      late = [];
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
