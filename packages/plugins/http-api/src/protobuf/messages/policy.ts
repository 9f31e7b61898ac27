/** Messages of policy/v1. For the notation see `../messages.ts`. */
export const POLICY = `
PodDisruptionBudgetSpec:
  1 minAvailable *IntOrString, 2 selector *meta.LabelSelector, 3 maxUnavailable *IntOrString, 4 unhealthyPodEvictionPolicy *string
PodDisruptionBudgetStatus:
  1 observedGeneration? int, 2 disruptedPods map Time, 3 disruptionsAllowed int, 4 currentHealthy int, 5 desiredHealthy int, 6 expectedPods int,
  7 conditions []meta.Condition
PodDisruptionBudget:
  1 metadata meta.ObjectMeta, 2 spec PodDisruptionBudgetSpec, 3 status PodDisruptionBudgetStatus
Eviction:
  1 metadata meta.ObjectMeta, 2 deleteOptions *meta.DeleteOptions
`;
