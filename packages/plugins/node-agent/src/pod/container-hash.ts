import { type Container, fnv32a, type RuntimeContainerStatus } from '@orrery/core';

/** Annotation of a container: what it was made from, as far as that may change; the same that the kubelet uses. */
export const CONTAINER_HASH = 'io.kubernetes.container.hash';

/** A hash of what of a container may change while its pod lives and makes another container of it (kubelet HashContainer: name and image). Pure. */
export const containerHash = ({ name, image = '' }: Pick<Container, 'name' | 'image'>): string => fnv32a(JSON.stringify([name, image])).toString(16);

/** Whether a container was made from something else than is wanted now. One that does not tell was not. */
export function hasChanged(status: Pick<RuntimeContainerStatus, 'annotations'>, container: Pick<Container, 'name' | 'image'>): boolean {
  const hash = status.annotations[CONTAINER_HASH];
  return hash !== undefined && hash !== containerHash(container);
}
