import type { Pod } from '@orrery/core';
import { allContainers } from '../pod/view.js';

/** An object that a pod takes values from. */
export interface Reference {
  readonly kind: 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim';
  readonly namespace: string;
  readonly name: string;
}

/** The ConfigMaps, Secrets and claims that environments, volumes and credentials for images of a pod come from, each once (kubelet's configmap and secret managers register the same). Pure. */
export function referencesOf(pod: Pod): readonly Reference[] {
  const namespace = pod.metadata.namespace ?? 'default';
  const found = new Map<string, Reference>();
  const add = (kind: Reference['kind'], name: string | undefined): void => {
    if (name !== undefined && name !== '') found.set(`${kind}/${name}`, { kind, namespace, name });
  };
  for (const { env = [], envFrom = [] } of allContainers(pod)) {
    for (const { valueFrom } of env) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name);
      add('Secret', valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('ConfigMap', configMapRef?.name);
      add('Secret', secretRef?.name);
    }
  }
  for (const { configMap, secret, projected, persistentVolumeClaim } of pod.spec.volumes ?? []) {
    add('ConfigMap', configMap?.name);
    add('Secret', secret?.secretName);
    add('PersistentVolumeClaim', persistentVolumeClaim?.claimName);
    for (const source of projected?.sources ?? []) {
      add('ConfigMap', source.configMap?.name);
      add('Secret', source.secret?.name);
    }
  }
  for (const { name } of pod.spec.imagePullSecrets ?? []) add('Secret', name);
  return [...found.values()];
}
