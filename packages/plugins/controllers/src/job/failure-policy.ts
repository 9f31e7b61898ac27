import type { ContainerStatus, Pod, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement } from '@orrery/core';

/** What a failed pod comes to. */
export interface FailureVerdict {
  /** The rule that matched says so; undefined when none did. */
  readonly action?: string;
  /** Whether it counts towards the back-off limits. */
  readonly counts: boolean;
  /** Why the whole Job fails, if it does. */
  readonly failsJob?: string;
}

const COUNTS: FailureVerdict = { counts: true };

/** Finds the first rule that matches a failed pod (matchPodFailurePolicy). Pure. */
export function judgeFailure(policy: PodFailurePolicy | undefined, pod: Pod): FailureVerdict {
  if (policy === undefined) return COUNTS;
  const { namespace = '', name = '' } = pod.metadata;
  for (const [i, { action, onExitCodes, onPodConditions = [] }] of policy.rules.entries()) {
    let why: string;
    if (onExitCodes !== undefined) {
      const container = failedContainer(pod, onExitCodes);
      if (container === undefined) continue;
      why = `Container ${container.name} for pod ${namespace}/${name} failed with exit code ${container.state?.terminated?.exitCode} matching ${action} rule at index ${i}`;
    } else {
      const condition = pod.status?.conditions?.find(({ type, status }) => onPodConditions.some((pattern) => pattern.type === type && pattern.status === status));
      if (condition === undefined) continue;
      why = `Pod ${namespace}/${name} has condition ${condition.type} matching ${action} rule at index ${i}`;
    }
    if (action === 'Ignore') return { action, counts: false };
    if (action === 'FailJob') return { action, counts: true, failsJob: why };
    if (action === 'FailIndex' || action === 'Count') return { action, counts: true };
  }
  return COUNTS;
}

/** The container whose exit code the rule means; containers that succeeded are never meant. */
function failedContainer({ status }: Pod, { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement): ContainerStatus | undefined {
  const matches = ({ name, state }: ContainerStatus): boolean => {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (containerName !== undefined && containerName !== name)) return false;
    return operator === 'In' ? values.includes(code) : operator === 'NotIn' && !values.includes(code);
  };
  return status?.containerStatuses?.find(matches) ?? status?.initContainerStatuses?.find(matches);
}
