import type { DaemonSet } from '../kinds/daemonset.js';
import type { Deployment } from '../kinds/deployment.js';
import type { PersistentVolumeClaim } from '../kinds/persistent-volume-claim.js';
import type { ReplicaSet } from '../kinds/replicaset.js';
import type { StatefulSet } from '../kinds/statefulset.js';
import { applyPodSpecDefaults } from './pod.js';
import { applyClaimDefaults } from './storage.js';

// Scheme defaulting of workloads: pkg/apis/apps/v1/defaults.go.

/** Fills in what a Deployment leaves open. */
export function applyDeploymentDefaults({ spec }: Deployment): void {
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  applyPodSpecDefaults(spec.template.spec);
}

/** Fills in what a ReplicaSet leaves open. */
export function applyReplicaSetDefaults(set: ReplicaSet): void {
  set.spec.replicas ??= 1;
  set.status ??= { replicas: 0 };
  applyPodSpecDefaults(set.spec.template.spec);
}

/** Fills in what a StatefulSet leaves open. */
export function applyStatefulSetDefaults(set: StatefulSet): void {
  const { spec } = set;
  spec.podManagementPolicy ??= 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  if (strategy.type === undefined) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate !== undefined) strategy.rollingUpdate.partition ??= 0;
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ??= 'Retain';
  retention.whenScaled ??= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  set.status ??= { replicas: 0, availableReplicas: 0 };
  applyPodSpecDefaults(spec.template.spec);
  for (const claim of spec.volumeClaimTemplates ?? []) applyClaimDefaults(claim as PersistentVolumeClaim);
}

/** Fills in what a DaemonSet leaves open. */
export function applyDaemonSetDefaults(set: DaemonSet): void {
  const { spec } = set;
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  set.status ??= { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  applyPodSpecDefaults(spec.template.spec);
}
