import { applyPodDefaults } from '../defaults/pod.js';
import { validateEphemeralContainersUpdate } from '../validation/ephemeral-containers.js';
import { takeResize, validatePodResize } from '../validation/pod-resize.js';
import { validatePod, validatePodCreate, validatePodStatusUpdate, validatePodUpdate } from '../validation/pod.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { podSpec } from './pod-spec.js';
import type { PodSpec } from './pod-spec.js';
import { podStatus } from './pod-status.js';
import type { PodStatus } from './pod-status.js';
import { podQosClass } from '../pod-qos.js';
import { podColumns, podRowConditions } from '../table/pod-columns.js';

/** Containers that run together on one node (core/v1). */
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: PodStatus | undefined;
}
/** The kind {@link Pod}. */
export const Pod: KindDefinition<Pod> = buildKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  description: 'Containers that run together on one node.',
  shortNames: ['po'],
  categories: ['all'],
  spec: podSpec,
  status: podStatus,
  columns: podColumns,
  rowConditions: podRowConditions,
  rules: {
    applyDefaults: applyPodDefaults,
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Pending', qosClass: podQosClass(draft) };
    },
    deletionGraceSeconds: (pod, asked) => {
      const { phase } = pod.status ?? {};
      // Nobody runs it (any more): it goes at once (registry/core/pod CheckGracefulDelete).
      if ((pod.spec.nodeName ?? '') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
      const seconds = asked ?? pod.spec.terminationGracePeriodSeconds ?? 0;
      return seconds < 0 ? 1 : seconds;
    },
    validate: validatePod,
    validateCreate: validatePodCreate,
    validateUpdate: validatePodUpdate,
    validateStatusUpdate: validatePodStatusUpdate,
    subresources: {
      ephemeralcontainers: {
        take: (draft, old) => ({ ...old, metadata: { ...old.metadata }, spec: { ...old.spec, ephemeralContainers: draft.spec.ephemeralContainers } }),
        validateUpdate: validateEphemeralContainersUpdate,
      },
      resize: { take: takeResize, validateUpdate: validatePodResize },
    },
    selectableFields: {
      'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
      'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
      'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
      'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
      'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
      'status.phase': ({ status }) => status?.phase ?? '',
      'status.podIP': ({ status }) => status?.podIP ?? '',
      'status.podIPs': ({ status }) => (status?.podIPs ?? []).map(({ ip }) => ip).join(','),
      'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
    },
    fieldAliases: { 'spec.host': 'spec.nodeName' },
  },
});
