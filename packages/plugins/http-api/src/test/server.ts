import { type ClientRequest, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { ApiServer, builtinKinds, type KindDefinition, KindRegistry, silentLogger, systemClock, systemRandom, type Transport } from '@orrery/core';
import { MemoryStore } from '@orrery/store-memory';
import { HttpApi, type HttpApiOptions } from '../http-api.js';
import { Listener } from '../listener.js';
import { staticTokens } from '../authenticators.js';

/** The token of the user that everything is allowed to. */
export const TOKEN = 'a-token-for-tests-0123456789';

/** What came back. */
export interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** Parsed, when it is JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests say what they expect
  readonly body: any;
}

/** An API server over a store in memory, served over HTTP on a free port. */
export class TestServer {
  readonly #stopping = new AbortController();
  private constructor(
    readonly port: number,
    readonly api: HttpApi,
    readonly server: ApiServer,
    readonly store: MemoryStore,
    private readonly listener: Listener,
    private readonly ended: Promise<void>,
    stopping: AbortController,
  ) {
    this.#stopping = stopping;
  }

  static async start(options: Partial<Omit<HttpApiOptions, 'transport'>> & { wrap?(transport: Transport): Transport } = {}): Promise<TestServer> {
    const clock = systemClock;
    const store = new MemoryStore({ clock });
    const kinds = new KindRegistry(builtinKinds);
    const server = new ApiServer({ store, kinds, clock, random: systemRandom, log: silentLogger, admissions: { items: () => [] } });
    const stopping = new AbortController();
    let ended!: Promise<void>;
    await new Promise<void>((ready, failed) => {
      ended = server.run(stopping.signal, ready);
      ended.catch(failed);
    });
    const { wrap = (transport: Transport) => transport, ...rest } = options;
    const api = new HttpApi({ transport: wrap(server), kinds, clock, random: systemRandom, log: silentLogger, authenticators: [staticTokens([{ token: TOKEN, user: 'anna', groups: ['team'] }])], ...rest });
    const listener = new Listener(api, undefined, api.limits, silentLogger);
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    return new TestServer(port, api, server, store, listener, ended, stopping);
  }

  addKind(kind: KindDefinition): Promise<void> {
    return this.server.addKind(kind);
  }

  /** Closes the front door only. */
  close(): Promise<void> {
    return this.listener.close(this.api.drain());
  }

  async stop(): Promise<void> {
    await this.close();
    this.#stopping.abort();
    await this.ended;
    await this.store.close();
  }

  /** One request on a connection of its own. A body that is no text or buffer is written as JSON. */
  ask(method: string, path: string, { body, headers = {}, token = TOKEN }: { body?: unknown; headers?: Record<string, string>; token?: string | null } = {}): Promise<Answer> {
    const bytes = body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body as string) : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const sent = { ...(token !== null && { authorization: `Bearer ${token}` }), ...(bytes !== undefined && { 'content-type': 'application/json', 'content-length': String(bytes.length) }), ...headers };
      const request = this.open({ method, path, headers: sent });
      request.on('response', (response) => void answerOf(response).then(resolve, reject)).on('error', reject);
      request.end(bytes);
    });
  }

  /** A request to write oneself. */
  open(options: RequestOptions): ClientRequest {
    return httpRequest({ host: '127.0.0.1', port: this.port, agent: false, ...options });
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = response.headers['content-type']?.startsWith('application/json') === true && response.headers['content-encoding'] === undefined;
  return { code: response.statusCode ?? 0, headers: response.headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined };
}
