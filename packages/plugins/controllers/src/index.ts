/**
 * Kubernetes' controllers.
 * @packageDocumentation
 */
export { cronJobName, type Due, type DueView, findDue, type Missed, untilNext } from './cronjob/due.js';
export { nextTime } from './cronjob/next-time.js';
export { type DaemonPlacement, daemonPlacement, daemonTolerations } from './daemonset/placement.js';
export { deploymentController, type DeploymentControllerOptions } from './deployment/controller.js';
export { maxSurge, maxUnavailable, minAvailable, resolveFenceposts } from './deployment/fenceposts.js';
export { planDeployment, type DeploymentPlan, type DeploymentView, type SetUpdate } from './deployment/plan.js';
export { resized } from './deployment/replica-sets.js';
export { newSetReplicas, planRollingStep, type Resize, type RollingStep } from './deployment/rolling.js';
export { isSaturated, planScale } from './deployment/scaling.js';
export { calculateStatus, isComplete } from './deployment/status.js';
export { deployments } from './deployment/plugin.js';
export { disruptionController, type DisruptionControllerOptions } from './disruption/controller.js';
export { type BudgetPlan, type BudgetView, planBudget } from './disruption/plan.js';
export { disruption } from './disruption/plugin.js';
export { endpointSliceController, type EndpointSliceControllerOptions } from './endpointslice/controller.js';
export { planSlices, type SlicePlan, type SliceView } from './endpointslice/plan.js';
export { endpointSlices } from './endpointslice/plugin.js';
export { garbageCollector, type GarbageCollectorOptions } from './garbage-collector/controller.js';
export type { Item, Owner } from './garbage-collector/graph.js';
export { planCollect, type CollectPlan, type CollectView } from './garbage-collector/plan.js';
export { garbageCollection } from './garbage-collector/plugin.js';
export { normalizeReplicas, type ConditionFacts, type Normalized, type NormalizeView } from './horizontal-pod-autoscaler/normalize.js';
export { factsOf, groupPods, type PodFacts, type PodGroups, type PodMetric, type PodMetrics, type ReadinessRules } from './horizontal-pod-autoscaler/pod-groups.js';
export {
  type PodsView, type Proposal, replicasByAverage, replicasByShare, replicasByUtilization, replicasByValue, type Tolerance, type ValueView,
} from './horizontal-pod-autoscaler/replica-calculator.js';
export { type Requests, requestsOf } from './horizontal-pod-autoscaler/requests.js';
export { newHistory, type Recommendation, type ScaleEvent, type ScaleHistory, withScaleEvent } from './horizontal-pod-autoscaler/scale-history.js';
export { countIndexes, formatIndexes, type IndexRuns, parseIndexes, withIndexes } from './job/indexes.js';
export { limitRanger } from './limit-range/admission.js';
export { limitRanges } from './limit-range/plugin.js';
export { namespaceController, namespaceFinalizer, type NamespaceControllerOptions } from './namespace/controller.js';
export { namespaces } from './namespace/plugin.js';
export { nodeLifecycleController, type NodeLifecycleOptions } from './node-lifecycle/controller.js';
export { defaultTolerations, type DefaultTolerationSeconds } from './node-lifecycle/default-tolerations.js';
export { evictionTime, type EvictionTime } from './node-lifecycle/eviction.js';
export { taintEvictionController, type TaintEvictionOptions } from './node-lifecycle/taint-eviction.js';
export { planTaints } from './node-lifecycle/taints.js';
export { evictionInterval, type EvictionRates } from './node-lifecycle/zones.js';
export { nodeLifecycle } from './node-lifecycle/plugin.js';
export { persistentVolumeController } from './persistent-volumes/controller.js';
export { findVolume } from './persistent-volumes/match.js';
export { type ClaimStep, type ClaimView, planClaimStep, planVolumeStep, type VolumeStep } from './persistent-volumes/plan.js';
export { persistentVolumes } from './persistent-volumes/plugin.js';
export { podGcController, type PodGcOptions } from './pod-gc/controller.js';
export { podGc } from './pod-gc/plugin.js';
export { type QuotaSources, resourceQuotaAdmission } from './quota/admission.js';
export { quotaController, type QuotaControllerOptions } from './quota/controller.js';
export { planCharge, planRecount, type QuotaDecision } from './quota/plan.js';
export { resourceQuotas } from './quota/plugin.js';
export { isCountedBy, usageOf } from './quota/usage.js';
export { replicaSetController, type ReplicaSetControllerOptions } from './replicaset/controller.js';
export { planReplicas, podFor, type ReplicaPlan } from './replicaset/plan.js';
export { podsToDelete } from './replicaset/ranking.js';
export { replicaSets } from './replicaset/plugin.js';
export { type AccountSources, serviceAccountAdmission } from './service-account/admission.js';
export { namespaceDefaultsController, type NamespaceDefaultsOptions } from './service-account/controller.js';
export { serviceAccounts } from './service-account/plugin.js';
export { isPodAvailable } from './shared/pods.js';
export { workloadControllers } from './preset.js';
