import { HARD_EFFECTS, matchesNode, type Node, type PodTemplateSpec, type Toleration, untolerated } from '@orrery/core';

/** What becomes of a DaemonSet's pod on one node. */
export interface DaemonPlacement {
  /** A pod should be made there. */
  readonly shouldRun: boolean;
  /** One that is there already may stay. */
  readonly shouldContinueRunning: boolean;
}

const tolerate = (key: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect });

/** What daemons put up with on every node (daemon/util AddOrUpdateDaemonPodTolerations). */
const ALWAYS: readonly Toleration[] = [
  tolerate('not-ready', 'NoExecute'),
  tolerate('unreachable', 'NoExecute'),
  tolerate('disk-pressure', 'NoSchedule'),
  tolerate('memory-pressure', 'NoSchedule'),
  tolerate('pid-pressure', 'NoSchedule'),
  tolerate('unschedulable', 'NoSchedule'),
];
/** Those on the host's network do not wait for the pods' network either. */
const ON_HOST_NETWORK = tolerate('network-unavailable', 'NoSchedule');

/** The tolerations of a DaemonSet's pods: the template's own, and those that every daemon has. Pure. */
export function daemonTolerations({ spec }: Pick<PodTemplateSpec, 'spec'>): readonly Toleration[] {
  const tolerations = [...(spec.tolerations ?? [])];
  for (const added of spec.hostNetwork === true ? [...ALWAYS, ON_HOST_NETWORK] : ALWAYS) {
    const same = tolerations.findIndex(({ key, effect, operator, value = '' }) => key === added.key && effect === added.effect && operator === added.operator && value === '');
    if (same === -1) tolerations.push(added);
    else tolerations[same] = added;
  }
  return tolerations;
}

/** Whether a DaemonSet has a pod on a node (controller/daemon NodeShouldRunDaemonPod). Pure. */
export function daemonPlacement(template: Pick<PodTemplateSpec, 'spec'>, node: Node): DaemonPlacement {
  const { nodeName = '' } = template.spec;
  const fits = (nodeName === '' || nodeName === node.metadata.name) && matchesNode(template, node);
  if (!fits) return { shouldRun: false, shouldContinueRunning: false };
  const tolerations = daemonTolerations(template);
  const taints = node.spec?.taints;
  return {
    shouldRun: untolerated(taints, tolerations, HARD_EFFECTS) === undefined,
    shouldContinueRunning: untolerated(taints, tolerations, ['NoExecute']) === undefined,
  };
}
