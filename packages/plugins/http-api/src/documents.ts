import type { ForwardedGroups, KindDefinition, LiveList, Logger, ServedKinds, Subresource } from '@orrery/core';
import { wantsAggregatedDiscovery } from './accept.js';
import { aggregated, apiGroupList, apiVersions } from './discovery.js';
import type { Exchange } from './exchange.js';
import { forwardedGroups, forwardedVersions } from './forwarding/forwarded-discovery.js';
import { type Document, openApiV2, openApiV3, openApiV3Index, pathOf } from './openapi.js';
import { OPENAPI_V2_PROTOBUF, openApiV2Protobuf, wantsOpenApiV2Protobuf } from './openapi-protobuf.js';
import { notServed } from './refusal.js';
import { groupVersions } from './served.js';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** A document, and the kinds it is about. */
interface Described {
  readonly kinds: readonly KindDefinition[];
  readonly document: Document;
}

/** What is told of the kinds: discovery and OpenAPI. Made when asked for, and again where kinds have changed. */
export class Documents {
  #kinds: readonly KindDefinition[] | undefined;
  #subresources: readonly Subresource[] = [];
  #v3: ReadonlyMap<string, Described> = new Map();
  #documents: ReadonlyMap<string, Document> = new Map();
  #v2: Document | undefined;
  #v2Protobuf: Buffer | undefined;

  constructor(
    private readonly kinds: ServedKinds,
    private readonly basePath: string,
    private readonly subresources: () => readonly Subresource[] = () => [],
    private readonly elsewhere: { readonly groups: Pick<LiveList<ForwardedGroups>, 'items'>; readonly log: Logger } | undefined = undefined,
  ) {}

  /** `/api` or `/apis`, as the client knows it. */
  async discovery(exchange: Exchange, isCore: boolean): Promise<void> {
    const all = groupVersions(this.kinds, this.subresources());
    const { elsewhere } = this;
    if (!wantsAggregatedDiscovery(exchange.request.headers.accept)) return exchange.value(200, isCore ? apiVersions(exchange.request.headers.host ?? '') : apiGroupList(all, elsewhere === undefined ? [] : forwardedGroups(elsewhere.groups)));
    const forwarded = isCore || elsewhere === undefined ? [] : await forwardedVersions(elsewhere.groups, elsewhere.log);
    return exchange.text(200, AGGREGATED, JSON.stringify(aggregated(all, isCore, forwarded)));
  }

  /** `/openapi/v2`, as JSON, or as the protobuf in which alone kubectl asks for it: it checks lists of manifests with it. */
  openApiV2(exchange: Exchange): Promise<void> {
    const { accept = '*/*' } = exchange.request.headers;
    this.#refresh();
    this.#v2 ??= openApiV2(groupVersions(this.kinds, this.subresources()));
    if (wantsOpenApiV2Protobuf(accept)) {
      this.#v2Protobuf ??= openApiV2Protobuf(JSON.parse(this.#v2.text) as Parameters<typeof openApiV2Protobuf>[0]);
      return exchange.text(200, OPENAPI_V2_PROTOBUF, this.#v2Protobuf);
    }
    if (!/(^|[\s,])(application\/json|application\/\*|\*\/\*)/.test(accept)) throw notServed();
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
    const kinds = this.kinds.list();
    const subresources = this.subresources();
    if (kinds === this.#kinds && subresources === this.#subresources) return this.#documents;
    const v3 = new Map<string, Described>();
    for (const served of groupVersions(this.kinds, this.subresources())) {
      const known = this.#v3.get(pathOf(served));
      // One kind that comes or goes is no reason to describe all others again.
      const isSame = known !== undefined && subresources === this.#subresources && known.kinds.length === served.kinds.length && known.kinds.every((kind, i) => kind === served.kinds[i]);
      v3.set(pathOf(served), isSame ? known : { kinds: served.kinds, document: openApiV3(served) });
    }
    this.#v3 = v3;
    this.#documents = new Map([...v3].map(([path, { document }]) => [path, document]));
    this.#v2 = undefined;
    this.#v2Protobuf = undefined;
    this.#kinds = kinds;
    this.#subresources = subresources;
    return this.#documents;
  }

  async #send(exchange: Exchange, { text, hash }: Document): Promise<void> {
    exchange.response.setHeader('ETag', `"${hash}"`);
    if (exchange.request.headers['if-none-match'] === `"${hash}"`) return exchange.text(304, 'application/json', '');
    return exchange.text(200, 'application/json', text);
  }
}
