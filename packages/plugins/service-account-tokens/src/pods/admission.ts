import { type Admission, type Client, type Pod, type Random, ServiceAccount } from '@orrery/core';
import { mountToken, wantsToken } from './token-volume.js';

const MIRROR = 'kubernetes.io/config.mirror';
const DEFAULT_ACCOUNT = 'default';

/**
 * Gives new pods the token of their account as a volume, unless pod or account say no (the part of the admission plugin ServiceAccount about tokens). Pods whose account is not there are left as they are:
 * whether they may be is for others to say.
 */
export function tokenAdmission(sources: () => { readonly client: Client; readonly random: Random }): Admission {
  return {
    name: 'ServiceAccountToken',
    handles: ({ operation, kind, ref }) => operation === 'CREATE' && kind.group === '' && kind.plural === 'pods' && ref.subresource === undefined,
    mutate: async ({ object }) => {
      const pod = object as Pod;
      // It runs already, whatever the API server says.
      if (pod.metadata.annotations?.[MIRROR] !== undefined || pod.spec.automountServiceAccountToken === false) return;
      const { client, random } = sources();
      const given = pod.spec.serviceAccountName ?? '';
      const name = given === '' ? DEFAULT_ACCOUNT : given;
      const account = await client.kind(ServiceAccount).find({ namespace: pod.metadata.namespace ?? '', name });
      if (account === undefined || !wantsToken(pod, account)) return;
      pod.spec.serviceAccountName = name;
      pod.spec.serviceAccount = name;
      mountToken(pod, random);
    },
  };
}
