import {
  type Controller,
  EndpointSlice,
  keyOf,
  type Lister,
  Node,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  Service,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, NODE_INDEX } from '../shared/pods.js';
import { byLabel, createIn, LABEL_INDEX, podsOf, servicesTouched } from '../shared/service-pods.js';
import { ZONE_LABEL } from './endpoint.js';
import { planSlices } from './plan.js';
import { MANAGED_BY, MANAGED_BY_LABEL, SERVICE_LABEL } from './slice.js';
import { TriggerTimes } from '../shared/trigger-time.js';

const SERVICE_INDEX = 'endpointslice.service';

const podIndexes = { [LABEL_INDEX]: byLabel, [NODE_INDEX]: byNode };
const sliceIndexes = { [SERVICE_INDEX]: (slice: EndpointSlice) => (isOurs(slice) ? [serviceKey(slice)] : []) };

const isOurs = ({ metadata }: EndpointSlice): boolean => metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
const serviceKey = ({ metadata }: EndpointSlice): ObjectKey => `${metadata.namespace}/${metadata.labels?.[SERVICE_LABEL] ?? ''}`;

interface Caches {
  readonly services: Lister<Service>;
  readonly pods: Lister<Pod>;
  readonly nodes: Lister<Node>;
  readonly slices: Lister<EndpointSlice>;
}

/** Options of the endpoint slice controller. */
export interface EndpointSliceControllerOptions {
  /** Most endpoints in one slice; default 100. */
  readonly maxEndpointsPerSlice?: number;
  /** Services worked on at the same time; default 5. */
  readonly workers?: number;
}

/** Keeps the EndpointSlices of every service that has a selector. */
export function endpointSliceController(options: EndpointSliceControllerOptions = {}): Controller {
  const max = options.maxEndpointsPerSlice ?? 100;
  return {
    name: 'endpointslice',
    workers: options.workers ?? 5,
    start: (setup) => {
      const caches: Caches = {
        services: setup.informer(Service).lister,
        pods: setup.informer(Pod, { indexes: podIndexes }).lister,
        nodes: setup.informer(Node).lister,
        slices: setup.informer(EndpointSlice, { indexes: sliceIndexes }).lister,
      };
      const times = new TriggerTimes();
      return {
        watches: [
          watching({ kind: Service, keys: (service) => [keyOf(service)] }),
          watching({ kind: Pod, informer: { indexes: podIndexes }, keys: (pod, old) => servicesTouched(pod, old, caches.services) }),
          watching({ kind: EndpointSlice, informer: { indexes: sliceIndexes }, keys: (slice, old) => [...new Set([slice, ...(old ? [old] : [])].filter(isOurs).map(serviceKey))] }),
          watching({ kind: Node, keys: (node, old, deleted) => (old === undefined || deleted || zoneOf(node) !== zoneOf(old) ? servicesOn(node, caches) : []) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches, times, max),
      };
    },
  };
}

const zoneOf = (node: Node): string | undefined => node.metadata.labels?.[ZONE_LABEL];

/** The services that have pods on a node. */
function servicesOn(node: Node, { pods, services }: Caches): readonly ObjectKey[] {
  const found = new Set<ObjectKey>();
  for (const pod of pods.byIndex(NODE_INDEX, node.metadata.name ?? '')) for (const key of servicesTouched(pod, undefined, services)) found.add(key);
  return [...found];
}

async function reconcile(key: ObjectKey, { client }: ReconcileContext, caches: Caches, times: TriggerTimes, max: number): Promise<void> {
  const service = caches.services.get(key);
  const pods = service === undefined ? undefined : podsOf(service, caches.pods);
  if (service === undefined || pods === undefined) {
    times.forget(key);
    return;
  }
  const slices = caches.slices.byIndex(SERVICE_INDEX, key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const plan = planSlices({ service, pods, node: (name) => caches.nodes.get(name), slices, max, triggerTime: times.next(service, pods) });

  const verbs = client.kind(EndpointSlice);
  // What a service leaves behind is the garbage collector's: making slices now would race with it.
  if (service.metadata.deletionTimestamp === undefined) {
    for (const slice of plan.create) if (!(await createIn(verbs.create(slice)))) return;
  }
  for (const slice of plan.update) await verbs.update(slice);
  for (const { metadata } of plan.remove) {
    await goneIsFine(verbs.delete({ namespace: metadata.namespace, name: metadata.name ?? '' }, { preconditions: { uid: metadata.uid ?? '' } }));
  }
}
