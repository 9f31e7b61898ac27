/**
 * The model: what exists. Pure; no clock, no I/O.
 *
 * - A kind is one constant that shares its name with its type: `Pod` is both the interface and its `KindDefinition`.
 *   `defineKind` makes one from zod schemas, and `KindRegistry` holds those an orchestrator knows.
 * - `decodeObject` turns parsed JSON into an object as Go's decoder does; `rules` of the kind then default and validate it.
 * - `schemas` are the pieces for kinds of one's own.
 * - Quantities, selectors, names, hashes and the like behave exactly as Kubernetes' own.
 */
export * from './api-error.js';
export * from './builtin-kinds.js';
export * from './claim-matching.js';
export * from './cron-schedule.js';
export { templateGeneration } from './daemon-generation.js';
export * from './decode.js';
export { defineKind } from './define-kind.js';
export type { KindFields, KindOf, KindOptions, ObjectOf } from './define-kind.js';
export * from './field-error.js';
export * from './field-labels.js';
export * from './field-selector.js';
export * from './hash.js';
export * from './host-ports.js';
export { applyConfiguration, BEFORE_FIRST_APPLY, type FieldWriter, trackedFields } from './apply/index.js';
export * from './conditions.js';
export * from './int-or-percent.js';
export * from './json-schema.js';
export * from './json.js';
export * from './kind.js';
export * from './label-selector.js';
export * from './merge-keys.js';
export * from './names.js';
export * from './node-selector.js';
export * from './object.js';
export { applyPatch } from './patch/index.js';
export { threeWayMergePatch, threeWayStrategicPatch } from './patch/three-way-patch.js';
export * from './oom-score.js';
export * from './pod-qos.js';
export * from './pod-resources.js';
export { type ImageReference, parseImageReference } from './image-reference.js';
export * from './quantity.js';
export * from './registry.js';
export * as schemas from './schemas.js';
export type { FieldFacts, MergeInfo, ScalarFormat, Schema } from './schema/fields.js';
export * from './taints.js';
export * from './time-zone.js';
export * from './table/index.js';
export * from './timestamp.js';
export * from './validation/object-meta.js';

export type {
  NodeSelectorRequirement,
  NodeSelectorTerm,
  NodeSelector,
  PreferredSchedulingTerm,
  NodeAffinity,
  PodAffinityTerm,
  WeightedPodAffinityTerm,
  PodAffinity,
  PodAntiAffinity,
  Affinity,
  Toleration,
  TopologySpreadConstraint,
} from './kinds/affinity.js';
export type {
  VolumeResourceRequirements,
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  EphemeralVolumeSource,
} from './kinds/claim-template.js';
export { ConfigMap } from './kinds/configmap.js';
export type {
  ContainerStateWaiting,
  ContainerStateRunning,
  ContainerStateTerminated,
  ContainerState,
  ImageVolumeStatus,
  VolumeStatus,
  VolumeMountStatus,
  LinuxContainerUser,
  ContainerUser,
  ResourceHealth,
  ResourceStatus,
  ContainerStatus,
} from './kinds/container-status.js';
export type {
  ContainerPort,
  VolumeMount,
  VolumeDevice,
  ContainerResizePolicy,
  ContainerRestartRuleOnExitCodes,
  ContainerRestartRule,
  Container,
  EphemeralContainer,
} from './kinds/container.js';
export { ControllerRevision } from './kinds/controllerrevision.js';
export { DaemonSet } from './kinds/daemonset.js';
export type { DaemonSetCondition, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from './kinds/daemonset.js';
export { CronJob } from './kinds/cronjob.js';
export type { CronJobSpec, CronJobStatus, JobTemplateSpec } from './kinds/cronjob.js';
export { Deployment } from './kinds/deployment.js';
export type { RollingUpdateDeployment, DeploymentStrategy, DeploymentSpec, DeploymentCondition, DeploymentStatus } from './kinds/deployment.js';
export { Endpoints } from './kinds/endpoints.js';
export type { EndpointAddress, EndpointSubset, EndpointSubsetPort } from './kinds/endpoints.js';
export { EndpointSlice } from './kinds/endpointslice.js';
export type { EndpointConditions, ForZone, ForNode, EndpointHints, Endpoint, EndpointPort } from './kinds/endpointslice.js';
export type {
  ObjectFieldSelector,
  ResourceFieldSelector,
  ConfigMapKeySelector,
  SecretKeySelector,
  FileKeySelector,
  EnvVarSource,
  EnvVar,
  ConfigMapEnvSource,
  SecretEnvSource,
  EnvFromSource,
} from './kinds/env.js';
export { Job } from './kinds/job.js';
export type {
  JobCondition,
  JobSpec,
  JobStatus,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicy,
  SuccessPolicyRule,
  UncountedTerminatedPods,
} from './kinds/job.js';
export { JOB_LABELS } from './job-selector.js';
export { Event } from './kinds/event.js';
export type { EventSource, EventSeries } from './kinds/event.js';
export { HorizontalPodAutoscaler } from './kinds/horizontal-pod-autoscaler.js';
export type {
  HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus,
} from './kinds/horizontal-pod-autoscaler.js';
export type {
  ContainerResourceMetricSource, CrossVersionObjectReference, ExternalMetricSource, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetricSource, PodsMetricSource,
  ResourceMetricSource,
} from './kinds/metric-target.js';
export type {
  ContainerResourceMetricStatus, MetricStatus, MetricValueStatus, NamedMetricStatus, ObjectMetricStatus, ResourceMetricStatus,
} from './kinds/metric-status.js';
export { defaultScaleDown, defaultScaleUp } from './defaults/autoscaling.js';
export { mayScaleToZero, SCALE_TO_ZERO_ANNOTATION } from './validation/autoscaling.js';
export { Lease } from './kinds/lease.js';
export type { LeaseSpec } from './kinds/lease.js';
export { Namespace } from './kinds/namespace.js';
export type { NamespaceSpec, NamespaceCondition, NamespaceStatus } from './kinds/namespace.js';
export type { Taint, ConfigMapNodeConfigSource, NodeConfigSource, NodeSpec } from './kinds/node-spec.js';
export type {
  NodeCondition,
  NodeAddress,
  DaemonEndpoint,
  NodeDaemonEndpoints,
  NodeSwapStatus,
  NodeSystemInfo,
  ContainerImage,
  AttachedVolume,
  NodeConfigStatus,
  NodeRuntimeHandlerFeatures,
  NodeRuntimeHandler,
  NodeFeatures,
  NodeStatus,
} from './kinds/node-status.js';
export { Node } from './kinds/node.js';
export type {
  HostAlias,
  PodDNSConfigOption,
  PodDNSConfig,
  PodReadinessGate,
  PodOS,
  PodSchedulingGate,
  PodResourceClaim,
  PodSchedulingGroup,
  PodSpec,
  PodTemplateSpec,
} from './kinds/pod-spec.js';
export type {
  PodCondition,
  PodIP,
  HostIP,
  PodResourceClaimStatus,
  ContainerExtendedResourceRequest,
  PodExtendedResourceClaimStatus,
  NodeAllocatableResourceClaimStatus,
  PodStatus,
} from './kinds/pod-status.js';
export { Pod } from './kinds/pod.js';
export { PersistentVolumeClaim, type PersistentVolumeClaimCondition, type PersistentVolumeClaimStatus } from './kinds/persistent-volume-claim.js';
export {
  PersistentVolume, type CSIPersistentVolumeSource, type LocalVolumeSource, type PersistentVolumeSpec, type PersistentVolumeStatus, type SecretReference, type VolumeNodeAffinity,
} from './kinds/persistent-volume.js';
export {
  type HTTPIngressPath,
  type HTTPIngressRuleValue,
  Ingress,
  type IngressBackend,
  IngressClass,
  type IngressClassParameters,
  type IngressClassSpec,
  type IngressLoadBalancerIngress,
  type IngressPortStatus,
  type IngressResource,
  type IngressRule,
  type IngressServiceBackend,
  type IngressSpec,
  type IngressStatus,
  type IngressTLS,
  type ServiceBackendPort,
} from './kinds/ingress.js';
export {
  type IPBlock,
  NetworkPolicy,
  type NetworkPolicyEgressRule,
  type NetworkPolicyIngressRule,
  type NetworkPolicyPeer,
  type NetworkPolicyPort,
  type NetworkPolicySpec,
} from './kinds/network-policy.js';
export { RuntimeClass, type RuntimeClassOverhead, type RuntimeClassScheduling } from './kinds/runtime-class.js';
export { StorageClass, type TopologySelectorLabelRequirement, type TopologySelectorTerm } from './kinds/storage-class.js';
export * from './kinds/certificate-signing-request.js';
export * from './kinds/token-request.js';
export { PriorityClass } from './kinds/priorityclass.js';
export { LimitRange, type LimitRangeItem, type LimitRangeSpec } from './kinds/limit-range.js';
export { PodDisruptionBudget, type PodDisruptionBudgetSpec, type PodDisruptionBudgetStatus } from './kinds/pod-disruption-budget.js';
export { ResourceQuota, type ResourceQuotaSpec, type ResourceQuotaStatus, type ScopedResourceSelectorRequirement, type ScopeSelector } from './kinds/resource-quota.js';
export {
  type AggregationRule, ClusterRole, ClusterRoleBinding, type PolicyRule, Role, RoleBinding, type RoleRef, type Subject,
} from './kinds/rbac.js';
export { ServiceAccount } from './kinds/service-account.js';
export type {
  HTTPHeader,
  ExecAction,
  HTTPGetAction,
  TCPSocketAction,
  GRPCAction,
  SleepAction,
  ProbeHandler,
  Probe,
  LifecycleHandler,
  Lifecycle,
} from './kinds/probes.js';
export type { LocalObjectReference, ObjectReference, TypedLocalObjectReference, TypedObjectReference } from './kinds/references.js';
export { ReplicaSet } from './kinds/replicaset.js';
export type { ReplicaSetSpec, ReplicaSetCondition, ReplicaSetStatus } from './kinds/replicaset.js';
export { StatefulSet } from './kinds/statefulset.js';
export type {
  RollingUpdateStatefulSet,
  StatefulSetClaim,
  StatefulSetCondition,
  StatefulSetOrdinals,
  StatefulSetPersistentVolumeClaimRetentionPolicy,
  StatefulSetSpec,
  StatefulSetStatus,
  StatefulSetUpdateStrategy,
} from './kinds/statefulset.js';
export type { ResourceClaim, ResourceRequirements } from './kinds/resources.js';
export { Secret } from './kinds/secret.js';
export type {
  Capabilities,
  SELinuxOptions,
  WindowsSecurityContextOptions,
  SeccompProfile,
  AppArmorProfile,
  SecurityContext,
  Sysctl,
  PodSecurityContext,
} from './kinds/security-context.js';
export type { LabelSelectorRequirement, LabelSelector, Condition } from './kinds/selectors.js';
export { Service } from './kinds/service.js';
export type {
  ServicePort,
  ClientIPConfig,
  SessionAffinityConfig,
  ServiceSpec,
  PortStatus,
  LoadBalancerIngress,
  LoadBalancerStatus,
  ServiceStatus,
} from './kinds/service.js';
export type {
  GCEPersistentDiskVolumeSource,
  AWSElasticBlockStoreVolumeSource,
  GitRepoVolumeSource,
  NFSVolumeSource,
  ISCSIVolumeSource,
  GlusterfsVolumeSource,
  RBDVolumeSource,
  FlexVolumeSource,
  CinderVolumeSource,
  CephFSVolumeSource,
  FlockerVolumeSource,
  FCVolumeSource,
  AzureFileVolumeSource,
  VsphereVirtualDiskVolumeSource,
  QuobyteVolumeSource,
  AzureDiskVolumeSource,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  ScaleIOVolumeSource,
  StorageOSVolumeSource,
  CSIVolumeSource,
} from './kinds/volume-plugins.js';
export type {
  KeyToPath,
  EmptyDirVolumeSource,
  HostPathVolumeSource,
  ConfigMapVolumeSource,
  SecretVolumeSource,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  SecretProjection,
  ConfigMapProjection,
  DownwardAPIProjection,
  ServiceAccountTokenProjection,
  ClusterTrustBundleProjection,
  PodCertificateProjection,
  VolumeProjection,
  ProjectedVolumeSource,
  PersistentVolumeClaimVolumeSource,
  ImageVolumeSource,
  VolumeSource,
  Volume,
} from './kinds/volumes.js';
