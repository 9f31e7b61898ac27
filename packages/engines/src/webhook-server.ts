import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock, systemRandom } from '@orrery/core';
import { CertificateAuthority } from '@orrery/pki';

/** What a webhook was asked. */
export interface Asked {
  readonly path: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests know what was asked
  readonly body: any;
}

/** What a webhook does when it is asked. */
export type Answering = (asked: Asked, response: ServerResponse, request: IncomingMessage) => unknown;

/** A real webhook on loopback, over HTTPS with an authority of its own. */
export class WebhookServer {
  readonly asked: Asked[] = [];
  /** By path; what is returned is sent as JSON, and nothing when it is undefined. */
  readonly answers = new Map<string, Answering>();
  readonly #sockets = new Set<Socket>();
  /** Connections that were made. */
  connections = 0;

  private constructor(
    readonly server: Server,
    readonly port: number,
    /** As configurations have it. */
    readonly caBundle: string,
  ) {}

  /** @param dnsNames names of its certificate besides `localhost` and `127.0.0.1` */
  static async start(dnsNames: readonly string[] = []): Promise<WebhookServer> {
    const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
    const { key, cert } = await authority.issue({ subject: { commonName: 'webhook' }, usages: ['server'], dnsNames: ['localhost', ...dnsNames], ipAddresses: ['127.0.0.1'] });
    const server = createServer({ key, cert });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const made = new WebhookServer(server, (server.address() as AddressInfo).port, Buffer.from(authority.certificate).toString('base64'));
    server.on('request', (request, response) => made.#answer(request, response).catch(() => response.destroy()));
    server.on('secureConnection', (socket) => {
      made.connections += 1;
      made.#sockets.add(socket);
      socket.on('close', () => made.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
    return made;
  }

  /** The address of one of its paths. */
  url(path: string): string {
    return `https://127.0.0.1:${this.port}${path}`;
  }

  /** Breaks the connections that there are. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends it and its connections. */
  async stop(): Promise<void> {
    this.drop();
    await new Promise<unknown>((resolve) => this.server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = { path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) as unknown };
    this.asked.push(asked);
    const answering = this.answers.get(asked.path.split('?')[0] as string);
    if (answering === undefined) return void response.writeHead(404).end('not here');
    const answer = await answering(asked, response, request);
    if (answer !== undefined) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }
}
