import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { type Agent, request as httpsRequest } from 'node:https';
import { type Clock, errorMessage, type Random, VERSION } from '@orrery/core';
import { Agents } from './agents.js';
import type { ClientConfig } from './client-config.js';
import { reasonText, statusText, WebhookFailure } from './failure.js';
import type { Endpoint, ServiceResolver } from './services.js';

/** What a client is made from. */
export interface WebhookClientOptions {
  readonly clock: Clock;
  /** Which of several endpoints is asked. */
  readonly random: Random;
  readonly services: ServiceResolver;
}

/** How one question is asked. */
export interface AskOptions {
  /** Whole seconds are told to the webhook. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the answer at most; default 4 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** Where a question goes. */
interface Target {
  /** Without what only the wire needs. */
  readonly url: URL;
  readonly connect: Endpoint;
  readonly serverName: string;
}

/** Asks webhooks: JSON posted over HTTPS, one answer. Connections are kept; redirections are not followed. */
export class WebhookClient {
  readonly #agents = new Agents();
  /** What is being asked. */
  readonly #asking = new Set<AbortController>();
  #isClosed = false;

  constructor(private readonly options: WebhookClientOptions) {}

  /** Posts a question and answers what came back, parsed. Throws {@link WebhookFailure}. */
  async ask(config: ClientConfig, question: unknown, { timeoutMs, signal, maxBytes = MAX_BYTES }: AskOptions): Promise<unknown> {
    const body = Buffer.from(JSON.stringify(question));
    const url = urlOf(config, timeoutMs);
    const told = `Post ${JSON.stringify(url.href)}`;
    const over = new AbortController();
    const canceled = (): void => over.abort(new WebhookFailure(`${told}: context canceled`));
    const cancel = this.options.clock.timer(timeoutMs, () => over.abort(new WebhookFailure(`${told}: context deadline exceeded`)));
    if (this.#isClosed || signal?.aborted === true) canceled();
    signal?.addEventListener('abort', canceled, { once: true });
    this.#asking.add(over);
    try {
      const target = this.#targetOf(config, url);
      const agent = this.#agents.for(config.caBundle ?? '');
      const answer = await send(target, agent, body, over.signal, maxBytes).catch((error: unknown) => {
        // The webhook may have closed a kept connection just when it was used.
        if (error instanceof Unanswered && error.isStale && !over.signal.aborted) return send(target, agent, body, over.signal, maxBytes);
        throw error;
      });
      return parse(answer);
    } catch (error) {
      if (error instanceof WebhookFailure) throw error;
      if (over.signal.aborted) throw over.signal.reason;
      throw new WebhookFailure(`${told}: ${error instanceof Unanswered ? reasonText(error.cause) : errorMessage(error)}`, undefined, error);
    } finally {
      cancel();
      signal?.removeEventListener('abort', canceled);
      this.#asking.delete(over);
    }
  }

  /** Ends all connections, and what is being asked. */
  close(): void {
    this.#isClosed = true;
    for (const one of this.#asking) one.abort(new WebhookFailure('context canceled'));
    this.#agents.close();
  }

  #targetOf({ service }: ClientConfig, url: URL): Target {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? 443 : Number(url.port);
    if (service === undefined) return { url, connect: { host, port }, serverName: host };
    const endpoints = this.options.services.resolve(service.namespace, service.name, port);
    return { url, connect: endpoints[this.options.random.int(endpoints.length)] as Endpoint, serverName: host };
  }
}

/** The address as it is told: that of a Service is its name. */
function urlOf({ url, service }: ClientConfig, timeoutMs: number): URL {
  const at = new URL(url ?? `https://${service?.name}.${service?.namespace}.svc:${service?.port ?? 443}`);
  if (service !== undefined) at.pathname = service.path ?? '/';
  at.search = `timeout=${Math.ceil(timeoutMs / 1000)}s`;
  return at;
}

class Unanswered extends Error {
  constructor(
    override readonly cause: NodeJS.ErrnoException,
    readonly isStale: boolean,
  ) {
    super(cause.message);
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send({ url, connect, serverName }: Target, agent: Agent, body: Buffer, signal: AbortSignal, maxBytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const asked = httpsRequest({
      host: connect.host,
      port: connect.port,
      // Names only: an address is checked as what it is.
      ...(isIP(serverName) === 0 && { servername: serverName }),
      path: url.pathname + url.search,
      method: 'POST',
      agent,
      signal,
      headers: { host: url.host, accept: 'application/json, */*', 'content-type': 'application/json', 'content-length': body.length, 'user-agent': `orrery/${VERSION}` },
    });
    asked.on('response', (response: IncomingMessage) => {
      answered = true;
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) {
          reject(new WebhookFailure(`the answer is larger than ${maxBytes} bytes`, response.statusCode));
          asked.destroy();
        } else chunks.push(chunk);
      });
      response.on('error', (cause) => reject(new Unanswered(cause, false)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    asked.on('error', (cause: NodeJS.ErrnoException) => reject(new Unanswered(cause, asked.reusedSocket && !answered && cause.code === 'ECONNRESET')));
    asked.end(body);
  });
}

function parse({ status, text }: Answer): unknown {
  if (status < 200 || status > 206) throw new WebhookFailure(statusText(status), status);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new WebhookFailure("couldn't get version/kind; json parse error", status, cause);
  }
}
