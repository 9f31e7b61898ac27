import type { Container, PodSpec } from '@orrery/core';

/** What a check looks at: a pod, or the template of pods. */
export interface Checked {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** What is forbidden about a pod, in Kubernetes' words. */
export interface Violation {
  /** e.g. `host namespaces`. */
  readonly reason: string;
  /** e.g. `hostNetwork=true`. */
  readonly detail: string;
}

/** Looks at a pod for one thing. */
export type CheckPod = (pod: Checked) => Violation | undefined;

/** One rule of the Pod Security Standards, as it was in each version of Kubernetes. */
export interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** Minor versions of Kubernetes 1 from which on it is so, oldest first. */
  readonly since: readonly (readonly [minor: number, check: CheckPod])[];
  /** Checks of the lower level that it makes superfluous. */
  readonly overrides?: string;
}

type AnyContainer = Pick<Container, 'name' | 'securityContext' | 'ports' | 'lifecycle' | 'livenessProbe' | 'readinessProbe' | 'startupProbe'>;

/** All containers of a pod: those of its beginning, its own, and ephemeral ones. */
export const containersOf = ({ spec }: Checked): readonly AnyContainer[] => [...(spec.initContainers ?? []), ...spec.containers, ...((spec.ephemeralContainers ?? []) as readonly AnyContainer[])];

/** The names of containers of which something is so. */
export const namesOf = (pod: Checked, isSo: (container: AnyContainer) => boolean): readonly string[] => containersOf(pod).filter(isSo).map(({ name }) => name);

/** `"a", "b"`. */
export const quoted = (items: readonly string[]): string => items.map((item) => `"${item}"`).join(', ');

/** The word for one, or for several. */
export const counted = (one: string, several: string, count: number): string => (count === 1 ? one : several);

/** `container "a"`, `containers "a", "b"`. */
export const containers = (names: readonly string[]): string => `${counted('container', 'containers', names.length)} ${quoted(names)}`;

/** Who set something: the pod as a whole, containers. */
export const setters = (pod: boolean, names: readonly string[]): string => [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containers(names)] : [])].join(' and ');

/** Each once, in the order of the alphabet. */
export const sorted = (items: Iterable<string>): readonly string[] => [...new Set(items)].sort();

/** Pods of Windows do not have what is Linux's own. */
export const isWindows = ({ spec }: Checked): boolean => spec.os?.name === 'windows';

/** The pod has users of its own: being root in it is being nobody on the node. */
export const hasOwnUsers = ({ spec }: Checked): boolean => spec.hostUsers === false;
