import { type Endpoint, type EndpointPort, type EndpointSlice, equalJson, type Node, type Pod, type Service } from '@orrery/core';
import { type AddressType, addressTypesOf, endpointOf, endpointPorts, isEndpoint } from './endpoint.js';
import { distributionOf, withHints } from './hints.js';
import { packSlices } from './pack.js';
import { type DesiredSlice, emptySlice, isOwnedBy, portKey, TRIGGER_TIME } from './slice.js';

/** What a service's slices are computed from. */
export interface SliceView {
  readonly service: Service;
  /** The pods the service selects. */
  readonly pods: readonly Pod[];
  readonly node: (name: string) => Node | undefined;
  /** The slices this controller made for the service. */
  readonly slices: readonly EndpointSlice[];
  /** Most endpoints in a slice. */
  readonly max: number;
  /** When what changed happened, RFC 3339; absent when nothing new did. */
  readonly triggerTime?: string | undefined;
}

/** What is to be written. */
export interface SlicePlan {
  readonly create: readonly DesiredSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
  /** Pods left out because their node is not there; they are to be looked at again when it comes. */
  readonly homeless: readonly Pod[];
}

/** The changes of one family of addresses. */
type FamilyPlan = Omit<SlicePlan, 'homeless'>;

/** The slices a service should have, with as few writes as possible (k8s.io/endpointslice Reconciler). Pure. */
export function planSlices(view: SliceView): SlicePlan {
  const types = addressTypesOf(view.service);
  const foreign = view.slices.filter(({ addressType }) => !types.includes(addressType as AddressType));
  const plans = types.map((type) => planFamily(view, type, view.slices.filter(({ addressType }) => addressType === type)));
  const stamp = <T extends EndpointSlice>(slice: T): T => stamped(slice, view.triggerTime);
  return {
    create: plans.flatMap(({ create }) => create).map(stamp),
    update: plans.flatMap(({ update }) => update).map(stamp),
    remove: [...plans.flatMap(({ remove }) => remove), ...foreign],
    homeless: view.pods.filter((pod) => isEndpoint(pod) && isHomeless(view, pod)),
  };
}

function planFamily(view: SliceView, addressType: AddressType, existing: readonly EndpointSlice[]): FamilyPlan {
  const { service, max } = view;
  const owned = existing.filter((slice) => isOwnedBy(slice, service));
  const byPorts = groupByPorts(owned);
  const groups = desiredGroups(view, addressType);
  const create: DesiredSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove = existing.filter((slice) => !owned.includes(slice));
  for (const [key, { ports, endpoints }] of groups) {
    const plan = packSlices({ service, addressType, ports, existing: byPorts.get(key) ?? [], desired: endpoints, max });
    create.push(...plan.create);
    update.push(...plan.update);
    remove.push(...plan.remove);
  }
  for (const [key, slices] of byPorts) if (!groups.has(key)) remove.push(...slices);
  if (existing.length === remove.length && create.length === 0) keepOneEmpty(service, addressType, create, remove);
  return withDistribution(service, existing, recycled(service, { create, update, remove }));
}

function groupByPorts(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = portKey(slice.ports);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

/** Endpoints by the ports under which their pods serve. */
function desiredGroups(view: SliceView, addressType: AddressType): Map<string, { readonly ports: EndpointPort[]; readonly endpoints: Endpoint[] }> {
  const groups = new Map<string, { readonly ports: EndpointPort[]; readonly endpoints: Endpoint[] }>();
  const { service } = view;
  for (const pod of view.pods) {
    if (!isEndpoint(pod)) continue;
    const ports = endpointPorts(service, pod);
    const key = portKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    if (isHomeless(view, pod)) continue;
    const endpoint = endpointOf(pod, view.node(pod.spec.nodeName ?? ''), service, addressType);
    if (endpoint.addresses.length > 0) group.endpoints.push(endpoint);
  }
  return groups;
}

/** A pod on a node that is not there must not hold up the others; only who publishes what is not ready gets it too. */
const isHomeless = ({ service, node }: SliceView, pod: Pod): boolean => service.spec.publishNotReadyAddresses !== true && node(pod.spec.nodeName ?? '') === undefined;

/** A service always has a slice; without endpoints an empty one, so that "none" can be told from "not computed yet". */
function keepOneEmpty(service: Service, addressType: AddressType, create: DesiredSlice[], remove: EndpointSlice[]): void {
  const placeholder = emptySlice(service, addressType, []);
  const [only, ...others] = remove;
  if (only !== undefined && others.length === 0 && isSamePlaceholder(only, placeholder)) remove.pop();
  else create.push(placeholder);
}

function isSamePlaceholder(slice: EndpointSlice, placeholder: DesiredSlice): boolean {
  const { labels, ownerReferences } = placeholder.metadata;
  return (
    slice.endpoints.length === 0 &&
    slice.ports.length === 0 &&
    equalJson(slice.metadata.labels ?? {}, labels ?? {}) &&
    equalJson(slice.metadata.ownerReferences ?? [], ownerReferences ?? [])
  );
}

/** Rewrites slices that would be deleted instead of making new ones beside them (finalize). */
function recycled(service: Service, { create, update, remove }: FamilyPlan): FamilyPlan {
  const made = [...create];
  const changed = [...update];
  const left = remove.filter((slice) => {
    if (!isOwnedBy(slice, service)) return true;
    const next = made.pop();
    if (next === undefined) return true;
    const { generateName: _unused, ...metadata } = next.metadata;
    changed.push({ ...next, metadata: { ...slice.metadata, ...metadata } });
    return false;
  });
  return { create: made, update: changed, remove: left };
}

/** Puts hints on everything that is written, and on what else lacks them. */
function withDistribution(service: Service, existing: readonly EndpointSlice[], plan: FamilyPlan): FamilyPlan {
  const distribution = distributionOf(service);
  const touched = new Set([...plan.update, ...plan.remove].map(({ metadata }) => metadata.name));
  const others = existing.filter(({ metadata }) => !touched.has(metadata.name));
  const rehinted = others.map((slice) => withHints(slice, distribution)).filter((slice, i) => slice !== others[i]);
  return {
    create: plan.create.map((slice) => withHints(slice, distribution)),
    update: [...plan.update.map((slice) => withHints(slice, distribution)), ...rehinted],
    remove: plan.remove,
  };
}

function stamped<T extends EndpointSlice>(slice: T, time: string | undefined): T {
  const { [TRIGGER_TIME]: _old, ...annotations } = slice.metadata.annotations ?? {};
  return { ...slice, metadata: { ...slice.metadata, annotations: time === undefined ? annotations : { ...annotations, [TRIGGER_TIME]: time } } };
}
