import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, type Clock, errorMessage, type Logger, longLived, type NodeStreams, OrreryError, type PodIdentity, type Status, within } from '@orrery/core';
import { Handshakes, offeredProtocols, type RemoteCommand, serveCommand, servePortChannels, Tunnel, type Upgrade, wantsWebSocket } from '@orrery/stream-channels';
import { type NodePath, nodePathOf } from '../wire/address.js';
import { isTrue, logQueryOf } from '../wire/log-query.js';
import { type NodeMeasures, summaryOf } from '../wire/summary.js';
import { answerLog } from './answer-log.js';

/** What answering the requests to a node needs. */
export interface NodeRequestsOptions {
  readonly streams: NodeStreams;
  measures(): NodeMeasures;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  /** Streams at the same time. */
  readonly streamLimit: number;
}

/** As the kubelet's streaming connections. */
const IDLE_MS = 4 * 3_600_000;
/** So long a stopping server waits for streams to say goodbye. */
const GOODBYE_MS = 2_000;
const MAX_ARGUMENTS = 1_000;
const V5 = 'v5.channel.k8s.io';
const PROTOCOLS: readonly string[] = [V5, 'v4.channel.k8s.io'];

/** Answers the requests to one node. */
export class NodeRequests {
  readonly #handshakes = new Handshakes();
  readonly #open = new Set<Promise<void>>();

  constructor(private readonly options: NodeRequestsOptions) {}

  /** Answers one request, whose client `check` lets in or throws. Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | undefined, check: (path: string) => void): Promise<void> {
    response.on('error', () => response.destroy());
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    try {
      check(path);
      const asked = nodePathOf(path);
      if (asked === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
      if (request.method !== 'GET' && (request.method !== 'POST' || upgrade === undefined)) throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
      await this.#serve(asked, { request, response, upgrade, query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)) });
    } catch (error) {
      if (response.destroyed) return;
      if (response.headersSent) return void response.destroy();
      const status = statusOf(error);
      if (status.code >= 500) this.options.log.warn('a request to the node failed', { path: path.slice(0, 300), error: errorMessage(error) });
      respond(response, status.code, 'application/json', JSON.stringify(status));
    }
  }

  /** Resolves when the streams that were open have ended, or when that takes too long. */
  async ended(): Promise<void> {
    const { clock } = this.options;
    let isLate = false;
    await within(Promise.all(this.#open), clock, GOODBYE_MS, () => new OrreryError('TIMEOUT', 'streams do not end')).catch((error: unknown) => {
      isLate = OrreryError.is(error, 'TIMEOUT');
      if (!isLate) throw error;
    });
  }

  async #serve(asked: NodePath, given: Given): Promise<void> {
    const { streams, measures } = this.options;
    switch (asked.type) {
      case 'healthz':
        return respond(given.response, 200, 'text/plain; charset=utf-8', 'ok');
      case 'summary':
        return respond(given.response, 200, 'application/json', JSON.stringify(summaryOf(streams.node, measures())));
      default:
        return this.#counted(() => {
          if (asked.type === 'containerLogs') return this.#log(asked, given);
          return asked.type === 'portForward' ? this.#forward(asked, given) : this.#connect(given, this.#command(asked, given));
        });
    }
  }

  async #counted(work: () => Promise<void>): Promise<void> {
    const { stopping, streamLimit } = this.options;
    if (stopping.aborted) throw new ApiError('ServiceUnavailable', 'the node is shutting down', { retryAfterSeconds: 1 });
    if (this.#open.size >= streamLimit) throw new ApiError('TooManyRequests', 'too many streams, please try again later', { retryAfterSeconds: 1 });
    const working = work();
    const quiet = working.catch(() => undefined);
    this.#open.add(quiet);
    try {
      await working;
    } finally {
      this.#open.delete(quiet);
    }
  }

  #log({ namespace, name, container }: Extract<NodePath, { type: 'containerLogs' }>, { response, query }: Given): Promise<void> {
    const { streams, clock, stopping, log } = this.options;
    const pod: PodIdentity = { namespace, name, uid: query.get('uid') ?? '' };
    return answerLog(response, (signal) => streams.logs(pod, container, logQueryOf(query, clock.now()), signal), stopping, log);
  }

  /** The pod is connected to before the connection changes hands: that it refuses is then an answer like any other. */
  async #forward({ namespace, name, uid }: Extract<NodePath, { type: 'portForward' }>, given: Given): Promise<void> {
    const { streams, stopping, log } = this.options;
    const text = given.query.get('port') ?? '';
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) throw ApiError.badRequest('query parameter "port" is required');
    const protocol = protocolOf(given);
    const gone = longLived(new AbortController());
    given.upgrade?.socket.once('close', () => gone.abort(new OrreryError('ABORTED', 'The client is gone.')));
    const target = await streams.portForward({ namespace, name, uid }, port, gone.signal);
    try {
      await this.#connect(given, { protocol, serve: (tunnel) => servePortChannels(tunnel, { ports: [port], connect: () => Promise.resolve(target), closes: protocol === V5 }, stopping, log) });
    } finally {
      await target.close();
    }
  }

  /** Everything that is to be known before the connection changes hands. */
  #command({ namespace, name, uid, container, type }: Extract<NodePath, { type: 'exec' | 'attach' }>, given: Given): Opening {
    const { streams, stopping, log } = this.options;
    const { query } = given;
    const pod: PodIdentity = { namespace, name, uid };
    const protocol = protocolOf(given);
    const closes = protocol === V5;
    const [stdin, stdout, stderr, tty] = ['input', 'output', 'error', 'tty'].map((flag) => isTrue(query.get(flag))) as [boolean, boolean, boolean, boolean];
    if (!stdin && !stdout && !stderr) throw ApiError.badRequest('you must specify at least 1 of stdin, stdout, stderr');
    const command = query.getAll('command');
    if (type === 'exec' && (command.length === 0 || command[0] === '' || command.length > MAX_ARGUMENTS || command.some((word) => word.includes('\0')))) throw ApiError.badRequest('you must specify a command that can be run');
    const open: RemoteCommand['open'] = (signal) => (type === 'exec' ? streams.exec(pod, container, { command, tty, stdin }, signal) : streams.attach(pod, container, { tty, stdin }, signal));
    return { protocol, serve: (tunnel) => serveCommand(tunnel, { stdin, stdout, stderr, open, closes, tellsExit: type === 'exec', statusOf }, stopping, log) };
  }

  async #connect({ request, response, upgrade }: Given, { protocol, serve }: Opening): Promise<void> {
    if (upgrade === undefined) throw ApiError.badRequest('Upgrade request required');
    response.detachSocket(upgrade.socket as Parameters<typeof response.detachSocket>[0]);
    const opened = await this.#handshakes.accept(request, upgrade, protocol);
    if (opened !== undefined) await serve(new Tunnel(opened, { clock: this.options.clock, idleMs: IDLE_MS }));
  }
}

interface Given {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  readonly query: URLSearchParams;
}

interface Opening {
  readonly protocol: string;
  serve(tunnel: Tunnel): Promise<void>;
}

/** The protocol that a stream will speak. Throws BadRequest when there is none that both know. */
function protocolOf({ request, upgrade }: Given): string {
  if (upgrade === undefined || !wantsWebSocket(request) || request.method !== 'GET') throw ApiError.badRequest('unable to upgrade: streams are opened over WebSockets only (GET with Upgrade: websocket)');
  const offered = offeredProtocols(request);
  const chosen = PROTOCOLS.find((one) => offered.includes(one));
  if (chosen === undefined) throw ApiError.badRequest(`unable to negotiate protocol: client supports [${offered.join(' ').slice(0, 200)}], server accepts [${PROTOCOLS.join(' ')}]`);
  return chosen;
}

/** What the API server is told of a failure. It is trusted: it gets the text also of what is nobody's fault. */
function statusOf(error: unknown): Status {
  if (ApiError.is(error)) return error.toStatus();
  return new ApiError('InternalError', errorMessage(error)).toStatus();
}

function respond(response: ServerResponse, code: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(code, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}
