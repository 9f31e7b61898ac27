import type { Deployment } from '../kinds/deployment.js';
import type { ReplicaSet } from '../kinds/replicaset.js';
import { applyPodSpecDefaults } from './pod.js';

// Scheme defaulting of Deployment and ReplicaSet: pkg/apis/apps/v1/defaults.go.

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
