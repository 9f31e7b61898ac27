import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';

/** How a backend treats one connection. */
export type Behaviour = (socket: Socket) => void;

/** A real TCP server on 127.0.0.1. */
export class TcpBackend {
  readonly sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(
    readonly name: string,
    private readonly behaviour: Behaviour,
  ) {}

  /** Resolves when it listens. */
  async open(): Promise<this> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      // Cases look at what the client sees; a backend whose client breaks off has nothing to say.
      socket.on('error', () => socket.destroy());
      this.behaviour(socket);
    });
    this.#server = server;
    this.port = await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => resolve((server.address() as { port: number }).port));
    });
    return this;
  }

  /** Accepts no more; established connections go on. */
  stopListening(): void {
    this.#server?.close();
  }

  /** Ends everything. */
  close(): void {
    this.stopListening();
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Says its name in a line, then gives back what it gets, and ends when the client ends. */
export const greeter = (name: string): Behaviour => (socket) => {
  socket.write(`${name}\n`);
  socket.pipe(socket);
};

/** A real UDP server on 127.0.0.1 that answers with its name and the text it got. */
export class UdpBackend {
  readonly #socket: UdpSocket = createSocket('udp4');
  port = 0;

  constructor(readonly name: string) {}

  /** Resolves when it listens. */
  async open(): Promise<this> {
    this.#socket.on('message', (data, { port, address }) => this.#socket.send(`${this.name} ${data.toString()}`, port, address));
    this.#socket.on('error', () => this.close());
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    this.port = this.#socket.address().port;
    return this;
  }

  /** Ends it. Safe to call twice. */
  close(): void {
    try {
      this.#socket.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    }
  }
}
