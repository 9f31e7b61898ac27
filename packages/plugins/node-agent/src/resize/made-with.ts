import { amountOf, type Container, type ContainerResources, type Pod } from '@orrery/core';
import { type Limits, limitsOf } from '../pod/container-resources.js';

/** Annotation of a container: what it was made with, as far as the runtime does not tell it. */
export const MADE_WITH = 'orrery.dev/made-with';

/** What is written down of a container when it is made. */
export interface MadeWith {
  /** What its pod asked for. */
  readonly wanted: Limits;
  /** What the runtime was told instead: a hook has changed it. */
  readonly given?: Limits;
  /** Bytes, where another request has to restart it: of that the kernel knows nothing. */
  readonly memoryRequest?: number;
}

/** Whether another amount of the resource takes a restart of the container. Pure. */
export const restartsFor = ({ resizePolicy = [] }: Pick<Container, 'resizePolicy'>, resource: 'cpu' | 'memory'): boolean =>
  resizePolicy.some(({ resourceName, restartPolicy }) => resourceName === resource && restartPolicy === 'RestartContainer');

/** Bytes of memory a container asks for. Pure. */
export function memoryRequestOf({ resources }: Pick<Container, 'resources'>): number {
  const text = resources?.requests?.['memory'];
  return text === undefined ? 0 : amountOf('memory', text);
}

/** Whether two sets of limits are the same. Pure. */
export const sameLimits = (a: Limits, b: Limits): boolean =>
  a.cpuShares === b.cpuShares && a.cpuQuota === b.cpuQuota && (a.cpuQuota === undefined || (a.cpuPeriod ?? 0) === (b.cpuPeriod ?? 0)) && a.memoryLimitBytes === b.memoryLimitBytes;

/** Annotations to make a container with, so that it can be told later what has changed since; none for one without limits. `given`: what the runtime is told. Pure. */
export function madeWith(pod: Pick<Pod, 'spec'>, container: Container, given: ContainerResources): Readonly<Record<string, string>> {
  const wanted = limitsOf(pod, container);
  const byHook = !sameLimits(wanted, given);
  const restarts = restartsFor(container, 'memory');
  if (!byHook && !restarts && wanted.cpuQuota === undefined && wanted.memoryLimitBytes === undefined) return {};
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes } = given;
  const made = { wanted, ...(byHook && { given: { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes } }), ...(restarts && { memoryRequest: memoryRequestOf(container) }) };
  return { [MADE_WITH]: JSON.stringify(made) };
}

/** What {@link madeWith} wrote down. Undefined for a container of which nothing was, or nothing that can be read. Pure. */
export function readMadeWith(annotations: Readonly<Record<string, string>>): MadeWith | undefined {
  const text = annotations[MADE_WITH];
  if (text === undefined) return undefined;
  try {
    const made = JSON.parse(text) as Partial<MadeWith> | null;
    return typeof made?.wanted === 'object' ? (made as MadeWith) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
