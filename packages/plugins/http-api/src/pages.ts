import type { ApiDocument, ForwardedGroups, LiveList, ServedKinds, Subresource, Transport, UserInfo } from '@orrery/core';
import { apiGroup, apiResourceList } from './discovery.js';
import { Documents } from './documents.js';
import type { Exchange } from './exchange.js';
import { forwardedGroups } from './forwarding/forwarded-discovery.js';
import { healthOf, healthOfOne, type HealthCheck } from './health.js';
import { timely } from './objects.js';
import { notServed } from './refusal.js';
import type { RequestMetrics } from './request-metrics.js';
import type { Route } from './route.js';
import { groupVersions } from './served.js';
import { versionInfo } from './version-info.js';
import type { WatchesContext } from './watches.js';

/** What pages are made from. */
export interface PagesOptions {
  readonly transport: Transport;
  readonly kinds: ServedKinds;
  readonly basePath?: string;
  readonly subresources?: Pick<LiveList<Subresource>, 'items'>;
  readonly documents?: Pick<LiveList<ApiDocument>, 'items'>;
  readonly forwarded?: Pick<LiveList<ForwardedGroups>, 'items'>;
  readonly context: WatchesContext;
  readonly requestMetrics: RequestMetrics;
}

/** Always the same: documents are made again when it changes. */
const NONE: readonly Subresource[] = [];
const PING: HealthCheck = { name: 'ping', check: async () => undefined };

/** Everything that is not about objects: discovery, OpenAPI, health, metrics, and what plugins add. */
export class Pages {
  readonly #documents: Documents;
  readonly #elsewhere: Pick<LiveList<ForwardedGroups>, 'items'>;
  readonly #subresources = (): readonly Subresource[] => this.options.subresources?.items() ?? NONE;
  readonly #added = (): readonly ApiDocument[] => this.options.documents?.items() ?? [];

  constructor(private readonly options: PagesOptions) {
    this.#elsewhere = options.forwarded ?? { items: () => [] };
    this.#documents = new Documents(options.kinds, options.basePath ?? '', this.#subresources, { groups: this.#elsewhere, log: options.context.log });
  }

  /** Answers a GET. Throws NotFound for what is not there. */
  tell(exchange: Exchange, route: Exclude<Route, { readonly type: 'resource' }>): Promise<void> {
    if (route.type === 'path') return this.#page(exchange, route.path);
    const all = groupVersions(this.options.kinds, this.#subresources());
    return exchange.value(200, route.version === undefined ? apiGroup(route.group, all, forwardedGroups(this.#elsewhere)) : apiResourceList(route.group, route.version, all));
  }

  async #page(exchange: Exchange, path: string): Promise<void> {
    switch (path) {
      case '/':
        return exchange.value(200, { paths: this.#paths() });
      case '/api':
      case '/apis':
        return this.#documents.discovery(exchange, path === '/api');
      case '/version':
        return exchange.value(200, versionInfo());
      case '/healthz':
      case '/livez':
      case '/readyz':
        return this.#health(exchange, path.slice(1));
      case '/metrics':
        return exchange.text(200, this.options.requestMetrics.contentType, await this.options.requestMetrics.text());
      case '/openapi/v2':
        return this.#documents.openApiV2(exchange);
      case '/openapi/v3':
        return this.#documents.openApiV3Index(exchange);
    }
    const [, endpoint, one] = /^\/(healthz|livez|readyz)\/([a-z]+)$/.exec(path) ?? [];
    if (endpoint !== undefined) return this.#health(exchange, endpoint, one);
    const page = this.#added().find((one) => one.path === path);
    if (page !== undefined) return exchange.text(200, page.type, await timely(this.options.context, Promise.resolve(page.text()), exchange.gone));
    if (path.startsWith('/openapi/v3/')) return this.#documents.openApiV3(exchange, path.slice('/openapi/v3/'.length));
    throw notServed();
  }

  async #health(exchange: Exchange, endpoint: string, one?: string): Promise<void> {
    const checks = endpoint === 'livez' ? [PING] : [PING, this.#objectsCheck(), this.#shutdownCheck()];
    const check = checks.find(({ name }) => name === one);
    if (one !== undefined && check === undefined) throw notServed();
    const { code, text } = await (check === undefined ? healthOf(endpoint, checks, exchange.query) : healthOfOne(check));
    await exchange.text(code, 'text/plain; charset=utf-8', text);
  }

  /** Whether objects can be read. */
  #objectsCheck(): HealthCheck {
    const { transport } = this.options;
    const user: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };
    return { name: 'objects', check: async () => void (await timely(this.options.context, transport.request({ verb: 'list', user, ref: { group: '', version: 'v1', resource: 'namespaces' }, limit: 1 }))) };
  }

  #shutdownCheck(): HealthCheck {
    return { name: 'shutdown', check: async () => this.options.context.stopping.throwIfAborted() };
  }

  #paths(): string[] {
    const all = groupVersions(this.options.kinds, this.#subresources());
    const groups = all.filter(({ group }) => group !== '').flatMap(({ group, version }) => [`/apis/${group}`, `/apis/${group}/${version}`]);
    return [...new Set(['/api', '/api/v1', '/apis', ...groups, '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version', ...this.#added().map(({ path }) => path)])].sort();
  }
}
