import { X509Certificate } from 'node:crypto';
import { ApiError, equalJson, errorMessage, type ForwardedGroup, type ForwardedGroups, type ForwardTarget, type Clock, type Lister, type Random } from '@orrery/core';
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

  /** An APIService has come, changed or gone. @param old as it was */
  changed(one: APIService, old?: APIService): void {
    this.#list = undefined;
    if (old === undefined || !equalJson(one.spec, old.spec) || isAvailable(one) !== isAvailable(old)) this.#resources.forget(one.spec.group ?? '', one.spec.version ?? '');
  }

  /** Waits for no server any more. */
  close(): void {
    this.#resources.close();
  }

  list(): readonly ForwardedGroup[] {
    this.#list ??= this.options.lister.list().flatMap(({ spec: { service, group = '', version = '', groupPriorityMinimum, versionPriority } }) =>
      service === undefined ? [] : [{ group, version, groupPriority: groupPriorityMinimum, versionPriority }],
    );
    return this.#list;
  }

  /** One that does not answer is not waited for: the checks say when it does again. */
  target(group: string, version: string): ForwardTarget | undefined {
    const found = this.options.lister.get(`${version}.${group}`);
    if (found?.spec.service === undefined) return undefined;
    if (!isAvailable(found)) {
      const why = found.status?.conditions?.find(({ type }) => type === 'Available')?.message ?? 'it has not been checked yet';
      throw unavailable(found, why);
    }
    return this.targetOf(found);
  }

  async resources(group: string, version: string): Promise<readonly object[]> {
    const target = (): ForwardTarget => {
      const there = this.target(group, version);
      if (there === undefined) throw new ApiError('NotFound', `there is no other server for ${group}/${version}`);
      return there;
    };
    // Throws for one that is known not to answer.
    target();
    return this.#resources.of(group, version, target);
  }

  /** Where the server of an APIService with a service is. Throws ServiceUnavailable. */
  targetOf(one: APIService): ForwardTarget {
    const { spec } = one;
    const { identity, services, random } = this.options;
    const { namespace = '', name: service = '', port = 443 } = spec.service ?? {};
    try {
      const places = services.resolve(namespace, service, port);
      const place = places[random.int(places.length)];
      if (place === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(service)}`);
      const ca = authorities(spec.caBundle);
      return { ...place, serverName: `${service}.${namespace}.svc`, ...(ca !== undefined && { ca }), ...(spec.insecureSkipTLSVerify === true && { insecure: true }), ...(identity !== undefined && { identity: identity.current() }) };
    } catch (error) {
      throw unavailable(one, errorMessage(error), error);
    }
  }
}

const unavailable = ({ metadata: { name } }: APIService, why: string, cause?: unknown): ApiError => new ApiError('ServiceUnavailable', `the server is currently unable to handle the request: ${name}: ${why}`, {}, cause);

/** As PEM; what has no certificate in it trusts nobody. */
function authorities(bundle = ''): string | undefined {
  if (bundle === '') return undefined;
  const pem = Buffer.from(bundle, 'base64').toString('utf8');
  new X509Certificate(pem);
  return pem;
}
