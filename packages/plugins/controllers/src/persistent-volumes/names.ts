/** Annotations and finalizers by which binders, provisioners and schedulers speak to each other (k8s.io/component-helpers/storage/volume). */
export const STORAGE = {
  /** On a claim: it has been bound once, so a missing volume is a loss. */
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  /** On both: the binder made the bond, and may undo it. */
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  /** On a volume: who made it, and so removes it. */
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  /** On a claim: who is asked to make a volume for it. */
  provisioner: 'volume.kubernetes.io/storage-provisioner',
  /** On a claim: where its first pod runs. */
  selectedNode: 'volume.kubernetes.io/selected-node',
  /** On a storage class: claims that name none get this one. */
  defaultClass: 'storageclass.kubernetes.io/is-default-class',
  /** A class with it makes nothing. */
  noProvisioner: 'kubernetes.io/no-provisioner',
  claimProtection: 'kubernetes.io/pvc-protection',
  volumeProtection: 'kubernetes.io/pv-protection',
} as const;
