import { type Pod, milliValue, value } from '@orrery/core';

/** What the scheduler counts for a container that asks for no cpu, in milli-units, when it scores nodes (schedutil.DefaultMilliCPURequest). */
export const DEFAULT_MILLI_CPU = 100;
/** The same for memory, in bytes (schedutil.DefaultMemoryRequest). */
export const DEFAULT_MEMORY = 200 * 1024 * 1024;

/** Amounts by resource name; cpu in milli-units. */
export type Amounts = Record<string, number>;

/** What to count for containers that do not name a resource. */
export interface RequestOptions {
  readonly defaults?: Amounts;
}

/** No amounts yet. Without a prototype, so that no resource name finds anything there. */
export const noAmounts = (): Amounts => Object.create(null) as Amounts;

type Texts = Readonly<Record<string, string>> | undefined;

/** A quantity map as numbers: `cpu` in milli-units, all else in whole units, both rounded up. */
export function amountsOf(texts: Texts): Amounts {
  const amounts = noAmounts();
  for (const name in texts) amounts[name] = amountOf(name, texts[name] as string);
  return amounts;
}

const amountOf = (name: string, text: string): number => (name === 'cpu' ? milliValue(text) : value(text));

function add(to: Amounts, from: Amounts): void {
  for (const name in from) to[name] = (to[name] ?? 0) + (from[name] as number);
}

function raise(to: Amounts, from: Amounts): void {
  for (const name in from) if ((to[name] ?? -Infinity) < (from[name] as number)) to[name] = from[name] as number;
}

/** Pod-level resources that Kubernetes honours in `spec.resources`. */
export const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

const hasPodLevelRequests = (pod: Pod): boolean => Object.keys(pod.spec.resources?.requests ?? {}).some(isPodLevelResource);

/**
 * What a pod needs of a node: containers plus sidecars, or the largest init step if that is more, replaced by pod-level
 * requests where given, plus overhead (k8s.io/component-helpers/resource.PodRequests). While a resize in place is going on,
 * the larger of what is asked for and what is allocated counts.
 */
export function podRequests(pod: Pod, options: RequestOptions = {}): Amounts {
  const total = noAmounts();
  for (const container of pod.spec.containers) add(total, containerRequests(pod, container, options));
  const sidecars = noAmounts();
  const largestInit = noAmounts();
  for (const container of pod.spec.initContainers ?? []) {
    const own = containerRequests(pod, container, options);
    if (container.restartPolicy === 'Always') {
      add(total, own);
      add(sidecars, own);
      raise(largestInit, sidecars);
    } else {
      add(own, sidecars);
      raise(largestInit, own);
    }
  }
  raise(total, largestInit);
  if (hasPodLevelRequests(pod)) {
    const asked = amountsOf(pod.spec.resources?.requests);
    for (const name in asked) if (isPodLevelResource(name)) total[name] = asked[name] as number;
  }
  add(total, amountsOf(pod.spec.overhead));
  return total;
}

function containerRequests(pod: Pod, container: Pod['spec']['containers'][number], { defaults }: RequestOptions): Amounts {
  const requests = amountsOf(container.resources?.requests);
  const statuses = container.restartPolicy === 'Always' ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
  const status = statuses?.find(({ name }) => name === container.name);
  if (status !== undefined) {
    raise(requests, amountsOf(status.resources?.requests));
    raise(requests, amountsOf(status.allocatedResources));
  }
  for (const name in defaults) requests[name] ??= defaults[name] as number;
  return requests;
}

/** What a pod adds to a node. */
export interface PodLoad {
  readonly requests: Amounts;
  /** With defaults for containers that ask for nothing. */
  readonly nonZero: { readonly cpu: number; readonly memory: number };
}

/** What the amounts of a pod were computed from, by identity: objects are shared between the versions of a pod. */
interface Known {
  readonly from: readonly unknown[];
  readonly load: PodLoad;
  readonly forScoring: Amounts;
}

const known = new WeakMap<object, Known>();

function knownOf(pod: Pod): Known {
  const { containers, initContainers, overhead, resources } = pod.spec;
  const from = [initContainers, overhead, resources, pod.status?.containerStatuses, pod.status?.initContainerStatuses];
  const found = known.get(containers);
  if (found !== undefined && found.from.every((part, i) => part === from[i])) return found;
  const fresh: Known = { from, load: loadOf(pod), forScoring: podRequests(pod, { defaults: { cpu: DEFAULT_MILLI_CPU, memory: DEFAULT_MEMORY } }) };
  known.set(containers, fresh);
  return fresh;
}

function loadOf(pod: Pod): PodLoad {
  const requests = podRequests(pod);
  const defaults = noAmounts();
  const podLevel = hasPodLevelRequests(pod);
  if (!podLevel || !requests['cpu']) defaults['cpu'] = DEFAULT_MILLI_CPU;
  if (!podLevel || !requests['memory']) defaults['memory'] = DEFAULT_MEMORY;
  const filled = Object.keys(defaults).length > 0 ? podRequests(pod, { defaults }) : requests;
  return { requests, nonZero: { cpu: filled['cpu'] ?? 0, memory: filled['memory'] ?? 0 } };
}

/** Requests of a pod, and the same with defaults for cpu and memory as `NodeInfo.nonZeroRequested` counts them. Shared: do not change. */
export const podLoad = (pod: Pod): PodLoad => knownOf(pod).load;

/** What a pod needs as the fit filter counts it. Shared: do not change. */
export const requestsOf = (pod: Pod): Readonly<Amounts> => knownOf(pod).load.requests;

/** What a pod needs as the scores count it: with a default for each container without cpu or memory. Shared: do not change. */
export const requestsForScoring = (pod: Pod): Readonly<Amounts> => knownOf(pod).forScoring;

/** A stable text of amounts, for signatures. */
export const amountsText = (amounts: Readonly<Amounts>): string =>
  Object.keys(amounts)
    .sort()
    .map((name) => `${name}=${amounts[name]}`)
    .join(',');
