import { type Controller, Endpoints, keyOf, type Lister, type ObjectKey, Pod, type ReconcileContext, Service, watching } from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byLabel, createIn, LABEL_INDEX, podsOf, servicesTouched } from '../shared/service-pods.js';
import { TriggerTimes } from '../shared/trigger-time.js';
import { MANAGED_BY, MANAGED_BY_LABEL, planEndpoints } from './plan.js';

const podIndexes = { [LABEL_INDEX]: byLabel };

interface Caches {
  readonly services: Lister<Service>;
  readonly pods: Lister<Pod>;
  readonly endpoints: Lister<Endpoints>;
}

/** Options of the endpoints controller. */
export interface EndpointsControllerOptions {
  /** Services worked on at the same time; default 5. */
  readonly workers?: number;
}

/** Keeps the Endpoints of every service that has a selector, for those who do not read slices yet. */
export function endpointsController({ workers = 5 }: EndpointsControllerOptions = {}): Controller {
  return {
    name: 'endpoints',
    workers,
    start: (setup) => {
      const caches: Caches = {
        services: setup.informer(Service).lister,
        pods: setup.informer(Pod, { indexes: podIndexes }).lister,
        endpoints: setup.informer(Endpoints).lister,
      };
      const times = new TriggerTimes();
      /** Services that were seen to go: Endpoints of their names go with them, whoever made them. */
      const gone = new Set<ObjectKey>();
      return {
        watches: [
          watching({
            kind: Service,
            keys: (service, _old, deleted) => {
              const key = keyOf(service);
              if (deleted) gone.add(key);
              else gone.delete(key);
              return [key];
            },
          }),
          watching({ kind: Pod, informer: { indexes: podIndexes }, keys: (pod, old) => servicesTouched(pod, old, caches.services) }),
          watching({ kind: Endpoints, keys: (endpoints) => (caches.services.get(keyOf(endpoints)) !== undefined || isOurs(endpoints) ? [keyOf(endpoints)] : []) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches, times, gone),
      };
    },
  };
}

const isOurs = ({ metadata }: Endpoints): boolean => metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;

async function reconcile(key: ObjectKey, { client }: ReconcileContext, { services, pods, endpoints }: Caches, times: TriggerTimes, gone: Set<ObjectKey>): Promise<void> {
  const verbs = client.kind(Endpoints);
  const [service, current] = [services.get(key), endpoints.get(key)];
  if (service === undefined) {
    times.forget(key);
    if (current !== undefined && (gone.has(key) || isOurs(current))) {
      const { namespace, name = '', uid = '' } = current.metadata;
      await goneIsFine(verbs.delete({ namespace, name }, { preconditions: { uid } }));
    }
    gone.delete(key);
    return;
  }
  const selected = podsOf(service, pods);
  if (selected === undefined || service.metadata.deletionTimestamp !== undefined) return times.forget(key);
  const wanted = planEndpoints({ service, pods: selected, current, triggerTime: times.next(service, selected) });
  if (wanted === undefined) return;
  if (current === undefined) await createIn(verbs.create(wanted));
  else await verbs.update(wanted);
}
