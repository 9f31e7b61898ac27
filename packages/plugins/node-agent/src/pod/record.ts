import { ApiError, type Client, Pod } from '@orrery/core';

/** Where it is written down what becomes of a pod. */
export interface PodRecord {
  /** Replaces the pod's status; resolves with the pod as it is then. */
  writeStatus(pod: Pod): Promise<Pod>;
  /** Nothing of the pod is left on the node. */
  forget(pod: Pod): Promise<void>;
}

/** The API, where pods come from ordinarily. */
export const apiRecord = (client: Client): PodRecord => ({
  writeStatus: (pod) => client.kind(Pod).updateStatus(pod),
  forget: async ({ metadata: { namespace, name = '', uid = '' } }) => {
    try {
      await client.kind(Pod).delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
    }
  },
});
