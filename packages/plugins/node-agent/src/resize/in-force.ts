import { canonicalForm, canonicalQuantity, type Container, type ContainerResources, type Pod, quantityOf, type ResourceRequirements, type RuntimeContainerStatus } from '@orrery/core';
import { type Limits, limitsOf } from '../pod/container-resources.js';
import { latest, type PodView } from '../pod/view.js';
import { resizable } from './grants.js';
import { type MadeWith, memoryRequestOf, readMadeWith, restartsFor, sameLimits } from './made-with.js';

/** A running container that does not have what it was granted. */
export interface Resize {
  readonly container: Container;
  readonly status: RuntimeContainerStatus;
  /** What it should have. */
  readonly wanted: Limits;
  /** It has to be made anew for it. */
  readonly restart: boolean;
}

/**
 * The running containers whose limits are not those they were granted, by what the runtime says is in force; so it is known after any restart, and doing it twice does nothing.
 * @param pod with what it was granted as its resources
 */
export function resizesOf(pod: Pick<Pod, 'spec'>, view: PodView): readonly Resize[] {
  const found: Resize[] = [];
  for (const container of resizable(pod)) {
    const status = latest(view, container.name);
    if (status?.state !== 'running' || status.resources === undefined) continue;
    const wanted = limitsOf(pod, container);
    const made = readMadeWith(status.annotations);
    const { cpu, memory } = differences(wanted, status.resources, made);
    const otherRequest = made?.memoryRequest !== undefined && made.memoryRequest !== memoryRequestOf(container);
    const restart = (cpu && restartsFor(container, 'cpu')) || ((memory || otherRequest) && restartsFor(container, 'memory'));
    if (cpu || memory || restart) found.push({ container, status, wanted, restart });
  }
  return found;
}

/** Limits never go once they are there. One that the runtime was told of and does not know is one it cannot keep: nothing is missing then. */
function differences(wanted: Limits, has: ContainerResources, made: MadeWith | undefined): { readonly cpu: boolean; readonly memory: boolean } {
  // A hook has changed what the pod asked for; while neither was changed since, that is how it should be.
  if (made?.given !== undefined && sameLimits(has, made.given) && sameLimits(wanted, made.wanted)) return { cpu: false, memory: false };
  const other = (name: 'cpuQuota' | 'memoryLimitBytes'): boolean => wanted[name] !== undefined && wanted[name] !== has[name] && !(has[name] === undefined && made?.wanted[name] !== undefined);
  return { cpu: (has.cpuShares !== undefined && has.cpuShares !== wanted.cpuShares) || other('cpuQuota'), memory: other('memoryLimitBytes') };
}

/**
 * What is in force for a container, as its status tells it (kubelet convertContainerStatusResources): what it was granted, but for what the runtime still has otherwise. Of requests for memory
 * no runtime knows anything. Pure.
 */
export function resourcesInForce({ resources = {} }: Pick<Container, 'resources'>, resize: Resize | undefined): ResourceRequirements {
  if (resize === undefined) return resources;
  const { cpuShares, cpuQuota, cpuPeriod = 100_000, memoryLimitBytes } = resize.status.resources ?? {};
  const { cpu, memory } = differences(resize.wanted, resize.status.resources ?? {}, readMadeWith(resize.status.annotations));
  const limits: Record<string, string> = { ...resources.limits };
  const requests: Record<string, string> = { ...resources.requests };
  const put = (into: Record<string, string>, name: string, text: string | undefined): void => {
    if (text === undefined) delete into[name];
    else if (into[name] !== undefined) into[name] = text;
  };
  if (cpu && cpuQuota !== resize.wanted.cpuQuota) put(limits, 'cpu', cpuQuota === undefined ? undefined : milli((cpuQuota * 1000) / cpuPeriod));
  if (cpu && cpuShares !== undefined && cpuShares !== resize.wanted.cpuShares) put(requests, 'cpu', milli((cpuShares * 1000) / 1024));
  if (memory) put(limits, 'memory', memoryLimitBytes === undefined ? undefined : canonicalForm(quantityOf(memoryLimitBytes, 'BinarySI')));
  return { ...resources, ...(resources.limits !== undefined && { limits }), ...(resources.requests !== undefined && { requests }) };
}

const milli = (amount: number): string => canonicalQuantity(`${Math.ceil(amount)}m`) ?? `${Math.ceil(amount)}m`;
