import { type Controller, keyOf, millisOfTime, Pod, type PodCondition, timeOfMillis, watching } from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { isPodTerminal } from '../shared/pods.js';
import { DELETION_TIMEOUT_MS } from './plan.js';

/** Takes back the announcement that a pod will be disrupted when nobody deleted it (syncStalePodDisruption). */
export function staleDisruptionController(): Controller {
  return {
    name: 'stale-disruption',
    start: (setup) => {
      const pods = setup.informer(Pod).lister;
      return {
        watches: [watching({ kind: Pod, keys: (pod, _old, deleted) => (!deleted && announced(pod) !== undefined ? [keyOf(pod)] : []) })],
        reconcile: async (key, { client, clock }) => {
          const pod = pods.get(key);
          const condition = pod && announced(pod);
          if (pod === undefined || condition === undefined) return undefined;
          const left = (millisOfTime(condition.lastTransitionTime ?? '') ?? 0) + DELETION_TIMEOUT_MS - clock.now();
          if (left > 0) return { againAfterMs: left };
          const { lastProbeTime: _never, reason: _reason, message: _message, ...rest } = condition;
          const taken: PodCondition = { ...rest, status: 'False', lastTransitionTime: timeOfMillis(clock.now()) };
          const conditions = (pod.status?.conditions ?? []).map((one) => (one === condition ? taken : one));
          await goneIsFine(client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, conditions } }));
          return undefined;
        },
      };
    },
  };
}

function announced(pod: Pod): PodCondition | undefined {
  if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
  return pod.status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
}
