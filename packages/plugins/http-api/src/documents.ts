import type { ServedKinds } from '@orrery/core';
import { wantsAggregatedDiscovery } from './accept.js';
import { aggregated, apiGroupList, apiVersions } from './discovery.js';
import type { Exchange } from './exchange.js';
import { type Document, openApiV2, openApiV3, openApiV3Index, pathOf } from './openapi.js';
import { ApiError } from '@orrery/core';
import { notServed } from './refusal.js';
import { groupVersions } from './served.js';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What is told of the kinds: discovery and OpenAPI. Made when asked for, and again when there are more kinds. */
export class Documents {
  #kinds = -1;
  #v3: ReadonlyMap<string, Document> = new Map();
  #v2: Document | undefined;

  constructor(
    private readonly kinds: ServedKinds,
    private readonly basePath: string,
  ) {}

  /** `/api` or `/apis`, as the client knows it. */
  discovery(exchange: Exchange, isCore: boolean): Promise<void> {
    const all = groupVersions(this.kinds);
    if (!wantsAggregatedDiscovery(exchange.request.headers.accept)) return exchange.value(200, isCore ? apiVersions(exchange.request.headers.host ?? '') : apiGroupList(all));
    return exchange.text(200, AGGREGATED, JSON.stringify(aggregated(all, isCore)));
  }

  /** `/openapi/v2`. kubectl asks for it as protobuf only, and makes do with v3 when there is none. */
  openApiV2(exchange: Exchange): Promise<void> {
    const { accept = '*/*' } = exchange.request.headers;
    if (!/(^|[\s,])(application\/json|application\/\*|\*\/\*)/.test(accept)) throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
    this.#refresh();
    this.#v2 ??= openApiV2(groupVersions(this.kinds));
    return this.#send(exchange, this.#v2);
  }

  /** `/openapi/v3`. */
  openApiV3Index(exchange: Exchange): Promise<void> {
    return exchange.value(200, openApiV3Index(this.#refresh(), this.basePath));
  }

  /** `/openapi/v3/<path>`. Throws NotFound. */
  openApiV3(exchange: Exchange, path: string): Promise<void> {
    const document = this.#refresh().get(path);
    if (document === undefined) throw notServed();
    return this.#send(exchange, document);
  }

  #refresh(): ReadonlyMap<string, Document> {
    // Kinds are added and never taken away.
    const count = this.kinds.list().length;
    if (count !== this.#kinds) {
      this.#v3 = new Map(groupVersions(this.kinds).map((served) => [pathOf(served), openApiV3(served)]));
      this.#v2 = undefined;
      this.#kinds = count;
    }
    return this.#v3;
  }

  async #send(exchange: Exchange, { text, hash }: Document): Promise<void> {
    exchange.response.setHeader('ETag', `"${hash}"`);
    if (exchange.request.headers['if-none-match'] === `"${hash}"`) return exchange.text(304, 'application/json', '');
    return exchange.text(200, 'application/json', text);
  }
}
