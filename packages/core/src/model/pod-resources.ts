import type { Container } from './kinds/container.js';
import type { Pod } from './kinds/pod.js';
import { milliValue, value } from './quantity.js';

/** Amounts by resource name; `cpu` in milli-units, all else in whole units. */
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

/** One quantity of a resource as a number: `cpu` in milli-units, all else in whole units, both rounded up. */
export const amountOf = (name: string, text: string): number => (name === 'cpu' ? milliValue(text) : value(text));

function add(to: Amounts, from: Amounts): void {
  for (const name in from) to[name] = (to[name] ?? 0) + (from[name] as number);
}

function raise(to: Amounts, from: Amounts): void {
  for (const name in from) if ((to[name] ?? -Infinity) < (from[name] as number)) to[name] = from[name] as number;
}

/** Pod-level resources that Kubernetes honours in `spec.resources`. */
export const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/** Whether the pod as a whole asks for something (component-helpers IsPodLevelRequestsSet). */
export const hasPodLevelRequests = (pod: Pick<Pod, 'spec'>): boolean => Object.keys(pod.spec.resources?.requests ?? {}).some(isPodLevelResource);

/**
 * What a pod needs of a node: containers plus sidecars, or the largest init step if that is more, replaced by pod-level
 * requests where given, plus overhead (k8s.io/component-helpers/resource.PodRequests). While a resize in place is going on,
 * the larger of what is asked for and what is allocated counts; what its node can never give does not.
 */
export function podRequests(pod: Pod, options: RequestOptions = {}): Amounts {
  const total = requestsWithoutOverhead(pod, options);
  add(total, amountsOf(pod.spec.overhead));
  return total;
}

/** {@link podRequests} without the pod's overhead: what its containers may share. */
export function requestsWithoutOverhead(pod: Pod, options: RequestOptions = {}): Amounts {
  const total = aggregated(pod, (container) => containerRequests(pod, container, options));
  replaceByPodLevel(total, pod.spec.resources?.requests);
  return total;
}

/** The most a pod may use, of resources that are limited at all (k8s.io/component-helpers/resource.PodLimits): counted as requests are, with overhead only on what is limited. */
export function podLimits(pod: Pick<Pod, 'spec'>): Amounts {
  const total = aggregated(pod, ({ resources }) => amountsOf(resources?.limits));
  replaceByPodLevel(total, pod.spec.resources?.limits);
  const overhead = amountsOf(pod.spec.overhead);
  for (const name in overhead) if (total[name] !== undefined) total[name] += overhead[name] as number;
  return total;
}

/** All containers at once with the sidecars, or the largest step of the initialisation if that is more. */
function aggregated(pod: Pick<Pod, 'spec'>, of: (container: Container) => Amounts): Amounts {
  const total = noAmounts();
  for (const container of pod.spec.containers) add(total, of(container));
  const sidecars = noAmounts();
  const largestInit = noAmounts();
  for (const container of pod.spec.initContainers ?? []) {
    const own = of(container);
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
  return total;
}

function replaceByPodLevel(total: Amounts, texts: Texts): void {
  const asked = amountsOf(texts);
  for (const name in asked) if (isPodLevelResource(name)) total[name] = asked[name] as number;
}

/** Whether the pod asks for other resources than it has, and its node can never give them (component-helpers IsPodResizeInfeasible). */
export const isResizeInfeasible = ({ status }: Pick<Pod, 'status'>): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') === true;

function containerRequests(pod: Pod, container: Container, { defaults }: RequestOptions): Amounts {
  const statuses = container.restartPolicy === 'Always' ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
  const status = statuses?.find(({ name }) => name === container.name);
  const requests = status?.resources !== undefined && isResizeInfeasible(pod) ? noAmounts() : amountsOf(container.resources?.requests);
  if (status !== undefined) {
    raise(requests, amountsOf(status.resources?.requests));
    raise(requests, amountsOf(status.allocatedResources));
  }
  for (const name in defaults) requests[name] ??= defaults[name] as number;
  return requests;
}

/** What the scheduler counts for a container that asks for no cpu, in milli-units, when it scores nodes (schedutil.DefaultMilliCPURequest). */
export const DEFAULT_MILLI_CPU_REQUEST = 100;
/** The same for memory, in bytes (schedutil.DefaultMemoryRequest). */
export const DEFAULT_MEMORY_REQUEST = 200 * 1024 * 1024;
