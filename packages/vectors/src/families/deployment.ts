import { type Deployment, type IntOrString, type ReplicaSet, timeOfMillis } from '@orrery/core';
import {
  calculateStatus,
  isComplete,
  isSaturated,
  maxSurge,
  maxUnavailable,
  minAvailable,
  newSetReplicas,
  planRollingStep,
  planScale,
  resized,
  resolveFenceposts,
} from '@orrery/controllers';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds the deployment controller's plans against what kube-controller-manager's did.

interface SetInput {
  readonly name: string;
  readonly replicas: number;
  readonly available: number;
  readonly desiredAnnotation?: number;
  readonly maxAnnotation?: number;
}

interface Input {
  readonly op: string;
  readonly replicas: number;
  readonly maxSurge: IntOrString;
  readonly maxUnavailable: IntOrString;
  readonly newRS: SetInput;
  readonly oldRSs: readonly SetInput[] | null;
  readonly newPodsAvailablePerStep: number;
}

const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
const NOW = Date.UTC(2026, 0, 1);

/** Fence posts, rolling steps, proportional scaling, whole rollouts and the status. */
export const deployment: Family = { family: 'deployment', files: ['deployment'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  const vector = input as unknown as Input;
  const runs = OPS[vector.op];
  return runs === undefined ? 'not run' : compare(runs(vector, expected), expected);
}

const OPS: Readonly<Record<string, (input: Input, expected: VectorCase['expected']) => unknown>> = {
  fenceposts: (input) => {
    try {
      const { surge, unavailable } = resolveFenceposts(input.maxSurge, input.maxUnavailable, input.replicas);
      const subject = deploymentOf(input);
      return { error: false, surge, unavailable, maxSurge: maxSurge(subject), maxUnavailable: maxUnavailable(subject), minAvailable: minAvailable(subject) };
    } catch (error) {
      if (error instanceof RangeError) return { error: true };
      throw error;
    }
  },
  rollingStep: (input) => {
    const { subject, newSet, oldSets } = scene(input);
    const step = planRollingStep(subject, newSet, oldSets);
    return { acted: step.acted, newRSNewReplicas: newSetReplicas(subject, [...oldSets, newSet], newSet), sizes: sizesAfter([...oldSets, newSet], step.resizes) };
  },
  scale: (input, expected) => {
    const { subject, newSet, oldSets } = scene(input);
    const resizes = planScale(subject, newSet, oldSets);
    const after = [...oldSets, newSet].map((set) => {
      const resize = resizes.find((one) => one.set === set);
      return resize === undefined ? set : resized(subject, set, resize.replicas);
    });
    const annotations = after.map(({ metadata }) => [metadata.name, `${metadata.annotations?.[DESIRED] ?? ''}/${metadata.annotations?.[MAX] ?? ''}`]);
    return {
      sizes: sizesAfter(after, []),
      annotations: Object.fromEntries(annotations) as unknown,
      ...(expected['saturated'] !== undefined && { saturated: isSaturated(subject, newSet) }),
    };
  },
  rollout: (input, expected) => rollout(input, (expected['trace'] as readonly unknown[]).length + 1),
  status: (input) => {
    const { subject, newSet, oldSets } = scene(input);
    const status = calculateStatus(subject, newSet, oldSets, NOW);
    const available = status.conditions?.find(({ type }) => type === 'Available');
    return {
      available: `${available?.status}/${available?.reason}`,
      availableReplicas: status.availableReplicas ?? 0,
      complete: isComplete(subject, status),
      readyReplicas: status.readyReplicas ?? 0,
      replicas: status.replicas ?? 0,
      unavailableReplicas: status.unavailableReplicas ?? 0,
      updatedReplicas: status.updatedReplicas ?? 0,
    };
  },
};

/** One pass, then some new pods become available, until the rollout is done; `limit` ends one that does not. */
function rollout(input: Input, limit: number): unknown {
  const subject = deploymentOf(input);
  let old: SetInput = { name: 'old', replicas: input.replicas, available: input.replicas };
  let fresh: SetInput = { name: 'new', replicas: 0, available: 0 };
  const trace: unknown[] = [];
  while (trace.length < limit) {
    const [newSet, oldSet] = [setOf(fresh, 1), setOf(old, 0)];
    const { acted, resizes } = planRollingStep(subject, newSet, [oldSet]);
    const sizes = sizesAfter([oldSet, newSet], resizes);
    fresh = { ...fresh, replicas: sizes['new'] ?? 0 };
    old = { ...old, replicas: sizes['old'] ?? 0, available: Math.min(old.available, sizes['old'] ?? 0) };
    trace.push({ acted, new: fresh.replicas, newAvailable: fresh.available, old: old.replicas, oldAvailable: old.available });
    if (acted === 'none' && fresh.available === input.replicas && old.replicas === 0) break;
    fresh = { ...fresh, available: Math.min(fresh.replicas, fresh.available + input.newPodsAvailablePerStep) };
  }
  return { trace };
}

function scene(input: Input): { subject: Deployment; newSet: ReplicaSet; oldSets: ReplicaSet[] } {
  const old = input.oldRSs ?? [];
  return { subject: deploymentOf(input), newSet: setOf(input.newRS, old.length), oldSets: old.map(setOf) };
}

const sizesAfter = (sets: readonly ReplicaSet[], resizes: readonly { readonly set: ReplicaSet; readonly replicas: number }[]): Record<string, number> =>
  Object.fromEntries(sets.map((set) => [set.metadata.name ?? '', resizes.find((one) => one.set === set)?.replicas ?? set.spec.replicas ?? 0]));

function deploymentOf(input: Input): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default', generation: 1 },
    spec: {
      replicas: input.replicas,
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [] } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: input.maxSurge, maxUnavailable: input.maxUnavailable } },
    },
  };
}

/** `age` counts up from the oldest. */
function setOf({ name, replicas, available, desiredAnnotation, maxAnnotation }: SetInput, age: number): ReplicaSet {
  const annotations = {
    ...(desiredAnnotation !== undefined && { [DESIRED]: String(desiredAnnotation) }),
    ...(maxAnnotation !== undefined && { [MAX]: String(maxAnnotation) }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'default', creationTimestamp: timeOfMillis(NOW + age * 1000), annotations },
    spec: { replicas, selector: { matchLabels: { app: 'x' } }, template: { spec: { containers: [] } } },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}
