import type { ContainerStatus, Pod, PodCondition } from '@orrery/core';
import { isSidecar } from './phase.js';

/** A condition without its times. */
export type Verdict = Pick<PodCondition, 'type' | 'status'> & { readonly reason?: string; readonly message?: string };

/** What conditions are computed from. */
export interface ConditionInput {
  readonly pod: Pick<Pod, 'spec'>;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly phase: string;
  /** A regular container has been started before. */
  readonly initialized: boolean;
  /** Conditions of readiness gates, set by others. */
  readonly foreign: readonly PodCondition[];
}

/** Initialized, ContainersReady and Ready, as the kubelet's status/generate.go makes them. Pure. */
export function readinessConditions(input: ConditionInput): { readonly initialized: Verdict; readonly containersReady: Verdict; readonly ready: Verdict } {
  const containersReady = containersReadyVerdict(input);
  return { initialized: initializedVerdict(input), containersReady, ready: readyVerdict(input, containersReady) };
}

function initializedVerdict({ pod, initStatuses, phase, initialized }: ConditionInput): Verdict {
  const type = 'Initialized';
  const { unknown, wanting } = sort(pod.spec.initContainers ?? [], initStatuses, (container, status) => (isSidecar(container) ? status.started === true : status.ready));
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'True', reason: 'PodCompleted' };
  if (initialized) return { type, status: 'True' };
  const message = complaint(unknown, 'containers with unknown status', wanting, 'containers with incomplete status');
  return message === '' ? { type, status: 'True' } : { type, status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReadyVerdict({ pod, initStatuses, statuses, phase }: ConditionInput): Verdict {
  const type = 'ContainersReady';
  const containers = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
  const { unknown, wanting } = sort(containers, [...initStatuses, ...statuses], (_container, status) => status.ready);
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const message = complaint(unknown, 'containers with unknown status', wanting, 'containers with unready status');
  return message === '' ? { type, status: 'True' } : { type, status: 'False', reason: 'ContainersNotReady', message };
}

function readyVerdict({ pod, foreign }: ConditionInput, containersReady: Verdict): Verdict {
  const type = 'Ready';
  if (containersReady.status !== 'True') return { ...containersReady, type };
  const unmet = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = foreign.find((c) => c.type === conditionType);
    if (condition === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return condition.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  return unmet.length === 0 ? { type, status: 'True' } : { type, status: 'False', reason: 'ReadinessGatesNotReady', message: unmet.join(', ') };
}

function sort<C extends { readonly name: string }>(
  containers: readonly C[],
  statuses: readonly ContainerStatus[],
  good: (container: C, status: ContainerStatus) => boolean,
): { readonly unknown: string[]; readonly wanting: string[] } {
  const unknown: string[] = [];
  const wanting: string[] = [];
  for (const container of containers) {
    const status = statuses.find((candidate) => candidate.name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (!good(container, status)) wanting.push(container.name);
  }
  return { unknown, wanting };
}

function complaint(unknown: readonly string[], unknownText: string, wanting: readonly string[], wantingText: string): string {
  const parts = [];
  if (unknown.length > 0) parts.push(`${unknownText}: [${unknown.join(' ')}]`);
  if (wanting.length > 0) parts.push(`${wantingText}: [${wanting.join(' ')}]`);
  return parts.join(', ');
}

/** Carries over the time of the last transition where the status did not change. */
export function withTransition(verdict: Verdict, before: readonly PodCondition[], now: string): PodCondition {
  const known = before.find((condition) => condition.type === verdict.type);
  const lastTransitionTime = known !== undefined && known.status === verdict.status ? (known.lastTransitionTime ?? now) : now;
  return { ...verdict, lastTransitionTime };
}
