import type { Pod, StatefulSet, Volume } from '@orrery/core';
import { podFromTemplate } from '../shared/pod-template.js';
import { REVISION_LABEL } from '../history/revisions.js';

/** The label that names a pod, so that a Service can select one (StatefulSetPodNameLabel). */
const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
/** The label with a pod's ordinal (PodIndexLabel). */
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** The first ordinal of a set. */
export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;
/** How many pods a set wants. */
export const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1;
/** The name of the pod with an ordinal. */
export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

/** The ordinal of a set's pod; undefined when its name is not that of one. */
export function ordinalOf(set: StatefulSet, { metadata: { name = '' } }: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  if (!name.startsWith(prefix)) return undefined;
  const digits = name.slice(prefix.length);
  return /^(?:0|[1-9]\d{0,9})$/.test(digits) ? Number(digits) : undefined;
}

/** Whether an ordinal is one of those the set wants. */
export function inRange(set: StatefulSet, ordinal: number): boolean {
  const start = startOf(set);
  return ordinal >= start && ordinal < start + replicasOf(set);
}

/** The revision a pod was made from. */
export const revisionOf = ({ metadata }: Pod): string => metadata.labels?.[REVISION_LABEL] ?? '';

/** What the labels of a pod must say of it. */
const identityLabels = (set: StatefulSet, ordinal: number): Record<string, string> => ({ [POD_NAME_LABEL]: podName(set, ordinal), [POD_INDEX_LABEL]: String(ordinal) });

/** Labels that a pod lacks to be the one its name says; undefined when it has all. */
export function missingIdentity(set: StatefulSet, ordinal: number, pod: Pod): Record<string, string> | undefined {
  const { labels } = pod.metadata;
  // A pod that is here has the name of its ordinal, or it would not be the set's.
  return labels?.[POD_NAME_LABEL] === pod.metadata.name && labels?.[POD_INDEX_LABEL] === String(ordinal) ? undefined : identityLabels(set, ordinal);
}

/** The name of the claim that a pod gets of a template, or with '' the beginning of all such names (getPersistentVolumeClaimName). */
export const claimName = (set: StatefulSet, template: string, ordinal: number | ''): string => `${template}-${set.metadata.name}-${ordinal}`;

/** Names of a set's claim templates, each once. */
export const claimTemplates = ({ spec }: StatefulSet): readonly string[] => [...new Set((spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name ?? ''))];

/** Whether a pod mounts the claims that are its own. Volumes never change, so one that does not cannot be mended. */
export function mountsItsClaims(set: StatefulSet, ordinal: number, { spec }: Pod): boolean {
  return claimTemplates(set).every((template) => spec.volumes?.find(({ name }) => name === template)?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal));
}

/** The pod with an ordinal, of a set as it was in a revision (newStatefulSetPod). Pure. */
export function podWith(set: StatefulSet, ordinal: number, revision: string): Pod {
  const { generateName: _, ...pod } = podFromTemplate(set, set.spec.template).metadata;
  const name = podName(set, ordinal);
  const templates = claimTemplates(set);
  const claims = templates.map((template): Volume => ({ name: template, persistentVolumeClaim: { claimName: claimName(set, template, ordinal) } }));
  const others = (set.spec.template.spec.volumes ?? []).filter((volume) => !templates.includes(volume.name));
  const { serviceName } = set.spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...pod, name, labels: { ...pod.labels, ...identityLabels(set, ordinal), [REVISION_LABEL]: revision } },
    spec: {
      ...set.spec.template.spec,
      hostname: name,
      ...(serviceName !== '' && { subdomain: serviceName }),
      ...(claims.length + others.length > 0 && { volumes: [...claims, ...others] }),
    },
  };
}
