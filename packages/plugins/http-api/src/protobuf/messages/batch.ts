/** Messages of batch/v1. For the notation see `../messages.ts`. */
export const BATCH = `
Job:
  1 metadata meta.ObjectMeta, 2 spec JobSpec, 3 status JobStatus
PodFailurePolicyOnExitCodesRequirement:
  1 containerName *string, 2 operator string, 3 values []int
PodFailurePolicyOnPodConditionsPattern:
  1 type string, 2 status string
PodFailurePolicyRule:
  1 action string, 2 onExitCodes *PodFailurePolicyOnExitCodesRequirement, 3 onPodConditions []PodFailurePolicyOnPodConditionsPattern
PodFailurePolicy:
  1 rules []PodFailurePolicyRule
SuccessPolicy:
  1 rules []SuccessPolicyRule
SuccessPolicyRule:
  1 succeededIndexes *string, 2 succeededCount *int
JobSpec:
  1 parallelism *int, 2 completions *int, 3 activeDeadlineSeconds *int, 4 selector *meta.LabelSelector, 5 manualSelector *bool,
  6 template core.PodTemplateSpec, 7 backoffLimit *int, 8 ttlSecondsAfterFinished *int, 9 completionMode *string, 10 suspend *bool,
  11 podFailurePolicy *PodFailurePolicy, 12 backoffLimitPerIndex *int, 13 maxFailedIndexes *int, 14 podReplacementPolicy *string, 15 managedBy *string,
  16 successPolicy *SuccessPolicy
JobStatus:
  1 conditions []JobCondition, 2 startTime *Time, 3 completionTime *Time, 4 active? int, 5 succeeded? int, 6 failed? int, 7 completedIndexes? string,
  8 uncountedTerminatedPods *UncountedTerminatedPods, 9 ready *int, 10 failedIndexes *string, 11 terminating *int
UncountedTerminatedPods:
  1 succeeded []string, 2 failed []string
JobCondition:
  1 type string, 2 status string, 3 lastProbeTime Time, 4 lastTransitionTime Time, 5 reason? string, 6 message? string
JobTemplateSpec:
  1 metadata meta.ObjectMeta, 2 spec JobSpec
CronJob:
  1 metadata meta.ObjectMeta, 2 spec CronJobSpec, 3 status CronJobStatus
CronJobSpec:
  1 schedule string, 2 startingDeadlineSeconds *int, 3 concurrencyPolicy? string, 4 suspend *bool, 5 jobTemplate JobTemplateSpec,
  6 successfulJobsHistoryLimit *int, 7 failedJobsHistoryLimit *int, 8 timeZone *string
CronJobStatus:
  1 active []core.ObjectReference, 4 lastScheduleTime *Time, 5 lastSuccessfulTime *Time
`;
