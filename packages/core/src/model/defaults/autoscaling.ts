import type { HorizontalPodAutoscaler, HPAScalingRules } from '../kinds/horizontal-pod-autoscaler.js';

// Scheme defaulting of HorizontalPodAutoscaler: pkg/apis/autoscaling/v2/defaults.go.

const DEFAULT_CPU_UTILIZATION = 80;

/** Fills in what a HorizontalPodAutoscaler leaves open. Behaviour is filled in only where some of it is given. */
export function applyAutoscalerDefaults(autoscaler: HorizontalPodAutoscaler): void {
  const { spec } = autoscaler;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: DEFAULT_CPU_UTILIZATION } } }];
  }
  if (spec.behavior !== undefined) {
    spec.behavior.scaleUp = { ...defaultScaleUp(), ...spec.behavior.scaleUp };
    spec.behavior.scaleDown = { ...defaultScaleDown(), ...spec.behavior.scaleDown };
  }
  autoscaler.status ??= { desiredReplicas: 0 };
}

/** How to scale up by default: at once, by 4 pods or by 100% in 15 seconds, whichever is more. */
export function defaultScaleUp(): HPAScalingRules {
  return {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  };
}

/** How to scale down by default: as far as wanted. The stabilisation window is the controller's own. */
export function defaultScaleDown(): HPAScalingRules {
  return { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };
}
