/**
 * API servers of others behind the front door: APIService (apiregistration.k8s.io/v1), as kube-aggregator has it.
 * @packageDocumentation
 */
import { Client, Controllers, definePlugin, ForwardedGroups, Informers, type KindDefinition, Kinds, ServedKinds } from '@orrery/core';
import { ClusterServices } from '@orrery/webhook-client';
import { z } from 'zod';
import { FRONT_PROXY_NAME, type PublishedTrust, publishFrontProxy } from './front-proxy.js';
import { APIService } from './kind/api-service.js';
import { LocalRegistration } from './local/registration.js';
import { availabilityController } from './remote/availability.js';
import { type FrontProxy, RemoteServices } from './remote/services.js';

export { FRONT_PROXY_NAME, type FrontProxy, type PublishedTrust };
export { APIService, type APIServiceSpec } from './kind/api-service.js';
export { type LocalPlan, planLocal } from './local/plan.js';

const options = z
  .strictObject({
    /** By which servers behind the front door know it, and the authority that they trust it by (PEM); the certificate must be of {@link FRONT_PROXY_NAME}. Without it they are asked without a certificate, and must not trust what they are told of users. */
    frontProxy: z.custom<FrontProxy & PublishedTrust>((value) => typeof value === 'object' && value !== null && 'current' in value && 'ca' in value, 'must have `ca` and `current()`').optional(),
  })
  .prefault({});

/**
 * Serves APIService: one for each version of a group that is served here, and those that name a service, to whose server requests for the group are then passed on.
 * Not for an orchestrator whose API is elsewhere.
 */
export const aggregation = definePlugin({
  name: 'aggregation',
  core: '^0.1.0',
  options,
  setup: ({ add, run, get, scope, clock, random, log, options: { frontProxy } }) => {
    add(Kinds, APIService as unknown as KindDefinition);
    let made: { readonly services: ClusterServices; readonly remote: RemoteServices } | undefined;
    const parts = (): NonNullable<typeof made> => {
      if (made !== undefined) return made;
      const services = new ClusterServices(get(Informers));
      const informer = get(Informers).get(APIService);
      const remote = new RemoteServices({ lister: informer.lister, services, random, clock, identity: frontProxy });
      const changed = (one: APIService): void => remote.changed(one);
      scope.defer(informer.subscribe({ added: changed, updated: (one, old) => remote.changed(one, old), deleted: changed }));
      scope.defer(() => remote.close());
      return (made = { services, remote });
    };
    add(ForwardedGroups, { list: () => parts().remote.list(), target: (group, version) => parts().remote.target(group, version), resources: (group, version) => parts().remote.resources(group, version) });
    add(Controllers, availabilityController({ services: () => parts().services, remote: () => parts().remote }));
    run(() => ({
      name: 'aggregation',
      phase: 'caches',
      run: async (signal, ready) => {
        await Promise.all([parts().services.synced(signal), get(Informers).get(APIService).synced(signal)]);
        const publish = async (): Promise<void> => (frontProxy === undefined ? undefined : publishFrontProxy(get(Client), frontProxy));
        await new LocalRegistration({ kinds: get(ServedKinds), informer: get(Informers).get(APIService), client: get(Client), clock, log, publish }).run(signal, ready);
      },
    }));
  },
});
