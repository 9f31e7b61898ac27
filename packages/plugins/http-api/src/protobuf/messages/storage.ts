/** Messages of storage.k8s.io/v1. For the notation see `../messages.ts`. */
export const STORAGE = `
StorageClass:
  1 metadata meta.ObjectMeta, 2 provisioner string, 3 parameters map string, 4 reclaimPolicy *string, 5 mountOptions []string,
  6 allowVolumeExpansion *bool, 7 volumeBindingMode *string, 8 allowedTopologies []core.TopologySelectorTerm
VolumeAttachment:
  1 metadata meta.ObjectMeta, 2 spec VolumeAttachmentSpec, 3 status VolumeAttachmentStatus
VolumeAttachmentSpec:
  1 attacher string, 2 source VolumeAttachmentSource, 3 nodeName string
VolumeAttachmentSource:
  1 persistentVolumeName *string, 2 inlineVolumeSpec *core.PersistentVolumeSpec
VolumeAttachmentStatus:
  1 attached bool, 2 attachmentMetadata map string, 3 attachError *VolumeError, 4 detachError *VolumeError
VolumeError:
  1 time Time, 2 message? string, 3 errorCode *int
CSIDriver:
  1 metadata meta.ObjectMeta, 2 spec CSIDriverSpec
CSIDriverSpec:
  1 attachRequired *bool, 2 podInfoOnMount *bool, 3 volumeLifecycleModes []string, 4 storageCapacity *bool, 5 fsGroupPolicy *string,
  6 tokenRequests []TokenRequest, 7 requiresRepublish *bool, 8 seLinuxMount *bool, 9 nodeAllocatableUpdatePeriodSeconds *int,
  10 serviceAccountTokenInSecrets *bool, 11 preventPodSchedulingIfMissing *bool
TokenRequest:
  1 audience string, 2 expirationSeconds *int
CSINode:
  1 metadata meta.ObjectMeta, 2 spec CSINodeSpec
CSINodeSpec:
  1 drivers []CSINodeDriver
CSINodeDriver:
  1 name string, 2 nodeID string, 3 topologyKeys []string, 4 allocatable *VolumeNodeResources
VolumeNodeResources:
  1 count *int
CSIStorageCapacity:
  1 metadata meta.ObjectMeta, 2 nodeTopology *meta.LabelSelector, 3 storageClassName string, 4 capacity *Quantity, 5 maximumVolumeSize *Quantity
VolumeAttributesClass:
  1 metadata meta.ObjectMeta, 2 driverName string, 3 parameters map string
`;
