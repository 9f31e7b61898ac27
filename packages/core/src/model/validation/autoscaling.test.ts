import { describe, expect, test } from 'vitest';
import { decodeObject } from '../decode.js';
import { HorizontalPodAutoscaler } from '../kinds/horizontal-pod-autoscaler.js';
import { SCALE_TO_ZERO_ANNOTATION } from './autoscaling.js';

const make = (spec: object, annotations: Record<string, string> = {}): HorizontalPodAutoscaler => {
  const { object } = decodeObject(HorizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web', namespace: 'default', annotations },
    spec: { maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, ...spec },
  });
  HorizontalPodAutoscaler.rules.applyDefaults?.(object);
  return object;
};
const { rules } = HorizontalPodAutoscaler;
const created = (autoscaler: HorizontalPodAutoscaler): string[] =>
  [...(rules.validate?.(autoscaler) ?? []), ...(rules.validateCreate?.(autoscaler) ?? [])].map(({ field }) => field);
const updated = (autoscaler: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler): string[] =>
  [...(rules.validate?.(autoscaler) ?? []), ...(rules.validateUpdate?.(autoscaler, old) ?? [])].map(({ field }) => field);

describe('minReplicas 0', () => {
  test('is refused, as in Kubernetes', () => expect(created(make({ minReplicas: 0 }))).toEqual(['spec.metrics', 'spec.minReplicas']));
  test('is allowed by the annotation, whatever the metrics are', () => {
    expect(created(make({ minReplicas: 0 }, { [SCALE_TO_ZERO_ANNOTATION]: 'true' }))).toEqual([]);
    expect(created(make({ minReplicas: 0 }, { [SCALE_TO_ZERO_ANNOTATION]: 'yes' }))).toEqual(['spec.metrics', 'spec.minReplicas']);
  });
  test('may stay where it is already', () => {
    const zero = make({ minReplicas: 0, metrics: [{ type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '1' } } }] });
    expect(updated(zero, zero)).toEqual([]);
    expect(updated(zero, make({}))).toEqual(['spec.minReplicas']);
  });
});

describe('the version of the target', () => {
  const to = (apiVersion: string, kind = 'Deployment'): HorizontalPodAutoscaler => make({ scaleTargetRef: { apiVersion, kind, name: 'web' } });
  test('names a group, but for ReplicationControllers', () => {
    expect(created(to('v1'))).toEqual(['spec.scaleTargetRef.apiVersion']);
    expect(created(to('v1', 'ReplicationController'))).toEqual([]);
    expect(created(to('a/b/c', 'ReplicationController'))).toEqual(['spec.scaleTargetRef.apiVersion']);
  });
  test('may stay as it is, if it is wrong', () => {
    expect(updated(to('v1'), to('v1'))).toEqual([]);
    expect(updated(to('v1'), to('apps/v1'))).toEqual(['spec.scaleTargetRef.apiVersion']);
  });
});

test('a tolerance is not negative; windows and periods are bounded', () => {
  const policies = [{ type: 'Pods', value: 1, periodSeconds: 1801 }];
  expect(created(make({ behavior: { scaleUp: { tolerance: '-10m', stabilizationWindowSeconds: 3601, policies } } }))).toEqual([
    'spec.behavior.scaleUp.stabilizationWindowSeconds',
    'spec.behavior.scaleUp.policies[0].periodSeconds',
    'spec.behavior.scaleUp.tolerance',
  ]);
});

test('a container resource is one that containers have', () => {
  const metric = (name: string): object => ({ type: 'ContainerResource', containerResource: { name, container: 'app', target: { type: 'AverageValue', averageValue: '1' } } });
  expect(created(make({ metrics: [metric('memory'), metric('example.com/gpu'), metric('pods')] }))).toEqual(['spec.metrics[2].containerResource.name']);
});
