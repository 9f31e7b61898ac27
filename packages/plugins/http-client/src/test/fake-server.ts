import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock } from '@orrery/core';
import { HttpTransport, type HttpTransportOptions } from '../http-transport.js';

/** What a server saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server that answers as a test says, over plain HTTP. */
export class FakeServer {
  readonly seen: Seen[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #lines: HttpTransport[] = [];

  private constructor(
    readonly server: Server,
    private readonly answer: (response: ServerResponse, seen: Seen, turn: number) => void,
  ) {}

  static async start(answer: (response: ServerResponse, seen: Seen, turn: number) => void): Promise<FakeServer> {
    const server = createServer();
    const fake = new FakeServer(server, answer);
    server.on('request', (request, response) => void fake.#take(request, response));
    server.on('connection', (socket: Socket) => {
      fake.#sockets.add(socket);
      socket.on('close', () => fake.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  line(options: Partial<HttpTransportOptions> = {}): HttpTransport {
    const line = new HttpTransport({ connection: { server: this.url, tls: {} }, clock: systemClock, ...options });
    this.#lines.push(line);
    return line;
  }

  /** Cuts all connections, as a machine that goes away. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const line of this.#lines) line.close();
    this.cut();
    await new Promise((resolve) => this.server.close(() => resolve(undefined)));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The client went away; there is nobody to answer.
      return;
    }
    const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
    this.seen.push(seen);
    this.answer(response, seen, this.seen.length);
  }
}

/** A body as JSON. */
export const json = (response: ServerResponse, code: number, value: unknown, headers: Record<string, string> = {}): void => void response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
