import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { ApiError, type AttachOptions, type Clock, type DuplexStream, errorMessage, type ExecOptions, type ExecSession, type LogQuery, longLived, type NodeStreams, OrreryError, type PodIdentity, type Status } from '@orrery/core';
import { Tunnel } from '@orrery/stream-channels';
import { WebSocket } from 'ws';
import { logParameters } from '../wire/log-query.js';
import { measuresOf, type NodeMeasures } from '../wire/summary.js';
import { dial, type NodeCredentials } from './dial.js';
import { hostAndPort, type NodeEndpoint } from './endpoint.js';
import { commandOver, refusalOf } from './remote-command.js';
import { portOver } from './remote-port.js';
import { asStream } from './socket-stream.js';

/** What reaching one node needs. */
export interface NodeLineOptions {
  readonly node: string;
  /** Where its server is now. Throws what keeps it from being known. */
  endpoint(signal: AbortSignal): Promise<NodeEndpoint>;
  readonly credentials: () => NodeCredentials;
  readonly clock: Clock;
  /** Connections to the node at the same time; TooManyRequests beyond. */
  readonly connections: number;
}

/** The longest of what went nowhere is closed by the API server itself, which counts streams by their clients. */
const IDLE_MS = 24 * 3_600_000;
const ANSWER_MS = 30_000;
const SUMMARY_BYTES = 16 * 2 ** 20;
const REFUSAL_BYTES = 64 * 1024;
/** Messages of a node are as long as it reads from its pods. */
const MESSAGE_BYTES = 16 * 2 ** 20;
const PROTOCOL = 'v5.channel.k8s.io';

/** One node, by its own server: each stream is a connection of its own. */
export class NodeLine implements NodeStreams {
  #open = 0;

  constructor(private readonly options: NodeLineOptions) {}

  get node(): string {
    return this.options.node;
  }

  async logs({ namespace, name, uid }: PodIdentity, container: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const parameters = logParameters(query);
    if (uid !== '') parameters.set('uid', uid);
    const response = await this.#get(`/containerLogs/${namespace}/${name}/${container}?${parameters.toString()}`, signal);
    return piecesOf(response, signal);
  }

  async exec(pod: PodIdentity, container: string, { command, tty, stdin }: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    const query = parametersOf({ stdin, tty });
    for (const word of command) query.append('command', word);
    return commandOver(await this.#tunnel(`/exec/${pathOf(pod)}/${container}?${query.toString()}`, signal), true);
  }

  async attach(pod: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    return commandOver(await this.#tunnel(`/attach/${pathOf(pod)}/${container}?${parametersOf(options).toString()}`, signal), false);
  }

  async portForward(pod: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream> {
    return portOver(await this.#tunnel(`/portForward/${pathOf(pod)}?port=${port}`, signal));
  }

  /** What the node and its pods use. Throws also for what is no answer of a node. */
  async measures(signal: AbortSignal): Promise<NodeMeasures> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of piecesOf(await this.#get('/stats/summary', signal), signal)) {
      bytes += chunk.length;
      if (bytes > SUMMARY_BYTES) throw new OrreryError('UNAVAILABLE', `The node ${this.node} tells more than ${SUMMARY_BYTES} bytes of what it uses.`);
      chunks.push(Buffer.from(chunk));
    }
    return measuresOf(Buffer.concat(chunks).toString('utf8'), this.node, this.options.clock.now());
  }

  /** A connection on which HTTP/1.1 is spoken. It ends when the signal aborts. */
  async connect(signal: AbortSignal): Promise<DuplexStream> {
    const endpoint = await this.options.endpoint(signal);
    return asStream(await this.#dial(endpoint, 'error dialing backend', signal), signal);
  }

  async #dial(endpoint: NodeEndpoint, asking: string, signal: AbortSignal): ReturnType<typeof dial> {
    const { credentials, clock, connections } = this.options;
    if (this.#open >= connections) throw new ApiError('TooManyRequests', `too many connections to node ${JSON.stringify(this.node)}, please try again later`, { retryAfterSeconds: 1 });
    this.#open += 1;
    try {
      const socket = await dial(endpoint, credentials(), clock, asking, signal);
      socket.once('close', () => (this.#open -= 1));
      return socket;
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  /** An answer that has begun well, on a connection of its own. Throws the refusal that it is otherwise. */
  async #get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const endpoint = await this.options.endpoint(signal);
    const asking = `Get "https://${hostAndPort(endpoint)}${path}"`;
    const socket = await this.#dial(endpoint, asking, signal);
    const end = (): void => void socket.destroy();
    signal.addEventListener('abort', end, { once: true });
    const cancel = this.options.clock.timer(ANSWER_MS, () => void socket.destroy(new Error('i/o timeout')));
    socket.once('close', () => {
      cancel();
      signal.removeEventListener('abort', end);
    });
    if (signal.aborted) end();
    const request = httpRequest({ method: 'GET', path, createConnection: () => socket, headers: { host: hostAndPort(endpoint), connection: 'close' } });
    const response = await answerTo(request).catch((error: unknown) => {
      throw signal.aborted ? new OrreryError('ABORTED', 'The request to the node was aborted.', {}, signal.reason) : new ApiError('', `${asking}: ${errorMessage(error)}`, {}, error);
    });
    cancel();
    if (response.statusCode === 200) return response;
    throw await refusal(response);
  }

  /** A WebSocket on a connection of its own; it ends when the signal aborts. */
  async #tunnel(path: string, signal: AbortSignal): Promise<Tunnel> {
    const endpoint = await this.options.endpoint(signal);
    const socket = await this.#dial(endpoint, 'error dialing backend', signal);
    const stop = longLived(new AbortController());
    const webSocket = new WebSocket(`ws://${hostAndPort(endpoint)}${path}`, PROTOCOL, { createConnection: () => socket, perMessageDeflate: false, maxPayload: MESSAGE_BYTES, handshakeTimeout: ANSWER_MS });
    const end = (): void => webSocket.terminate();
    signal.addEventListener('abort', end, { once: true });
    socket.once('close', () => {
      stop.abort();
      signal.removeEventListener('abort', end);
    });
    if (signal.aborted) end();
    // A message may come with the answer: it must find its reader.
    const tunnel = new Tunnel(webSocket, { clock: this.options.clock, idleMs: IDLE_MS });
    const refused = once(webSocket, 'unexpected-response', { signal: stop.signal }).then(([, response]) => refusal(response as IncomingMessage));
    // It also fails when the tunnel was opened and ends: then nobody races it any more, and that must not count as a rejection nobody handles.
    refused.catch(() => undefined);
    try {
      await Promise.race([
        once(webSocket, 'open', { signal: stop.signal }),
        refused.then((error) => {
          throw error;
        }),
      ]);
      return tunnel;
    } catch (error) {
      webSocket.terminate();
      socket.destroy();
      if (ApiError.is(error)) throw error;
      if (signal.aborted) throw new OrreryError('ABORTED', 'The stream of the node was aborted.', {}, signal.reason);
      throw new ApiError('', `error dialing backend: ${errorMessage(error)}`, {}, error);
    } finally {
      stop.abort();
    }
  }
}

const pathOf = ({ namespace, name, uid }: PodIdentity): string => (uid === '' ? `${namespace}/${name}` : `${namespace}/${name}/${uid}`);

/** As kube-apiserver asks kubelets. All output is asked for: who does not want it drops it. */
const parametersOf = ({ stdin, tty }: AttachOptions): URLSearchParams => new URLSearchParams({ ...(stdin && { input: '1' }), output: '1', ...(tty ? { tty: '1' } : { error: '1' }) });

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve).on('error', reject);
    request.end();
  });
}

/** The pieces of an answer until it ends; that it ends when the signal aborts is no failure. Throws `UNAVAILABLE` when it breaks off. */
async function* piecesOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    if (!signal.aborted) throw new OrreryError('UNAVAILABLE', `The connection to the node was lost: ${errorMessage(error)}.`, {}, error);
  } finally {
    response.destroy();
  }
}

/** What the node refused a request with. */
async function refusal(response: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > REFUSAL_BYTES) break;
  }
  try {
    return refusalOf(JSON.parse(text) as Partial<Status>);
  } catch {
    // No Status: what answers may not be a node of ours.
    return new ApiError('', `the server of the node answers with ${response.statusCode}: ${text.slice(0, 500)}`);
  }
}
