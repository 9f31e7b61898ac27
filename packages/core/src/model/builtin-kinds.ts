import type { KindDefinition } from './kind.js';
import { ConfigMap } from './kinds/configmap.js';
import { ControllerRevision } from './kinds/controllerrevision.js';
import { CronJob } from './kinds/cronjob.js';
import { DaemonSet } from './kinds/daemonset.js';
import { Deployment } from './kinds/deployment.js';
import { Endpoints } from './kinds/endpoints.js';
import { EndpointSlice } from './kinds/endpointslice.js';
import { CertificateSigningRequest } from './kinds/certificate-signing-request.js';
import { Event } from './kinds/event.js';
import { HorizontalPodAutoscaler } from './kinds/horizontal-pod-autoscaler.js';
import { Job } from './kinds/job.js';
import { Lease } from './kinds/lease.js';
import { LimitRange } from './kinds/limit-range.js';
import { Namespace } from './kinds/namespace.js';
import { Node } from './kinds/node.js';
import { PersistentVolumeClaim } from './kinds/persistent-volume-claim.js';
import { PersistentVolume } from './kinds/persistent-volume.js';
import { PodDisruptionBudget } from './kinds/pod-disruption-budget.js';
import { Pod } from './kinds/pod.js';
import { PriorityClass } from './kinds/priorityclass.js';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from './kinds/rbac.js';
import { ReplicaSet } from './kinds/replicaset.js';
import { ResourceQuota } from './kinds/resource-quota.js';
import { Secret } from './kinds/secret.js';
import { ServiceAccount } from './kinds/service-account.js';
import { Service } from './kinds/service.js';
import { StatefulSet } from './kinds/statefulset.js';
import { Ingress, IngressClass } from './kinds/ingress.js';
import { NetworkPolicy } from './kinds/network-policy.js';
import { RuntimeClass } from './kinds/runtime-class.js';
import { StorageClass } from './kinds/storage-class.js';

/** Kubernetes' own kinds, as far as Orrery has them. */
export const builtinKinds: readonly KindDefinition[] = [
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Deployment,
  StatefulSet,
  DaemonSet,
  ControllerRevision,
  Job,
  CronJob,
  HorizontalPodAutoscaler,
  Service,
  Endpoints,
  EndpointSlice,
  ConfigMap,
  Secret,
  Event,
  Lease,
  PriorityClass,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  Ingress,
  IngressClass,
  NetworkPolicy,
  RuntimeClass,
  ServiceAccount,
  PodDisruptionBudget,
  ResourceQuota,
  LimitRange,
  Role,
  ClusterRole,
  RoleBinding,
  ClusterRoleBinding,
  CertificateSigningRequest,
] as readonly unknown[] as readonly KindDefinition[];
