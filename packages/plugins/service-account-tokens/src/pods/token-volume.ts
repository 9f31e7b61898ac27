import { generateName, type Pod, type Random, type ServiceAccount } from '@orrery/core';
import { POD_TOKEN_SECONDS } from '../tokens/token-request.js';

/** Where programs look for their token, the certificates of the API server, and their namespace. */
export const ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME = 'kube-api-access-';

/** Whether a pod is given a token: the pod's own word counts before that of its account (ServiceAccount admission, shouldAutomount). */
export const wantsToken = (pod: Pod, account: ServiceAccount | undefined): boolean => pod.spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true;

/**
 * Gives a pod the volume with the token of its account, and mounts it in every container that has nothing of its own there. The draft is changed; nothing happens when all containers have.
 */
export function mountToken(pod: Pod, random: Random): void {
  const needing = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].filter(({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }) => mountPath === ACCOUNT_FOLDER));
  if (needing.length === 0) return;
  const known = pod.spec.volumes?.find(({ name }) => name.startsWith(VOLUME))?.name;
  const name = known ?? generateName(VOLUME, random);
  for (const container of needing) container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: ACCOUNT_FOLDER }];
  if (known === undefined) pod.spec.volumes = [...(pod.spec.volumes ?? []), tokenVolume(name)];
}

const tokenVolume = (name: string): NonNullable<Pod['spec']['volumes']>[number] => ({
  name,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: POD_TOKEN_SECONDS, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
  },
});
