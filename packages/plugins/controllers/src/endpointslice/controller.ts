import {
  ApiError,
  type Controller,
  EndpointSlice,
  equalJson,
  keyOf,
  type LabelMatcher,
  type Lister,
  matcherOfLabels,
  Node,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  Service,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { byNode, isPodReady, isPodTerminal, NODE_INDEX } from '../shared/pods.js';
import { ZONE_LABEL } from './endpoint.js';
import { planSlices } from './plan.js';
import { MANAGED_BY, MANAGED_BY_LABEL, SERVICE_LABEL } from './slice.js';
import { TriggerTimes } from './trigger-time.js';

/** Pods by namespace and label, so that a service's pods are found without looking at all. */
const LABEL_INDEX = 'endpointslice.label';
const SERVICE_INDEX = 'endpointslice.service';

const podIndexes = {
  [LABEL_INDEX]: ({ metadata }: Pod) => Object.entries(metadata.labels ?? {}).map(([key, value]) => `${metadata.namespace}/${key}=${value}`),
  [NODE_INDEX]: byNode,
};
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

const matchers = new WeakMap<Service, LabelMatcher>();

/** The service's selector; undefined when its endpoints are somebody else's business. */
function selectorOf(service: Service): LabelMatcher | undefined {
  const { selector, type } = service.spec;
  if (type === 'ExternalName' || selector === undefined || Object.keys(selector).length === 0) return undefined;
  const known = matchers.get(service) ?? matcherOfLabels(selector);
  matchers.set(service, known);
  return known;
}

/** The services whose endpoints a pod's change may change: none, when nothing an endpoint shows is different (podEndpointsChanged). */
function servicesTouched(pod: Pod, old: Pod | undefined, services: Lister<Service>): readonly ObjectKey[] {
  const labels = [pod.metadata.labels];
  if (old !== undefined) {
    const moved = !equalJson(old.metadata.labels, pod.metadata.labels);
    if (moved) labels.push(old.metadata.labels);
    else if (!endpointChanged(pod, old)) return [];
  }
  return services
    .list(pod.metadata.namespace)
    .filter((service) => labels.some((some) => selectorOf(service)?.matches(some) === true))
    .map(keyOf);
}

function endpointChanged(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.metadata.uid !== old.metadata.uid ||
    isPodReady(pod) !== isPodReady(old) ||
    isPodTerminal(pod) !== isPodTerminal(old) ||
    pod.spec.nodeName !== old.spec.nodeName ||
    pod.status?.podIP !== old.status?.podIP ||
    !equalJson(pod.status?.podIPs, old.status?.podIPs)
  );
}

/** The services that have pods on a node. */
function servicesOn(node: Node, { pods, services }: Caches): readonly ObjectKey[] {
  const found = new Set<ObjectKey>();
  for (const pod of pods.byIndex(NODE_INDEX, node.metadata.name ?? '')) for (const key of servicesTouched(pod, undefined, services)) found.add(key);
  return [...found];
}

async function reconcile(key: ObjectKey, { client }: ReconcileContext, caches: Caches, times: TriggerTimes, max: number): Promise<void> {
  const service = caches.services.get(key);
  const matcher = service === undefined ? undefined : selectorOf(service);
  if (service === undefined || matcher === undefined) {
    times.forget(key);
    return;
  }
  const [label] = Object.entries(service.spec.selector ?? {});
  const pods = caches.pods.byIndex(LABEL_INDEX, `${service.metadata.namespace}/${label?.[0]}=${label?.[1]}`).filter((pod) => matcher.matches(pod.metadata.labels));
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

/** False in a namespace that is being terminated: then everything else will be gone soon too. */
async function createIn(creating: Promise<EndpointSlice>): Promise<boolean> {
  try {
    await creating;
    return true;
  } catch (error) {
    if (ApiError.is(error, 'Forbidden') && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true) return false;
    throw error;
  }
}
