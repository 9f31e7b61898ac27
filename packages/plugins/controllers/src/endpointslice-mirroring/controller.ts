import { type Controller, Endpoints, EndpointSlice, keyOf, type ObjectKey, Service, watching } from '@orrery/core';
import { MANAGED_BY_LABEL, SERVICE_LABEL } from '../endpointslice/slice.js';
import { goneIsFine } from '../shared/claim.js';
import { createIn } from '../shared/service-pods.js';
import { MIRRORED_BY, planMirror } from './plan.js';

const SERVICE_INDEX = 'endpointslice-mirroring.service';

const isOurs = ({ metadata }: EndpointSlice): boolean => metadata.labels?.[MANAGED_BY_LABEL] === MIRRORED_BY;
const serviceKey = ({ metadata }: EndpointSlice): ObjectKey => `${metadata.namespace}/${metadata.labels?.[SERVICE_LABEL] ?? ''}`;
const sliceIndexes = { [SERVICE_INDEX]: (slice: EndpointSlice) => (isOurs(slice) ? [serviceKey(slice)] : []) };

/** Options of the controller that mirrors Endpoints. */
export interface EndpointSliceMirroringOptions {
  /** Services worked on at the same time; default 5. */
  readonly workers?: number;
}

/** Makes EndpointSlices of the Endpoints that users write for services without selectors. */
export function endpointSliceMirroringController({ workers = 5 }: EndpointSliceMirroringOptions = {}): Controller {
  return {
    name: 'endpointslice-mirroring',
    workers,
    start: (setup) => {
      const services = setup.informer(Service).lister;
      const endpoints = setup.informer(Endpoints).lister;
      const slices = setup.informer(EndpointSlice, { indexes: sliceIndexes }).lister;
      return {
        watches: [
          watching({ kind: Service, keys: (service) => [keyOf(service)] }),
          watching({ kind: Endpoints, keys: (object) => [keyOf(object)] }),
          watching({ kind: EndpointSlice, informer: { indexes: sliceIndexes }, keys: (slice, old) => [...new Set([slice, ...(old ? [old] : [])].filter(isOurs).map(serviceKey))] }),
        ],
        reconcile: async (key, { client }) => {
          const mine = slices.byIndex(SERVICE_INDEX, key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
          const plan = planMirror({ service: services.get(key), endpoints: endpoints.get(key), slices: mine });
          const verbs = client.kind(EndpointSlice);
          for (const slice of plan.create) if (!(await createIn(verbs.create(slice)))) return;
          for (const slice of plan.update) await verbs.update(slice);
          for (const { metadata } of plan.remove) await goneIsFine(verbs.delete({ namespace: metadata.namespace, name: metadata.name ?? '' }, { preconditions: { uid: metadata.uid ?? '' } }));
        },
      };
    },
  };
}
