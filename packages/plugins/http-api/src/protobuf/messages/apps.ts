/** Messages of apps/v1. For the notation see `../messages.ts`. */
export const APPS = `
StatefulSet:
  1 metadata meta.ObjectMeta, 2 spec StatefulSetSpec, 3 status StatefulSetStatus
StatefulSetUpdateStrategy:
  1 type? string, 2 rollingUpdate *RollingUpdateStatefulSetStrategy
RollingUpdateStatefulSetStrategy:
  1 partition *int, 2 maxUnavailable *IntOrString
StatefulSetPersistentVolumeClaimRetentionPolicy:
  1 whenDeleted? string, 2 whenScaled? string
StatefulSetOrdinals:
  1 start int
StatefulSetSpec:
  1 replicas *int, 2 selector *meta.LabelSelector, 3 template core.PodTemplateSpec, 4 volumeClaimTemplates []core.PersistentVolumeClaim,
  5 serviceName string, 6 podManagementPolicy? string, 7 updateStrategy StatefulSetUpdateStrategy, 8 revisionHistoryLimit *int, 9 minReadySeconds? int,
  10 persistentVolumeClaimRetentionPolicy *StatefulSetPersistentVolumeClaimRetentionPolicy, 11 ordinals *StatefulSetOrdinals
StatefulSetStatus:
  1 observedGeneration? int, 2 replicas int, 3 readyReplicas? int, 4 currentReplicas? int, 5 updatedReplicas? int, 6 currentRevision? string,
  7 updateRevision? string, 9 collisionCount *int, 10 conditions []StatefulSetCondition, 11 availableReplicas int
StatefulSetCondition:
  1 type string, 2 status string, 3 lastTransitionTime Time, 4 reason? string, 5 message? string
Deployment:
  1 metadata meta.ObjectMeta, 2 spec DeploymentSpec, 3 status DeploymentStatus
DeploymentSpec:
  1 replicas *int, 2 selector *meta.LabelSelector, 3 template core.PodTemplateSpec, 4 strategy DeploymentStrategy, 5 minReadySeconds? int,
  6 revisionHistoryLimit *int, 7 paused? bool, 9 progressDeadlineSeconds *int
DeploymentStrategy:
  1 type? string, 2 rollingUpdate *RollingUpdateDeployment
RollingUpdateDeployment:
  1 maxUnavailable *IntOrString, 2 maxSurge *IntOrString
DeploymentStatus:
  1 observedGeneration? int, 2 replicas? int, 3 updatedReplicas? int, 4 availableReplicas? int, 5 unavailableReplicas? int,
  6 conditions []DeploymentCondition, 7 readyReplicas? int, 8 collisionCount *int, 9 terminatingReplicas *int
DeploymentCondition:
  1 type string, 2 status string, 4 reason? string, 5 message? string, 6 lastUpdateTime Time, 7 lastTransitionTime Time
DaemonSetUpdateStrategy:
  1 type? string, 2 rollingUpdate *RollingUpdateDaemonSet
RollingUpdateDaemonSet:
  1 maxUnavailable *IntOrString, 2 maxSurge *IntOrString
DaemonSetSpec:
  1 selector *meta.LabelSelector, 2 template core.PodTemplateSpec, 3 updateStrategy DaemonSetUpdateStrategy, 4 minReadySeconds? int,
  6 revisionHistoryLimit *int
DaemonSetStatus:
  1 currentNumberScheduled int, 2 numberMisscheduled int, 3 desiredNumberScheduled int, 4 numberReady int, 5 observedGeneration? int,
  6 updatedNumberScheduled? int, 7 numberAvailable? int, 8 numberUnavailable? int, 9 collisionCount *int, 10 conditions []DaemonSetCondition
DaemonSetCondition:
  1 type string, 2 status string, 3 lastTransitionTime Time, 4 reason? string, 5 message? string
DaemonSet:
  1 metadata meta.ObjectMeta, 2 spec DaemonSetSpec, 3 status DaemonSetStatus
ReplicaSet:
  1 metadata meta.ObjectMeta, 2 spec ReplicaSetSpec, 3 status ReplicaSetStatus
ReplicaSetSpec:
  1 replicas *int, 2 selector *meta.LabelSelector, 3 template core.PodTemplateSpec, 4 minReadySeconds? int
ReplicaSetStatus:
  1 replicas int, 2 fullyLabeledReplicas? int, 3 observedGeneration? int, 4 readyReplicas? int, 5 availableReplicas? int,
  6 conditions []ReplicaSetCondition, 7 terminatingReplicas *int
ReplicaSetCondition:
  1 type string, 2 status string, 3 lastTransitionTime Time, 4 reason? string, 5 message? string
ControllerRevision:
  1 metadata meta.ObjectMeta, 2 data json, 3 revision int
`;
