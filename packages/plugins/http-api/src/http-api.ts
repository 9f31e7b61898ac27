import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ApiDocument, ApiError, type ApiRequest, type Clock, errorMessage, type ForwardedGroups, type ForwardTarget, type KubeObject, type LiveList, type Logger, longLived, type MetricsSource, type NodeStreams, noTracer, type Random, type RemoteNodes, type ResourceRef, type ServedKinds, type SpanRecord, type Subresource, type Tracer, type Transport, type UserInfo } from '@orrery/core';
import { served, type Upgrade, type UpgradeListener, withToken } from '@orrery/stream-channels';
import type { Registry } from 'prom-client';
import { authenticate, type Authenticator } from './authenticators.js';
import { type Attributes, authorize, type Authorizer, everybodyKnown } from './authorizer.js';
import type { Auditor } from './audit/auditor.js';
import type { BodyBudget } from './body.js';
import { Exchange } from './exchange.js';
import { Gate, type RateLimits } from './fairness/gate.js';
import { impersonated } from './impersonation.js';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.js';
import { answerMetrics } from './metrics/answer.js';
import { isMetrics } from './metrics/kinds.js';
import { answerObjects, kindFor, narrowed, type ObjectRequest, timely, verbOf } from './objects.js';
import { type ProxyRoute, proxyRouteOf, proxyVerbOf } from './proxy/proxy-path.js';
import { ForwardServer } from './forwarding/forward-server.js';
import { Pages } from './pages.js';
import { ProxyServer } from './proxy/proxy-server.js';
import { Query } from './query.js';
import { HttpRefusal, methodNotAllowed, notServed, statusOf } from './refusal.js';
import { metricVerb, NO_OBJECT, type RequestLabels, RequestMetrics } from './request-metrics.js';
import { spansOf, traceParent } from './request-trace.js';
import { answerReview } from './reviews/answer.js';
import { isReview } from './reviews/kinds.js';
import { plainPath, type Route, routeOf } from './route.js';
import { partsOf } from './served.js';
import { PodStreamServer } from './streams/pod-stream-server.js';
import { streamOf } from './streams/requested.js';
import { answerWatch, type WatchesContext } from './watches.js';
import { EncodedObjects } from './watch-stream.js';

/** What the Kubernetes API over HTTP is made from. */
export interface HttpApiOptions {
  readonly transport: Transport;
  readonly kinds: ServedKinds;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Ways of telling who asks, in the order in which they are tried. Without one only `anonymous` lets anybody in. */
  readonly authenticators: readonly Authenticator[];
  /** Who may do what. Default: **everybody who is known may do everything**. */
  readonly authorizer?: Authorizer;
  /** Whether clients without credentials are let in, as `system:anonymous`. Default: no. */
  readonly anonymous?: boolean;
  /** Where it is mounted, e.g. `/k8s`; default at the root. */
  readonly basePath?: string;
  readonly limits?: Partial<HttpLimits>;
  /** Where requests are told of. Default: nowhere. */
  readonly tracer?: Tracer;
  /** What is on the page `/metrics`, to which others may add. Default: only what it counts itself. */
  readonly registry?: Registry;
  /** How often clients may ask. Default: as often as they like. */
  readonly rates?: RateLimits;
  /** Writes requests down. Default: nobody does. */
  readonly audit?: Auditor;
  /** API servers behind this one. Default: none. */
  readonly forwarded?: Pick<LiveList<ForwardedGroups>, 'items'>;
  /** The nodes whose pods' logs, commands and ports can be reached. Default: none. */
  readonly streams?: Pick<LiveList<NodeStreams>, 'items'>;
  /** The ways to nodes that are elsewhere. Default: none. */
  readonly remoteNodes?: Pick<LiveList<RemoteNodes>, 'items'>;
  /** Subresources besides those of the kinds, as the transport serves them: for discovery and OpenAPI. Default: none. */
  readonly subresources?: Pick<LiveList<Subresource>, 'items'>;
  /** Pages besides its own. Default: none. */
  readonly documents?: Pick<LiveList<ApiDocument>, 'items'>;
  /** Who measures what nodes and pods use (`kubectl top`). Default: nobody. */
  readonly metrics?: Pick<LiveList<MetricsSource>, 'items'>;
}

/** The Kubernetes API over HTTP. Listens nowhere itself: {@link HttpApi.handle} is what a server calls, and {@link HttpApi.upgrade} on its event `upgrade`. */
export class HttpApi {
  readonly limits: HttpLimits;
  readonly #pages: Pages;
  readonly #context: WatchesContext;
  readonly #stopping = longLived(new AbortController());
  readonly #budget: BodyBudget = { held: 0 };
  readonly #working = new Map<Promise<void>, ServerResponse | Duplex>();
  readonly #streams: PodStreamServer;
  readonly #proxy: ProxyServer;
  readonly #forward: ForwardServer;
  readonly #metrics: RequestMetrics;
  readonly #gate: Gate;

  constructor(readonly options: HttpApiOptions) {
    const { transport, kinds, clock, random, log, authorizer = everybodyKnown } = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#metrics = new RequestMetrics(clock.now(), options.registry);
    this.#gate = new Gate({ clock, limits: this.limits, rates: options.rates ?? {}, registry: this.#metrics.registry });
    this.#context = { transport, kinds, clock, random, log, authorizer, limits: this.limits, budget: this.#budget, encoded: new EncodedObjects(), stopping: this.#stopping.signal };
    this.#pages = new Pages({ ...options, context: this.#context, requestMetrics: this.#metrics });
    this.#forward = new ForwardServer(this.#context, options.forwarded ?? { items: () => [] });
    const ways = { nodes: options.streams ?? { items: () => [] }, remoteNodes: options.remoteNodes ?? { items: () => [] } };
    this.#streams = new PodStreamServer({ ...this.#context, ...ways });
    this.#proxy = new ProxyServer({ ...this.#context, ...ways });
  }

  /** Answers one request. For `http.createServer(api.handle)`, or a host's own router. Never throws. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const work = this.#answer(request, response).finally(() => this.#working.delete(work));
    this.#working.set(work, response);
  };

  /** Answers one request that wishes for another protocol, for the event `upgrade`. What is not granted is answered as by {@link HttpApi.handle}, and the connection closed. Never throws. */
  readonly upgrade: UpgradeListener = (request, socket, head) => {
    const work = served(request, socket, this.options.clock, async (response) => this.#answer(request, response, { socket, head })).finally(() => this.#working.delete(work));
    this.#working.set(work, socket);
  };

  /** Watches and streams end as at a time-out, objects are served no more, and readiness is over. Resolves when all answers under way are given; after `limits.drainMs` those that are left are cut off. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    let [cancel, isLate] = [(): void => {}, false];
    const late = new Promise<void>((resolve) => {
      cancel = this.options.clock.timer(this.limits.drainMs, () => {
        isLate = true;
        resolve();
      });
    });
    while (this.#working.size > 0 && !isLate) await Promise.race([Promise.all(this.#working.keys()), late]);
    cancel();
    for (const connection of this.#working.values()) connection.destroy();
    this.#forward.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    const { clock, random, log } = this.options;
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const [path, search] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
    const exchange = new Exchange(request, response, new Query(search), clock, random.uuid(), this.limits.stallMs);
    if (exchange.gone.aborted) return;
    const began = clock.monotonic();
    try {
      await this.#serve(exchange, path, upgrade);
    } catch (error) {
      if (exchange.gone.aborted) return;
      const status = statusOf(error);
      // What went wrong, by whom and where; never what was sent.
      if (status.code >= 500) log.warn('a request failed', { audit: exchange.id, method: request.method, user: exchange.user?.name, impersonator: exchange.impersonator?.name, code: status.code, error: errorMessage(error) });
      else if (status.code === 401 && error instanceof Error && error.cause !== undefined) log.info('credentials were refused', { audit: exchange.id, error: errorMessage(error.cause) });
      await exchange.refuse(status, error instanceof HttpRefusal && error.closes).catch((cause: unknown) => {
        log.warn('an answer could not be written', { audit: exchange.id, error: errorMessage(cause) });
        response.destroy();
      });
    } finally {
      this.options.audit?.end(exchange, path);
      this.#trace(exchange);
      (exchange.counted ?? this.#metrics.begin(NO_OBJECT))(response.statusCode, (clock.monotonic() - began) / 1000);
    }
  }

  async #serve(exchange: Exchange, path: string, upgrade: Upgrade | undefined): Promise<void> {
    const { authenticators, anonymous = false } = this.options;
    const { request } = exchange;
    const plain = this.#unmounted(path);
    const route = proxyRouteOf(plain) ?? routeOf(plain);
    const caller = await timely(this.#context, authenticate(withToken(request), authenticators, anonymous, this.options.clock.now()), exchange.gone);
    exchange.user = caller;
    // A browser shows its certificate also for the page of a stranger.
    if (request.method !== 'GET' && STRANGE.has(String(request.headers['sec-fetch-site']))) throw new ApiError('Forbidden', 'pages of other sites cannot change anything');
    const user = await this.#actingAs(exchange, caller);
    if (route.type === 'proxy') return this.#proxied(exchange, route, user, { place: path.slice(0, path.length - (route.rest?.length ?? 0)), upgrade });
    const find = this.#forward.find(route);
    if (find !== undefined) return this.#forwarded(exchange, route, user, { find, upgrade });
    if (route.type !== 'resource') return this.#describe(exchange, route, user);
    const { ref } = route;
    const stream = streamOf(ref);
    if (stream !== undefined) {
      await this.#audited(exchange, { user, verb: stream === 'log' ? 'get' : 'create', ref }, true);
      exchange.counted = this.#metrics.begin({ ...labelsOf(stream === 'log' ? 'get' : 'connect', ref), subresource: stream });
      // A WebSocket is a GET, and browsers open it for any page.
      if (stream !== 'log' && STRANGE.has(String(request.headers['sec-fetch-site']))) throw new ApiError('Forbidden', 'pages of other sites cannot open streams');
      return this.#gate.stream(user, async () => this.#streams.serve(exchange, { ref, user, stream }, upgrade));
    }
    const verb = verbOf(exchange, ref);
    await this.#audited(exchange, { user, verb, ref }, verb === 'watch');
    const asked: Attributes = { user, verb, ref };
    if (verb === 'watch') {
      const wrote = (events: number): void => this.#metrics.watched(ref, events);
      return this.#gate.watch(exchange, asked, async (begun) => answerWatch(exchange, await this.#allowed(exchange, user, verb, ref), this.#context, { begun, wrote }));
    }
    exchange.about = { verb, ref };
    return this.#gate.request(exchange, asked, async () => this.#objects(exchange, user, verb, ref));
  }

  async #proxied(exchange: Exchange, route: ProxyRoute, user: UserInfo, { place, upgrade }: { readonly place: string; readonly upgrade: Upgrade | undefined }): Promise<void> {
    const { ref } = route;
    const { request } = exchange;
    const verb = proxyVerbOf(ref, request.method ?? '', upgrade !== undefined);
    if (verb === undefined) throw methodNotAllowed();
    await this.#audited(exchange, { user, verb, ref }, true);
    exchange.counted = this.#metrics.begin({ ...labelsOf('connect', ref), subresource: 'proxy' });
    if (upgrade !== undefined && STRANGE.has(String(request.headers['sec-fetch-site']))) throw new ApiError('Forbidden', 'pages of other sites cannot open streams');
    return this.#gate.stream(user, async () => {
      await this.#authorize(exchange, { user, verb, ref });
      await this.#proxy.serve(exchange, route, place, upgrade);
    });
  }

  async #forwarded(exchange: Exchange, route: Route, user: UserInfo, { find, upgrade }: { readonly find: () => ForwardTarget; readonly upgrade: Upgrade | undefined }): Promise<void> {
    const { request } = exchange;
    const asked: Attributes = route.type === 'resource' ? { user, verb: upgrade === undefined ? verbOf(exchange, route.ref) : 'create', ref: route.ref } : { user, verb: (request.method ?? '').toLowerCase(), path: plainPath(route) };
    const { verb, ref } = asked;
    const goesOn = verb === 'watch' || upgrade !== undefined || STREAMS.has(ref?.subresource ?? '');
    await this.#audited(exchange, asked, goesOn);
    // Which words of a path are names of resources is not known here.
    if (ref !== undefined) exchange.counted = this.#metrics.begin({ ...labelsOf(goesOn && verb !== 'watch' ? 'connect' : verb, ref), resource: '' });
    if (upgrade !== undefined && STRANGE.has(String(request.headers['sec-fetch-site']))) throw new ApiError('Forbidden', 'pages of other sites cannot open streams');
    const pass = async (begun?: (length: number) => void): Promise<void> => {
      await this.#authorize(exchange, ref === undefined ? asked : { user, verb, ...narrowed(exchange, ref, verb as ObjectRequest['verb']) });
      await this.#forward.serve(exchange, find(), { path: this.#unmounted(request.url ?? '/'), user, upgrade, goesOn, begun: () => begun?.(0) });
    };
    if (verb === 'watch') return this.#gate.watch(exchange, asked, pass);
    return goesOn ? this.#gate.stream(user, () => pass()) : this.#gate.request(exchange, asked, () => pass());
  }

  async #objects(exchange: Exchange, user: UserInfo, verb: ApiRequest['verb'], ref: ResourceRef): Promise<void> {
    const asked = { ...(await this.#allowed(exchange, user, verb, ref)), verb };
    if (isReview(asked.kind)) return answerReview(exchange, asked, { ...this.#context, authenticators: this.options.authenticators });
    if (isMetrics(asked.kind)) return answerMetrics(exchange, asked, { ...this.#context, sources: this.options.metrics ?? { items: () => [] } });
    return answerObjects(exchange, asked, this.#context);
  }

  /** What is served at a path is told only to who may ask. */
  async #allowed(exchange: Exchange, user: UserInfo, verb: ObjectRequest['verb'], ref: ResourceRef): Promise<Omit<ObjectRequest, 'verb'>> {
    await this.#authorize(exchange, { user, verb, ...narrowed(exchange, ref, verb) });
    const kind = kindFor(this.options.kinds, ref, verb);
    exchange.counted = this.#metrics.begin({ ...labelsOf(verb, ref), subresource: partsOf(kind).some(({ name }) => name === ref.subresource) ? (ref.subresource ?? '') : '' });
    if (this.#stopping.signal.aborted) throw new ApiError('ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 });
    return { kind, ref, user };
  }

  /** Watches and streams are no part of the way of an object. */
  #trace({ about, request, response, answered, receivedAt, id }: Exchange): void {
    const { tracer = noTracer, clock, random } = this.options;
    if (!tracer.enabled || about === undefined) return;
    const client = traceParent(request.headers['traceparent']);
    const traceId = client?.traceId ?? Buffer.from(random.bytes(16)).toString('hex');
    const madeUid = response.statusCode === 201 ? uidOf(answered) : undefined;
    const context = { traceId, spanId: Buffer.from(random.bytes(8)).toString('hex') };
    // A client that follows its request is obeyed; what it made is followed as all objects are.
    const isWanted = (span: SpanRecord): boolean => (span.context === context && client !== undefined ? client.isSampled : tracer.samples(span.context.traceId));
    const spans = spansOf({ ...about, context, client, code: response.statusCode, auditId: id, startMs: receivedAt, endMs: clock.now(), madeUid });
    for (const span of spans) if (isWanted(span)) tracer.record(span);
  }

  /** What is to be written down is done when there is room to do so. */
  async #audited(exchange: Exchange, attributes: Attributes, goesOn = false): Promise<void> {
    const { audit } = this.options;
    if (audit !== undefined) await timely(this.#context, audit.begin(exchange, attributes, goesOn), exchange.gone);
  }

  /** Who the request counts as: who sent it, or the user that it names and may act as. */
  async #actingAs(exchange: Exchange, caller: UserInfo): Promise<UserInfo> {
    const user = await timely(this.#context, impersonated(exchange.request, caller, this.#context.authorizer), exchange.gone);
    if (user === undefined) return caller;
    exchange.user = user;
    exchange.impersonator = caller;
    this.options.log.info('a request is made in the name of somebody else', { audit: exchange.id, method: exchange.request.method, user: user.name, impersonator: caller.name });
    return user;
  }

  #unmounted(path: string): string {
    const { basePath = '' } = this.options;
    if (basePath === '') return path;
    if (!path.startsWith(`${basePath}/`)) throw notServed();
    return path.slice(basePath.length);
  }

  /** Everything that is not about objects. */
  async #describe(exchange: Exchange, route: Exclude<Route, { readonly type: 'resource' }>, user: UserInfo): Promise<void> {
    const method = exchange.request.method ?? '';
    const path = plainPath(route);
    await this.#audited(exchange, { user, verb: method.toLowerCase(), path });
    return this.#gate.request(exchange, { user, verb: method.toLowerCase(), path }, async () => {
      await this.#authorize(exchange, { user, verb: method.toLowerCase(), path });
      if (method !== 'GET') throw methodNotAllowed();
      return this.#pages.tell(exchange, route);
    });
  }

  #authorize(exchange: Exchange, attributes: Attributes): Promise<void> {
    return timely(this.#context, authorize(this.#context.authorizer, attributes), exchange.gone);
  }
}

/** From where a request of a browser comes that is by another site, as the browser says it. */
const STRANGE: ReadonlySet<string> = new Set(['cross-site', 'same-site']);

/** Parts of objects that are answered for as long as somebody looks, whoever serves them (kube-apiserver's long-running requests). */
const STREAMS: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Of an object; undefined for anything else, such as a Status. */
const uidOf = (answered: unknown): string | undefined => (answered as KubeObject | undefined)?.metadata?.uid;

/** What a request for objects counts as. */
function labelsOf(verb: string, { group, version, resource, namespace, name }: ResourceRef): RequestLabels {
  return { verb: metricVerb(verb), group, version, resource, subresource: '', scope: name !== undefined ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster' };
}
