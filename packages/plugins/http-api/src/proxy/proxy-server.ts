import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { ApiError, type Clock, type DuplexStream, type EndpointSlice, errorMessage, type KubeList, type LiveList, type Logger, type Node, type NodeStreams, OrreryError, type Pod, type Random, type RemoteNodes, type ResourceRef, type Service, type Transport, type UserInfo } from '@orrery/core';
import type { Upgrade } from '@orrery/stream-channels';
import type { Exchange } from '../exchange.js';
import type { HttpLimits } from '../limits.js';
import { timely } from '../objects.js';
import { methodNotAllowed } from '../refusal.js';
import { streamsOf } from '../streams/pod-stream-server.js';
import { awaited } from './awaited.js';
import { type PodPort, portOfPod, portOfService } from './choose-target.js';
import { answeredHeaders, forwardedHeaders } from './headers.js';
import { IdleWatch } from './idle-watch.js';
import { type Answer, answerOf, passBack, passUpgrade } from './passing.js';
import type { ProxyRoute } from './proxy-path.js';
import { duplexOf } from './stream-duplex.js';

/** What passing requests on needs. */
export interface ProxyContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: HttpLimits;
  readonly stopping: AbortSignal;
  readonly nodes: Pick<LiveList<NodeStreams>, 'items'>;
  readonly remoteNodes: Pick<LiveList<RemoteNodes>, 'items'>;
}

/** Who looks up what is meant: who asked has been judged by what it asked for. */
const ITSELF: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const V1 = { group: '', version: 'v1' } as const;

/**
 * Passes requests on to what pods, services and nodes serve themselves. No address is ever dialled that an object names: connections to pods are made by the agent of their node, as forwarded ports are, so that nothing is
 * reached but ports of pods that run here; and nodes are reached by their own servers only, over mutual TLS.
 */
export class ProxyServer {
  constructor(private readonly context: ProxyContext) {}

  /** Passes one request on, and its answer back. Rejects with what it is refused with while it has not been answered. */
  async serve(exchange: Exchange, route: ProxyRoute, place: string, upgrade: Upgrade | undefined): Promise<void> {
    const { context } = this;
    const { request, response } = exchange;
    const { method = '' } = request;
    if (!METHODS.has(method)) throw methodNotAllowed();
    if (context.stopping.aborted) throw new ApiError('ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 });
    const search = searchOf(request);
    if (route.rest === undefined && upgrade === undefined && (method === 'GET' || method === 'HEAD')) {
      // So that what is relative to it is found below it.
      response.writeHead(301, { location: `${place}/${search}` });
      return exchange.end();
    }
    const over = awaited(exchange, context.stopping, upgrade);
    const idle = new IdleWatch(context.clock, context.limits.streamIdleMs, over.end);
    try {
      const target = await timely(context, this.#connected(route, () => idle.touch(), over.signal), exchange.gone);
      // That it breaks is seen by who reads and writes.
      target.on('error', () => target.destroy());
      over.signal.addEventListener('abort', () => target.destroy(), { once: true });
      if (over.signal.aborted) target.destroy();
      await this.#pass(exchange, route, { target, place, search, upgrade, over: over.signal });
    } finally {
      idle.stop();
      over.end();
    }
  }

  async #pass(exchange: Exchange, { rest = '/' }: ProxyRoute, { target, place, search, upgrade, over }: Passing): Promise<void> {
    const { request } = exchange;
    const headers = forwardedHeaders(request, { path: `${place}${rest}`, isUpgrade: upgrade !== undefined });
    let answer: Answer;
    try {
      answer = await answerOf(request, httpRequest({ method: request.method, path: `${rest}${search}`, headers, createConnection: () => target, setHost: false }), upgrade !== undefined, over);
    } catch (error) {
      if (over.aborted || ApiError.is(error)) throw error;
      throw new ApiError('ServiceUnavailable', `error trying to reach service: ${errorMessage(error)}`, {}, error);
    }
    const back = answeredHeaders(answer.response, place, request.headers.host);
    if (upgrade !== undefined && answer.switched !== undefined) return passUpgrade(exchange, upgrade, { ...answer.switched, response: answer.response, headers: back });
    return passBack(exchange, answer.response, back);
  }

  /** A connection on which HTTP is spoken. */
  async #connected(route: ProxyRoute, used: () => void, signal: AbortSignal): Promise<Duplex> {
    const { scheme } = route;
    if (route.ref.resource === 'nodes') return duplexOf(await this.#node(route, signal), used);
    const stream = await this.#port(route.ref.resource === 'pods' ? await this.#podPort(route) : await this.#servicePort(route), signal);
    const duplex = duplexOf(stream, used);
    if (scheme !== 'https') return duplex;
    // As kube-apiserver: who is at the other end is known by the way there, and certificates of pods are their own matter.
    const socket = connectTls({ socket: duplex, rejectUnauthorized: false });
    return new Promise<Duplex>((resolve, reject) => {
      socket.once('secureConnect', () => resolve(socket.off('error', reject)));
      socket.once('error', reject);
    }).catch((error: unknown) => {
      throw new ApiError('ServiceUnavailable', `error trying to reach service: ${errorMessage(error)}`, {}, error);
    });
  }

  async #port({ port, ...pod }: PodPort, signal: AbortSignal): Promise<DuplexStream> {
    const { spec } = await this.#get<Pod>({ ...V1, resource: 'pods', namespace: pod.namespace, name: pod.name });
    const { nodeName = '' } = spec;
    if (nodeName === '') throw ApiError.badRequest(`pod ${pod.name} does not have a host assigned`);
    const streams = streamsOf(nodeName, this.context);
    if (streams === undefined) throw new ApiError('ServiceUnavailable', `the agent of node ${JSON.stringify(nodeName)} cannot be reached from this server`);
    return streams.portForward(pod, port, signal).catch((error: unknown) => {
      throw OrreryError.is(error, 'ABORTED') ? error : new ApiError('ServiceUnavailable', `error trying to reach service: ${errorMessage(error)}`, {}, error);
    });
  }

  async #podPort({ ref, name, port }: ProxyRoute): Promise<PodPort> {
    return portOfPod(await this.#get<Pod>({ ...V1, resource: 'pods', ...(ref.namespace !== undefined && { namespace: ref.namespace }), name }), port);
  }

  async #servicePort({ ref: { namespace = '' }, name, port }: ProxyRoute): Promise<PodPort> {
    const { transport, random } = this.context;
    const service = await this.#get<Service>({ ...V1, resource: 'services', namespace, name });
    const { items } = (await transport.request({ verb: 'list', user: ITSELF, ref: { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices', namespace }, labelSelector: `kubernetes.io/service-name=${name}` })) as KubeList;
    return portOfService(service, items as readonly EndpointSlice[], port, random);
  }

  async #node({ name, port, scheme }: ProxyRoute, signal: AbortSignal): Promise<DuplexStream> {
    const { status } = await this.#get<Node>({ ...V1, resource: 'nodes', name });
    const own = status?.daemonEndpoints?.kubeletEndpoint?.Port;
    if (scheme === 'http' || (port !== '' && Number(port) !== own)) throw ApiError.badRequest('address not allowed: of a node only its own server is reached, over https');
    const [line] = this.context.remoteNodes.items();
    if (line === undefined || own === undefined) throw new ApiError('ServiceUnavailable', `the node ${JSON.stringify(name)} has no server of its own that this server can reach`);
    return line.connect(name, signal);
  }

  async #get<T>(ref: ResourceRef): Promise<T> {
    return (await this.context.transport.request({ verb: 'get', user: ITSELF, ref })) as T;
  }
}

interface Passing {
  readonly target: Duplex;
  /** Where what answers is found at the API server. */
  readonly place: string;
  readonly search: string;
  readonly upgrade: Upgrade | undefined;
  readonly over: AbortSignal;
}

/** What of the target of a request comes after its path. */
export const searchOf = ({ url = '' }: IncomingMessage): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '');
