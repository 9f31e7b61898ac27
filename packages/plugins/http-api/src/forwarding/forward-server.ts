import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { ApiError, errorMessage, type ForwardedGroups, type ForwardTarget, type LiveList, type ServedKinds, type UserInfo } from '@orrery/core';
import type { Upgrade } from '@orrery/stream-channels';
import type { Exchange } from '../exchange.js';
import { timely } from '../objects.js';
import { awaited } from '../proxy/awaited.js';
import { type Answer, answerOf, hasBody, passBack, passUpgrade } from '../proxy/passing.js';
import { answeredHeaders, forwardedHeaders } from '../proxy/headers.js';
import type { ProxyContext } from '../proxy/proxy-server.js';
import type { Route } from '../route.js';
import { ServedHere } from './served-here.js';

/** Connections that are kept to one server, and servers that are remembered. */
const KEPT = { idle: 8, servers: 100 } as const;
/** Methods that change nothing: they may be asked twice. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** How one request is passed on. */
export interface Forwarding {
  /** With its query, as it was asked for. */
  readonly path: string;
  readonly user: UserInfo;
  readonly upgrade: Upgrade | undefined;
  /** It is answered for as long as somebody looks; others as soon as what is served here is. */
  readonly goesOn: boolean;
  /** Called when the answer begins. */
  begun(): void;
}

/** Passes requests for groups of other API servers on to them, as kube-aggregator does: who asks has been told and judged here, and is named in headers. */
export class ForwardServer {
  readonly #agents = new Map<string, Agent>();

  readonly #here: ServedHere;

  constructor(
    private readonly context: Pick<ProxyContext, 'clock' | 'limits' | 'stopping'> & { readonly kinds: ServedKinds },
    private readonly groups: Pick<LiveList<ForwardedGroups>, 'items'>,
  ) {
    this.#here = new ServedHere(context.kinds);
  }

  /** What finds where requests of a path go, or throws ServiceUnavailable: to be called for those only who may ask. Undefined: it is no other server's. */
  find(route: Route): (() => ForwardTarget) | undefined {
    const { group, version } = route.type === 'resource' ? route.ref : route.type === 'discovery' ? route : { group: undefined, version: undefined };
    if (group === undefined || version === undefined || this.#here.has(group, version)) return undefined;
    try {
      for (const one of this.groups.items()) {
        const target = one.target(group, version);
        if (target !== undefined) return () => target;
      }
      return undefined;
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  /** Passes one request on, and its answer back. Rejects with what it is refused with while it has not been answered; an answer that does not come to its end in time is cut off. */
  async serve(exchange: Exchange, target: ForwardTarget, { path, user, upgrade, goesOn, begun }: Forwarding): Promise<void> {
    const { context } = this;
    const { clock, limits, stopping } = context;
    const { request } = exchange;
    if (stopping.aborted) throw new ApiError('ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 });
    const over = awaited(exchange, stopping, upgrade);
    const until = clock.monotonic() + limits.answerMs;
    let cancel = (): void => {};
    try {
      const answer = await timely(context, this.#ask(request, target, path, user, upgrade !== undefined, over.signal), exchange.gone);
      over.signal.addEventListener('abort', () => answer.response.destroy(), { once: true });
      if (!goesOn) cancel = clock.timer(Math.max(1, until - clock.monotonic()), over.end);
      begun();
      const back = answeredHeaders(answer.response, '', request.headers.host);
      if (upgrade !== undefined && answer.switched !== undefined) await passUpgrade(exchange, upgrade, { ...answer.switched, response: answer.response, headers: back });
      else await passBack(exchange, answer.response, back);
    } finally {
      cancel();
      over.end();
    }
  }

  /** Ends the connections that are kept. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #ask(request: IncomingMessage, target: ForwardTarget, path: string, user: UserInfo, isUpgrade: boolean, over: AbortSignal): Promise<Answer> {
    const { host, port, serverName } = target;
    const headers = { ...withoutUser(forwardedHeaders(request, { path, isUpgrade })), ...userHeaders(user), host: serverName };
    for (;;) {
      const sent = httpsRequest({ host, port, servername: serverName, method: request.method, path, headers, agent: this.#agent(target), setHost: false });
      try {
        return await answerOf(request, sent, isUpgrade, over);
      } catch (error) {
        if (over.aborted || ApiError.is(error)) throw error;
        // The server may have closed a kept connection just when it was used. A new one ends this.
        if (sent.reusedSocket && SAFE.has(request.method ?? '') && !hasBody(request) && (error as NodeJS.ErrnoException).code === 'ECONNRESET') continue;
        throw new ApiError('ServiceUnavailable', `error trying to reach service: ${errorMessage(error)}`, {}, error);
      }
    }
  }

  #agent({ serverName, ca, insecure = false, identity }: ForwardTarget): Agent {
    const key = JSON.stringify([serverName, ca, insecure, identity?.cert]);
    const known = this.#agents.get(key);
    this.#agents.delete(key);
    const agent = known ?? new Agent({ keepAlive: true, maxFreeSockets: KEPT.idle, minVersion: 'TLSv1.2', rejectUnauthorized: !insecure, ...(ca !== undefined && { ca }), ...identity });
    // The last one used is the last to go.
    this.#agents.set(key, agent);
    const [oldest] = this.#agents;
    if (this.#agents.size > KEPT.servers && oldest !== undefined) {
      oldest[1].destroy();
      this.#agents.delete(oldest[0]);
    }
    return agent;
  }
}

/** What a client says of users in headers that only this server may set. */
const withoutUser = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders => Object.fromEntries(Object.entries(headers).filter(([name]) => !name.toLowerCase().startsWith('x-remote-')));

/** Who asks, for a server that trusts the front door (kube-aggregator, `X-Remote-…`). Pure. */
export function userHeaders({ name, uid, groups = [], extra = {} }: UserInfo): OutgoingHttpHeaders {
  return {
    'x-remote-user': encoded(name),
    ...(uid !== undefined && uid !== '' && { 'x-remote-uid': encoded(uid) }),
    'x-remote-group': groups.map(encoded),
    ...Object.fromEntries(Object.entries(extra).map(([key, values]) => [`x-remote-extra-${headerKey(key)}`, values.map(encoded)])),
  };
}

/** What a name of a header cannot hold is escaped, as kube-aggregator does. */
const headerKey = (key: string): string => encodeURIComponent(key).replaceAll('(', '%28').replaceAll(')', '%29').toLowerCase();

/** Names are Unicode, headers are not: what is outside is left as UTF-8, as Go's clients send it. */
const encoded = (text: string): string => Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString('latin1');
