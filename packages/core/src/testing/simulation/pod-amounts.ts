import type { Container } from '../../model/kinds/container.js';
import type { Pod } from '../../model/kinds/pod.js';
import { milliValue } from '../../model/quantity.js';

/** How much of each resource, in thousandths of its unit. */
export type Amounts = ReadonlyMap<string, number>;

/** A resource list in numbers. */
export const amountsOf = (list: Readonly<Record<string, string>>): Map<string, number> => new Map(Object.entries(list).map(([resource, text]) => [resource, milliValue(text)]));

/**
 * What a pod takes of its node, and one pod. Written from the rule (KEP-753), not shared with the scheduler, which it judges:
 * the containers' requests and those of sidecars together, or the largest init container beside the sidecars before it, if that is more.
 */
export function podAmounts(pod: Pod): Map<string, number> {
  const running = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') add(running, container);
    else for (const [resource, amount] of requests(container)) peak.set(resource, Math.max(peak.get(resource) ?? 0, amount + (running.get(resource) ?? 0)));
    for (const [resource, amount] of running) peak.set(resource, Math.max(peak.get(resource) ?? 0, amount));
  }
  for (const container of pod.spec.containers) add(running, container);
  for (const [resource, amount] of peak) running.set(resource, Math.max(running.get(resource) ?? 0, amount));
  for (const [resource, amount] of amountsOf(pod.spec.overhead ?? {})) running.set(resource, (running.get(resource) ?? 0) + amount);
  running.set('pods', 1000);
  return running;
}

/** The host's ports that a pod takes: address, protocol and number. */
export function hostPortsOf(pod: Pod): string[] {
  return pod.spec.containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol }) => (hostPort === undefined || hostPort === 0 ? [] : [`${hostIP ?? ''}/${protocol ?? 'TCP'}/${hostPort}`])),
  );
}

const requests = (container: Container): Map<string, number> => amountsOf(container.resources?.requests ?? {});

function add(sum: Map<string, number>, container: Container): void {
  for (const [resource, amount] of requests(container)) sum.set(resource, (sum.get(resource) ?? 0) + amount);
}
