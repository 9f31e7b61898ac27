import { type Client, Pod, timeOfMillis } from '@orrery/core';

const READY_SINCE = timeOfMillis(Date.UTC(2026, 0, 1));

/** One round of a scheduler and kubelets that do their duty: pods are bound, become ready, and go when they are told to. Changes nothing when all is done. */
export async function playKubelet(client: Client): Promise<void> {
  const pods = client.kind(Pod);
  for (const pod of (await pods.list()).items) {
    const { namespace, name = '', uid = '', deletionTimestamp } = pod.metadata;
    const ref = { namespace, name };
    if (deletionTimestamp !== undefined) await pods.delete(ref, { gracePeriodSeconds: 0, preconditions: { uid } });
    else if ((pod.spec.nodeName ?? '') === '') await client.bind({ ...ref, uid }, pinnedNode(pod) ?? 'n1');
    else if (pod.status?.phase === 'Pending') {
      await pods.updateStatus({ ...pod, status: { ...pod.status, phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: READY_SINCE }] } });
    }
  }
}

/** The one node a pod may go to, as pods of DaemonSets say it. */
export function pinnedNode({ spec }: Pod): string | undefined {
  const [term] = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return term?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0];
}
