import { isVolumeFor, type Node, type PersistentVolume, type PersistentVolumeClaim, reachesVolume, value, volumesFor } from '@orrery/core';

/** The volume a claim gets of those there are, within reach of the node if one is given. Pure. */
export const findVolume = (claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], node?: Node): PersistentVolume | undefined =>
  volumesFor(claim, volumes).find((volume) => node === undefined || reachesVolume(node, volume));

/** The volume that was made or reserved for a claim, if it satisfies it; of whatever class it is (component-helpers FindMatchingVolume). Pure. */
export const ownVolume = (claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): PersistentVolume | undefined =>
  volumes.find((volume) => volume.spec.claimRef !== undefined && isVolumeFor(volume, claim) && shortcoming(volume, claim) === undefined);

/** Why a volume that nobody has is not for the claim that names it (checkVolumeSatisfyClaim); undefined when it is. Pure. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  return (volume.spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '') ? shortcoming(volume, claim) : 'storageClassName does not match';
}

function shortcoming({ metadata, spec }: PersistentVolume, { spec: { accessModes = [], resources, volumeMode } }: PersistentVolumeClaim): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return `the volume is marked for deletion "${metadata.name}"`;
  if (value(spec.capacity?.['storage'] ?? '0') < value(resources?.requests?.['storage'] ?? '0')) return 'requested PV is too small';
  if ((spec.volumeMode ?? 'Filesystem') !== (volumeMode ?? 'Filesystem')) return 'incompatible volumeMode';
  return accessModes.every((mode) => spec.accessModes?.includes(mode)) ? undefined : 'incompatible accessMode';
}
