import { canonicalQuantity, type Pod, podLimits, value } from '@orrery/core';
import { exceededLimit, type VolumeUsage } from '../volumes/usage.js';
import { type Eviction, REASON } from './messages.js';
import { type ContainerConsumption, diskUse, type PodConsumption } from './rank.js';
import { bytesText } from './thresholds.js';

const STORAGE = 'ephemeral-storage';

/** Whether a pod limits what it takes of the node's disk, by volume, by container or as a whole. Pure. */
export const limitsStorage = (pod: Pod): boolean => limitsLayers(pod) || (pod.spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined);

/** Whether layers, logs and volumes of its containers are limited. Pure. */
export const limitsLayers = (pod: Pod): boolean => podLimits(pod)[STORAGE] !== undefined;

/**
 * Why a pod that takes more of the node's disk than it may is evicted (kubelet localStorageEviction): for an emptyDir, for the sum of its limits, for one container, in this
 * order; undefined: it keeps to its limits. Whether the pod may be evicted at all is not asked here. Pure.
 * @param imagefsApart writable layers lie on a file system of their own, and do not count for containers
 */
export function localStorageEviction(pod: Pod, usage: PodConsumption & { readonly volumes: ReadonlyMap<string, VolumeUsage> }, imagefsApart: boolean): Eviction | undefined {
  const message = volumeMessage(pod, usage.volumes) ?? podMessage(pod, usage) ?? containerMessage(pod, usage.containers, imagefsApart);
  return message === undefined ? undefined : { reason: REASON, message, graceSeconds: 0 };
}

function volumeMessage(pod: Pod, usage: ReadonlyMap<string, VolumeUsage>): string | undefined {
  const exceeded = exceededLimit(pod, usage);
  if (exceeded === undefined) return undefined;
  const limit = pod.spec.volumes?.find(({ name }) => name === exceeded.volume)?.emptyDir?.sizeLimit ?? '';
  return `Usage of EmptyDir volume "${exceeded.volume}" exceeds the limit "${canonicalQuantity(limit) ?? limit}". `;
}

function podMessage(pod: Pod, usage: PodConsumption): string | undefined {
  const limit = podLimits(pod)[STORAGE];
  if (limit === undefined || diskUse({ pod, usage }, { rootfs: true, logs: true, volumes: true }) <= limit) return undefined;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${bytesText(limit)}. `;
}

function containerMessage(pod: Pod, containers: readonly ContainerConsumption[], imagefsApart: boolean): string | undefined {
  for (const { name, rootfsBytes = 0, logBytes = 0 } of containers) {
    const limit = pod.spec.containers.find((container) => container.name === name)?.resources?.limits?.[STORAGE];
    if (limit === undefined || value(limit) === 0) continue;
    if (logBytes + (imagefsApart ? 0 : rootfsBytes) > value(limit)) return `Container ${name} exceeded its local ephemeral storage limit "${canonicalQuantity(limit) ?? limit}". `;
  }
  return undefined;
}
