import { ApiError, type Authorizer, type Clock, type LiveList, type Logger, type NodeStreams, type Pod, type PodIdentity, type RemoteNodes, type ResourceRef, type Transport, type UserInfo } from '@orrery/core';
import { Handshakes, type MessageTunnel, offeredProtocols, type RemoteCommand, serveCommand, servePortChannels, Tunnel, type Upgrade, wantsWebSocket } from '@orrery/stream-channels';
import { authorize } from '../authorizer.js';
import type { Exchange } from '../exchange.js';
import type { HttpLimits } from '../limits.js';
import { timely } from '../objects.js';
import { methodNotAllowed, statusOf, tooBusy } from '../refusal.js';
import { answerLog } from './answer-log.js';
import { COMMAND_PROTOCOLS, serveCommandSpdy } from './command-spdy.js';
import { servePortSpdy } from './port-spdy.js';
import { argumentsOf, commandOf, containerOf, logQueryOf, portsOf, type StreamName } from './requested.js';
import { SocketTunnel } from './spdy/socket-tunnel.js';
import { acceptSpdy, protocolOverSpdy, wantsSpdy } from './spdy/upgrade.js';

/** What serving the streams of pods needs. */
export interface PodStreamContext {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: HttpLimits;
  /** Aborts when the server stops: streams then end politely. */
  readonly stopping: AbortSignal;
  readonly nodes: Pick<LiveList<NodeStreams>, 'items'>;
  /** The ways to nodes elsewhere. */
  readonly remoteNodes: Pick<LiveList<RemoteNodes>, 'items'>;
}

/** A request for a stream of a pod. */
export interface AskedStream {
  readonly ref: ResourceRef;
  readonly user: UserInfo;
  readonly stream: StreamName;
}

/** A stream that may be opened, with the protocol it will speak. */
interface Opening {
  readonly protocol: string;
  /** Serves it until it is over. Never rejects. */
  serve(tunnel: MessageTunnel): Promise<void>;
}

const [V5, V4, PORTS] = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'portforward.k8s.io'];
const SPDY = `SPDY/3.1+${PORTS}`;

/** The logs, commands and ports of pods. */
export class PodStreamServer {
  readonly #handshakes = new Handshakes();
  #open = 0;

  constructor(private readonly context: PodStreamContext) {}

  /**
   * Serves one stream until it is over. Rejects with what it is refused with while the request has not been answered: where it may be asked, everything is looked at before the connection changes hands.
   * Who may open commands, attach and forward ports is who may `create` them, whatever the method.
   */
  async serve(exchange: Exchange, { ref, user, stream }: AskedStream, upgrade: Upgrade | undefined): Promise<void> {
    const { context } = this;
    const { method = '' } = exchange.request;
    await timely(context, authorize(context.authorizer, { user, verb: stream === 'log' ? 'get' : 'create', ref }), exchange.gone);
    if (method !== 'GET' && (stream === 'log' || method !== 'POST')) throw methodNotAllowed();
    if (context.stopping.aborted) throw new ApiError('ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 });
    if (this.#open >= context.limits.streams) throw tooBusy('too many streams, please try again later');
    this.#open += 1;
    try {
      const { subresource: _part, ...itself } = ref;
      const pod = (await timely(context, context.transport.request({ verb: 'get', user, ref: itself }, exchange.gone), exchange.gone)) as Pod;
      if (stream === 'log') await this.#log(exchange, pod);
      else await this.#connect(exchange, this.#opening(exchange, pod, stream), upgrade);
    } finally {
      this.#open -= 1;
    }
  }

  async #log(exchange: Exchange, pod: Pod): Promise<void> {
    const { clock, log, stopping } = this.context;
    const query = logQueryOf(exchange.query, clock.now());
    const container = containerOf(pod, exchange.query.text('container'));
    if ((pod.spec.nodeName ?? '') === '') {
      exchange.response.writeHead(204);
      return exchange.end();
    }
    const asked = { node: this.#node(pod), pod: identityOf(pod), container, query };
    return answerLog(exchange, asked, { log, stopping, timely: (answer) => timely(this.context, answer, exchange.gone) });
  }

  /** Everything that is to be known before the connection changes hands; throws what is refused. */
  #opening({ request, query }: Exchange, pod: Pod, stream: Exclude<StreamName, 'log'>): () => Opening {
    const { log, stopping, clock } = this.context;
    const isSpdy = wantsSpdy(request);
    const identity = identityOf(pod);
    const container = stream === 'portforward' ? '' : containerOf(pod, query.text('container'));
    if ((pod.spec.nodeName ?? '') === '') throw ApiError.badRequest(`pod ${identity.name} does not have a host assigned`);
    const offered = offeredProtocols(request);
    const choose = (...accepted: readonly string[]): string => {
      const chosen = accepted.find((one) => offered.includes(one));
      if (chosen === undefined) throw ApiError.badRequest(`unable to negotiate protocol: client supports [${offered.join(' ').slice(0, 200)}], server accepts [${accepted.join(' ')}]`);
      return chosen;
    };
    if (stream === 'portforward') {
      return () => {
        const node = this.#node(pod);
        const connect = (port: number, signal: AbortSignal) => node.portForward(identity, port, signal);
        const protocol = isSpdy ? protocolOverSpdy(request, [PORTS]) : choose(SPDY, V4);
        if (protocol !== V4) return { protocol, serve: (tunnel) => servePortSpdy(tunnel, connect, stopping, log) };
        const ports = portsOf(query);
        return { protocol, serve: (tunnel) => servePortChannels(tunnel, { ports, connect }, stopping, log) };
      };
    }
    const { tty, ...streams } = commandOf(query);
    const words = stream === 'exec' ? argumentsOf(query) : [];
    return () => {
      const node = this.#node(pod);
      const protocol = isSpdy ? protocolOverSpdy(request, COMMAND_PROTOCOLS) : choose(V5, V4);
      const { stdin } = streams;
      const open: RemoteCommand['open'] = (signal) => (stream === 'exec' ? node.exec(identity, container, { command: words, tty, stdin }, signal) : node.attach(identity, container, { tty, stdin }, signal));
      const command = { ...streams, open, tellsExit: stream === 'exec', statusOf };
      if (isSpdy) return { protocol, serve: (tunnel) => serveCommandSpdy(tunnel, { ...command, tty, protocol }, { stopping, clock, log }) };
      return { protocol, serve: (tunnel) => serveCommand(tunnel, { ...command, closes: protocol === V5 }, stopping, log) };
    };
  }

  async #connect({ request, response }: Exchange, opening: () => Opening, upgrade: Upgrade | undefined): Promise<void> {
    if (upgrade === undefined) throw ApiError.badRequest('Upgrade request required');
    const isSpdy = wantsSpdy(request);
    if (!isSpdy && (!wantsWebSocket(request) || request.method !== 'GET')) throw ApiError.badRequest('unable to upgrade: streams are opened over WebSockets (GET with Upgrade: websocket) or SPDY/3.1');
    const { protocol, serve } = opening();
    const { socket } = upgrade;
    response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
    const { clock, limits } = this.context;
    const options = { clock, idleMs: limits.streamIdleMs };
    if (isSpdy) {
      acceptSpdy(upgrade, protocol);
      return serve(new SocketTunnel(socket, upgrade.head, options));
    }
    const opened = await this.#handshakes.accept(request, upgrade, protocol);
    if (opened !== undefined) await serve(new Tunnel(opened, options));
  }

  /** Throws ServiceUnavailable for a node that cannot be reached from here. */
  #node({ spec: { nodeName = '' } }: Pod): NodeStreams {
    const found = streamsOf(nodeName, this.context);
    if (found === undefined) throw new ApiError('ServiceUnavailable', `the agent of node ${JSON.stringify(nodeName)} cannot be reached from this server`);
    return found;
  }
}

/** The streams of a node, here or elsewhere; undefined: there is no way to it. */
export const streamsOf = (node: string, { nodes, remoteNodes }: Pick<PodStreamContext, 'nodes' | 'remoteNodes'>): NodeStreams | undefined => nodes.items().find((one) => one.node === node) ?? remoteNodes.items()[0]?.streams(node);

const identityOf = ({ metadata: { namespace = '', name = '', uid = '' } }: Pod): PodIdentity => ({ namespace, name, uid });
