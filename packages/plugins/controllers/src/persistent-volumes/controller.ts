import {
  type Controller, keyOf, type Lister, Node, type ObjectKey, PersistentVolume, PersistentVolumeClaim, Pod, type ReconcileContext, StorageClass, watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { isPodTerminal } from '../shared/pods.js';
import { STORAGE } from './names.js';
import { type ClaimStep, planClaimStep, planVolumeStep, type VolumeStep } from './plan.js';

const CLAIM_INDEX = 'persistent-volumes.claim';
const VOLUME_INDEX = 'persistent-volumes.claimRef';
/** Keys of volumes have no namespace; the mark keeps them apart from claims. */
const VOLUME = 'volume:';

/** The claims a pod uses, as keys. */
export function claimKeys({ metadata, spec }: Pod): readonly ObjectKey[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => (persistentVolumeClaim === undefined ? [] : [`${metadata.namespace ?? 'default'}/${persistentVolumeClaim.claimName}`]));
}

const podOptions = { indexes: { [CLAIM_INDEX]: (pod: Pod): readonly string[] => (isPodTerminal(pod) ? [] : claimKeys(pod)) } };
const NAMED_INDEX = 'persistent-volumes.volumeName';
/** By the volume they name; those that name none under the empty name. */
const claimOptions = { indexes: { [NAMED_INDEX]: ({ spec }: PersistentVolumeClaim): readonly string[] => [spec.volumeName ?? ''] } };
const volumeOptions = { indexes: { [VOLUME_INDEX]: ({ spec }: PersistentVolume): readonly string[] => (spec.claimRef === undefined ? [] : [`${spec.claimRef.namespace}/${spec.claimRef.name}`]) } };

/** Brings claims and volumes together, and takes the protection off what nobody uses any more. */
export function persistentVolumeController(): Controller {
  return {
    name: 'persistent-volumes',
    start: (setup) => {
      const claims = setup.informer(PersistentVolumeClaim, claimOptions).lister;
      const volumes = setup.informer(PersistentVolume, volumeOptions).lister;
      const pods = setup.informer(Pod, podOptions).lister;
      const parts: Parts = { claims, volumes, pods, classes: setup.informer(StorageClass).lister, nodes: setup.informer(Node).lister };
      const naming = (volume: string): readonly ObjectKey[] => claims.byIndex(NAMED_INDEX, volume).map(keyOf);
      const pending = (): readonly ObjectKey[] => naming('');
      return {
        watches: [
          watching({ kind: PersistentVolumeClaim, informer: claimOptions, keys: (claim, _old, deleted) => [...(deleted ? [] : [keyOf(claim)]), ...volumes.byIndex(VOLUME_INDEX, keyOf(claim)).map((volume) => `${VOLUME}${keyOf(volume)}`)] }),
          watching({
            kind: PersistentVolume,
            informer: volumeOptions,
            // A free volume may be what some claim waits for; so may one that a claim asked for by its name.
            keys: (volume, _old, deleted) => [
              ...(deleted ? [] : [`${VOLUME}${keyOf(volume)}`]),
              ...(volume.spec.claimRef === undefined ? pending() : [`${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`]),
              ...naming(volume.metadata.name ?? ''),
            ],
          }),
          watching({ kind: StorageClass, keys: (_class, _old, deleted) => (deleted ? [] : pending()) }),
          watching({ kind: Pod, informer: podOptions, keys: (pod, old, deleted) => (deleted || old === undefined || old.spec.nodeName !== pod.spec.nodeName || isPodTerminal(pod) ? claimKeys(pod) : []) }),
        ],
        reconcile: (key, context) => (key.startsWith(VOLUME) ? reconcileVolume(volumes.get(key.slice(VOLUME.length)), parts, context) : reconcileClaim(claims.get(key), parts, context)),
      };
    },
  };
}

interface Parts {
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly pods: Lister<Pod>;
  readonly classes: Lister<StorageClass>;
  readonly nodes: Lister<Node>;
}

async function reconcileClaim(claim: PersistentVolumeClaim | undefined, { volumes, pods, classes, nodes }: Parts, context: ReconcileContext): Promise<void> {
  if (claim === undefined) return;
  const users = pods.byIndex(CLAIM_INDEX, keyOf(claim));
  if (claim.metadata.deletionTimestamp !== undefined && users.length === 0) return unprotect(PersistentVolumeClaim, claim, STORAGE.claimProtection, context);
  const nodeName = users.find(({ spec }) => (spec.nodeName ?? '') !== '')?.spec.nodeName;
  const node = nodeName === undefined ? undefined : nodes.get(nodeName);
  await applyToClaim(claim, planClaimStep({ claim, volumes: volumes.list(), classes: classes.list(), ...(node !== undefined && { node }) }), context);
}

async function applyToClaim(claim: PersistentVolumeClaim, step: ClaimStep, { client, events }: ReconcileContext): Promise<void> {
  const claims = client.kind(PersistentVolumeClaim);
  const annotated = (annotations: Record<string, string>): PersistentVolumeClaim['metadata'] => ({ ...claim.metadata, annotations: { ...claim.metadata.annotations, ...annotations } });
  switch (step.do) {
    case 'nothing':
      return;
    case 'wait':
      events.event(claim, step.type, step.reason, step.message);
      return;
    case 'setClass':
      await goneIsFine(claims.update({ ...claim, spec: { ...claim.spec, storageClassName: step.name } }));
      return;
    case 'bindVolume': {
      const { volume } = step;
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: claim.metadata.namespace ?? 'default', name: claim.metadata.name ?? '', uid: claim.metadata.uid ?? '' };
      const metadata = volume.spec.claimRef === undefined ? { ...volume.metadata, annotations: { ...volume.metadata.annotations, [STORAGE.boundByController]: 'yes' } } : volume.metadata;
      await goneIsFine(client.kind(PersistentVolume).update({ ...volume, metadata, spec: { ...volume.spec, claimRef } }));
      return;
    }
    case 'bindClaim': {
      const name = step.volume.metadata.name ?? '';
      const byUs = (claim.spec.volumeName ?? '') === '' ? { [STORAGE.boundByController]: 'yes' } : {};
      await goneIsFine(claims.update({ ...claim, metadata: annotated({ ...byUs, [STORAGE.bindCompleted]: 'yes' }), spec: { ...claim.spec, volumeName: name } }));
      return;
    }
    case 'setPhase': {
      const { volume, phase } = step;
      const held = volume === undefined ? {} : { accessModes: [...(volume.spec.accessModes ?? [])], capacity: { ...volume.spec.capacity } };
      await goneIsFine(claims.updateStatus({ ...claim, status: { ...claim.status, phase, ...held } }));
      if (phase === 'Lost') events.event(claim, 'Warning', 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
      return;
    }
    case 'askProvisioner':
      await goneIsFine(claims.update({ ...claim, metadata: annotated({ [STORAGE.provisioner]: step.provisioner, ...(step.node !== undefined && { [STORAGE.selectedNode]: step.node }) }) }));
  }
}

async function reconcileVolume(volume: PersistentVolume | undefined, { claims }: Parts, context: ReconcileContext): Promise<void> {
  if (volume === undefined) return;
  const { claimRef } = volume.spec;
  const claim = claimRef === undefined ? undefined : await certainly(claims.get(`${claimRef.namespace}/${claimRef.name}`), claimRef, context);
  const step = planVolumeStep(volume, claim);
  const bound = claim !== undefined && claim.metadata.uid === claimRef?.uid;
  if (volume.metadata.deletionTimestamp !== undefined && !bound) return unprotect(PersistentVolume, volume, STORAGE.volumeProtection, context);
  await applyToVolume(volume, step, context);
}

/** The cache of claims may be behind the volume's; a volume is not to be released because of that. */
async function certainly(claim: PersistentVolumeClaim | undefined, { namespace, name = '', uid }: NonNullable<PersistentVolume['spec']['claimRef']>, { client }: ReconcileContext): Promise<PersistentVolumeClaim | undefined> {
  return claim !== undefined && claim.metadata.uid === uid ? claim : client.kind(PersistentVolumeClaim).find({ namespace, name });
}

async function applyToVolume(volume: PersistentVolume, step: VolumeStep, { client }: ReconcileContext): Promise<void> {
  const volumes = client.kind(PersistentVolume);
  if (step.do === 'setPhase') await goneIsFine(volumes.updateStatus({ ...volume, status: { ...volume.status, phase: step.phase } }));
  if (step.do === 'letGo') await goneIsFine(volumes.update(step.volume));
}

async function unprotect<K extends typeof PersistentVolumeClaim | typeof PersistentVolume>(kind: K, object: PersistentVolumeClaim | PersistentVolume, finalizer: string, { client }: ReconcileContext): Promise<void> {
  const { finalizers = [] } = object.metadata;
  if (!finalizers.includes(finalizer)) return;
  const next = { ...object, metadata: { ...object.metadata, finalizers: finalizers.filter((name) => name !== finalizer) } };
  await goneIsFine(kind === PersistentVolumeClaim ? client.kind(PersistentVolumeClaim).update(next as PersistentVolumeClaim) : client.kind(PersistentVolume).update(next as PersistentVolume));
}
