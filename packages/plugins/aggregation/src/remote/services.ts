import { X509Certificate } from 'node:crypto';
import { ApiError, errorMessage, type ForwardedGroup, type ForwardedGroups, type ForwardTarget, type Clock, type Lister, type Random } from '@orrery/core';
import type { ServiceResolver } from '@orrery/webhook-client';
import type { APIService } from '../kind/api-service.js';
import { RemoteResources } from './resources.js';

/** By which servers behind the front door know it. */
export interface FrontProxy {
  /** The certificate as it is now, PEM: it may be renewed. */
  current(): { readonly key: string; readonly cert: string };
}

/** What {@link RemoteServices} works with. */
export interface RemoteServicesOptions {
  readonly lister: Lister<APIService>;
  readonly services: ServiceResolver;
  readonly random: Random;
  readonly clock: Clock;
  readonly identity: FrontProxy | undefined;
}

/** Whether the checks of a service-backed APIService said that it can be asked. */
export const isAvailable = ({ status }: APIService): boolean => status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') === true;

/** The API servers that APIServices with a service name. */
export class RemoteServices implements ForwardedGroups {
  readonly #resources: RemoteResources;
  #list: readonly ForwardedGroup[] | undefined;

  constructor(private readonly options: RemoteServicesOptions) {
    this.#resources = new RemoteResources(options.clock);
  }

  /** Forgets what {@link list} answered: an APIService has changed. */
  changed(): void {
    this.#list = undefined;
    this.#resources.forget();
  }

  list(): readonly ForwardedGroup[] {
    this.#list ??= this.options.lister.list().flatMap((one) => {
      const { service, group = '', version = '', groupPriorityMinimum, versionPriority } = one.spec;
      return service === undefined || !isAvailable(one) ? [] : [{ group, version, groupPriority: groupPriorityMinimum, versionPriority }];
    });
    return this.#list;
  }

  target(group: string, version: string): ForwardTarget | undefined {
    const found = this.options.lister.get(`${version}.${group}`);
    return found?.spec.service === undefined ? undefined : this.targetOf(found);
  }

  resources(group: string, version: string): Promise<readonly object[]> {
    return this.#resources.of(group, version, () => {
      const target = this.target(group, version);
      if (target === undefined) throw new ApiError('NotFound', `there is no other server for ${group}/${version}`);
      return target;
    });
  }

  /** Where the server of an APIService with a service is. Throws ServiceUnavailable. */
  targetOf({ metadata: { name }, spec }: APIService): ForwardTarget {
    const { identity, services, random } = this.options;
    const { namespace = '', name: service = '', port = 443 } = spec.service ?? {};
    try {
      const places = services.resolve(namespace, service, port);
      const place = places[random.int(places.length)];
      if (place === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(service)}`);
      const ca = authorities(spec.caBundle);
      return { ...place, serverName: `${service}.${namespace}.svc`, ...(ca !== undefined && { ca }), ...(spec.insecureSkipTLSVerify === true && { insecure: true }), ...(identity !== undefined && { identity: identity.current() }) };
    } catch (error) {
      throw new ApiError('ServiceUnavailable', `the server is currently unable to handle the request: ${name}: ${errorMessage(error)}`, {}, error);
    }
  }
}

/** As PEM; what has no certificate in it trusts nobody. */
function authorities(bundle = ''): string | undefined {
  if (bundle === '') return undefined;
  const pem = Buffer.from(bundle, 'base64').toString('utf8');
  new X509Certificate(pem);
  return pem;
}
