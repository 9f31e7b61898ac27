import { type Node, type PersistentVolume, type PersistentVolumeClaim, reachesVolume, volumesFor } from '@orrery/core';

/** The volume a claim gets of those there are, within reach of the node if one is given. Pure. */
export const findVolume = (claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], node?: Node): PersistentVolume | undefined =>
  volumesFor(claim, volumes).find((volume) => node === undefined || reachesVolume(node, volume));
