import { type Check, counted, quoted, sorted } from './check.js';

const ALLOWED = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'] as const;
const NAMED = [
  'hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'nfs', 'iscsi', 'glusterfs', 'rbd', 'flexVolume', 'cinder', 'cephfs', 'flocker', 'fc', 'azureFile', 'vsphereVolume', 'quobyte', 'azureDisk',
  'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos',
] as const;

/** Kinds of volumes: only those without rights on the node. */
export const restrictedVolumes: Check = {
  id: 'restrictedVolumes',
  level: 'restricted',
  overrides: 'hostPathVolumes',
  since: [
    [0, ({ spec }) => {
      const bad = (spec.volumes ?? []).filter((volume) => !ALLOWED.some((type) => volume[type] !== undefined));
      if (bad.length === 0) return undefined;
      const types = sorted(bad.map((volume) => NAMED.find((type) => volume[type] !== undefined) ?? 'unknown'));
      const names = bad.map(({ name }) => name);
      const what = counted('restricted volume type', 'restricted volume types', types.length);
      return { reason: 'restricted volume types', detail: `${counted('volume', 'volumes', names.length)} ${quoted(names)} ${counted('uses', 'use', names.length)} ${what} ${quoted(types)}` };
    }],
  ],
};
