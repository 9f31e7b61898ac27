import { EndpointSlice, type Informer, type Informers, Service } from '@orrery/core';

/** Where to connect to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Finds where a port of a Service is. */
export interface ServiceResolver {
  /** All places that are ready. Throws an Error that says why there is none. */
  resolve(namespace: string, name: string, port: number): readonly Endpoint[];
}

/** The label of an EndpointSlice that names its Service. */
const SERVICE_NAME = 'kubernetes.io/service-name';
const BY_SERVICE = 'webhook-client/by-service';
/** One function for all plugins: an index has one. */
const servicesOf = ({ metadata }: EndpointSlice): readonly string[] => (metadata.labels?.[SERVICE_NAME] === undefined ? [] : [`${metadata.namespace}/${metadata.labels[SERVICE_NAME]}`]);

/** Finds Services by what this process knows of the cluster: their endpoints themselves, since not every machine routes the addresses of Services. */
export class ClusterServices implements ServiceResolver {
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;

  constructor(informers: Informers) {
    this.#services = informers.get(Service);
    this.#slices = informers.get(EndpointSlice, { indexes: { [BY_SERVICE]: servicesOf } });
  }

  /** Resolves when everything that there is is known. */
  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#services.synced(signal), this.#slices.synced(signal)]);
  }

  resolve(namespace: string, name: string, port: number): readonly Endpoint[] {
    const service = this.#services.lister.get(`${namespace}/${name}`);
    if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
    const { type, externalName, ports = [] } = service.spec;
    if (type === 'ExternalName') return [{ host: externalName ?? '', port }];
    const wanted = ports.find((one) => one.port === port);
    if (wanted === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
    const endpoints = this.#slices.lister.byIndex(BY_SERVICE, `${namespace}/${name}`).flatMap((slice) => {
      const at = slice.ports.find((one) => (one.name ?? '') === (wanted.name ?? ''))?.port;
      if (at === undefined) return [];
      return slice.endpoints.filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses: [host] }) => (host === undefined ? [] : [{ host, port: at }]));
    });
    if (endpoints.length === 0) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
    return endpoints;
  }
}
