/** Messages of autoscaling/v1. For the notation see `../messages.ts`. */
export const AUTOSCALING = `
CrossVersionObjectReference:
  1 kind string, 2 name string, 3 apiVersion? string
HorizontalPodAutoscalerSpec:
  1 scaleTargetRef CrossVersionObjectReference, 2 minReplicas *int, 3 maxReplicas int, 4 targetCPUUtilizationPercentage *int
HorizontalPodAutoscalerStatus:
  1 observedGeneration *int, 2 lastScaleTime *Time, 3 currentReplicas int, 4 desiredReplicas int, 5 currentCPUUtilizationPercentage *int
HorizontalPodAutoscaler:
  1 metadata meta.ObjectMeta, 2 spec HorizontalPodAutoscalerSpec, 3 status HorizontalPodAutoscalerStatus
Scale:
  1 metadata meta.ObjectMeta, 2 spec ScaleSpec, 3 status ScaleStatus
ScaleSpec:
  1 replicas? int
ScaleStatus:
  1 replicas int, 2 selector? string
`;
