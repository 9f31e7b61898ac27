import {
  ApiError, type Controller, keyOf, type Lister, Node, type ObjectKey, PersistentVolume, PersistentVolumeClaim, type ReconcileContext, StorageClass, watching,
} from '@orrery/core';

/** Who makes these volumes, as storage classes name it. */
export const PROVISIONER = 'orrery.dev/local-path';
/** On a Node, as annotation: the folder below which it keeps such volumes; as label (`true`): that it keeps any. A node without them offers none. */
export const NODE_FOLDER = 'orrery.dev/local-volumes';
/** On a volume: its folder is still there. The node's agent takes it off when it has removed the folder. */
export const FOLDER_FINALIZER = 'orrery.dev/local-path';

const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const ASKED = 'volume.kubernetes.io/storage-provisioner';
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
const HOSTNAME = 'kubernetes.io/hostname';
const MODES: ReadonlySet<string> = new Set(['ReadWriteOnce', 'ReadWriteOncePod']);
/** Label of a volume: on which node its folder is. By it the node's agent finds what it keeps, and may see no other. */
const KEPT_BY = 'orrery.dev/node';
/** Keys of volumes have no namespace; the mark keeps them apart from claims. */
const VOLUME = 'volume:';

/** What a claim gets: a volume, or the reason why not. */
export type Provision = { readonly volume: PersistentVolume } | { readonly reason: string };

/** The volume for a claim whose first pod runs on this node. Pure. */
export function planProvision(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): Provision {
  const root = node.metadata.annotations?.[NODE_FOLDER];
  const { name: nodeName = '' } = node.metadata;
  if (root === undefined || !root.startsWith('/')) return { reason: `node "${nodeName}" keeps no local volumes: it has no annotation ${NODE_FOLDER}` };
  const other = (claim.spec.accessModes ?? []).find((mode) => !MODES.has(mode));
  if (other !== undefined) return { reason: `a folder of one node cannot be used ${other}; ask for ReadWriteOnce` };
  if (claim.spec.volumeMode === 'Block') return { reason: 'a folder cannot be used as a block device' };
  if (claim.spec.selector !== undefined) return { reason: 'claims with a selector are for volumes that exist' };
  const name = `pvc-${claim.metadata.uid ?? ''}`;
  const hostname = node.metadata.labels?.[HOSTNAME] ?? nodeName;
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, labels: { [KEPT_BY]: nodeName }, annotations: { [PROVISIONED_BY]: PROVISIONER }, finalizers: [FOLDER_FINALIZER] },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: [...(claim.spec.accessModes ?? [])],
      volumeMode: 'Filesystem',
      storageClassName: storageClass.metadata.name ?? '',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: claim.metadata.namespace ?? 'default', name: claim.metadata.name ?? '', uid: claim.metadata.uid ?? '' },
      local: { path: `${root.replace(/\/+$/, '')}/${name}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [hostname] }] }] } },
    },
  };
  return { volume: volume as unknown as PersistentVolume };
}

/** Makes a volume for each claim that asks this provisioner, and has those removed whose claims are gone. */
export function localPathProvisioner(): Controller {
  return {
    name: 'local-path-provisioner',
    start: (setup) => {
      const claims = setup.informer(PersistentVolumeClaim).lister;
      const volumes = setup.informer(PersistentVolume).lister;
      const parts: Parts = { volumes, classes: setup.informer(StorageClass).lister, nodes: setup.informer(Node).lister };
      return {
        watches: [
          watching({ kind: PersistentVolumeClaim, keys: (claim, _old, deleted) => (!deleted && isAsked(claim) ? [keyOf(claim)] : []) }),
          watching({ kind: PersistentVolume, keys: (volume, _old, deleted): readonly ObjectKey[] => (!deleted && isOver(volume) ? [`${VOLUME}${keyOf(volume)}`] : []) }),
        ],
        reconcile: (key, context) => (key.startsWith(VOLUME) ? remove(volumes.get(key.slice(VOLUME.length)), context) : provision(claims.get(key), parts, context)),
      };
    },
  };
}

interface Parts {
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
  readonly nodes: Lister<Node>;
}

const isAsked = ({ metadata, spec }: PersistentVolumeClaim): boolean => metadata.annotations?.[ASKED] === PROVISIONER && (spec.volumeName ?? '') === '' && metadata.deletionTimestamp === undefined;

/** Its claim is gone, and so goes what was made for it. */
const isOver = ({ metadata, spec, status }: PersistentVolume): boolean =>
  metadata.annotations?.[PROVISIONED_BY] === PROVISIONER && status?.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete' && metadata.deletionTimestamp === undefined;

async function provision(claim: PersistentVolumeClaim | undefined, { volumes, classes, nodes }: Parts, { client, events }: ReconcileContext): Promise<void> {
  if (claim === undefined || !isAsked(claim) || volumes.get(`pvc-${claim.metadata.uid}`) !== undefined) return;
  const storageClass = classes.get(claim.spec.storageClassName ?? '');
  const nodeName = claim.metadata.annotations?.[SELECTED_NODE];
  const node = nodeName === undefined ? undefined : nodes.get(nodeName);
  const plan: Provision =
    storageClass === undefined
      ? { reason: `storage class "${claim.spec.storageClassName}" not found` }
      : node === undefined
        ? { reason: 'the claim names no node; its class has to wait for the first consumer (volumeBindingMode: WaitForFirstConsumer)' }
        : planProvision(claim, storageClass, node);
  if ('reason' in plan) {
    events.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${claim.spec.storageClassName}": ${plan.reason}`);
    return;
  }
  try {
    await client.kind(PersistentVolume).create(plan.volume);
  } catch (error) {
    // An earlier try made it, and its answer was lost: the name is the claim's own.
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
  }
  events.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${plan.volume.metadata.name}`);
}

async function remove(volume: PersistentVolume | undefined, { client }: ReconcileContext): Promise<void> {
  if (volume === undefined || !isOver(volume)) return;
  const { name = '', uid = '' } = volume.metadata;
  try {
    await client.kind(PersistentVolume).delete({ name }, { preconditions: { uid } });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
