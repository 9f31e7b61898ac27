import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { PersistentVolume, PersistentVolumeSpec } from '../kinds/persistent-volume.js';
import { checkAccessModes, checkStorage, VOLUME_MODES } from './claims.js';
import { oneOf, oneOfIfSet, required, subdomainIfSet, withoutBacksteps } from './checks.js';
import type { Errors } from './checks.js';

// Volumes (ValidatePersistentVolume, ValidatePersistentVolumeUpdate).

const SOURCES = ['hostPath', 'local', 'csi', 'nfs', 'fc', 'awsElasticBlockStore', 'gcePersistentDisk', 'azureDisk', 'vsphereVolume'] as const satisfies readonly (keyof PersistentVolumeSpec)[];
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

/** What is wrong with a volume. */
export function validateVolume({ spec }: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  checkAccessModes(errors, 'spec.accessModes', spec.accessModes ?? []);
  const { capacity = {} } = spec;
  if (Object.keys(capacity).length === 0) errors.push(fieldError.required('spec.capacity'));
  else if (Object.keys(capacity).length !== 1 || capacity['storage'] === undefined) errors.push(fieldError.notSupported('spec.capacity', Object.keys(capacity).join(), ['storage']));
  else checkStorage(errors, 'spec.capacity[storage]', capacity['storage']);
  oneOf(errors, 'spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, RECLAIM_POLICIES);
  oneOfIfSet(errors, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  if ((spec.storageClassName ?? '') !== '') subdomainIfSet(errors, 'spec.storageClassName', spec.storageClassName);
  checkSource(errors, spec);
  return errors;
}

function checkSource(errors: Errors, spec: PersistentVolumeSpec): void {
  const given = SOURCES.filter((source) => spec[source] !== undefined);
  if (given.length === 0) errors.push(fieldError.required('spec', 'must specify a volume type'));
  for (const source of given.slice(1)) errors.push(fieldError.forbidden(`spec.${source}`, 'may not specify more than 1 volume type'));
  const { hostPath, local, csi, nfs, nodeAffinity, persistentVolumeReclaimPolicy } = spec;
  if (hostPath !== undefined && required(errors, 'spec.hostPath.path', hostPath.path)) withoutBacksteps(errors, 'spec.hostPath.path', hostPath.path);
  if (hostPath?.path === '/' && persistentVolumeReclaimPolicy === 'Recycle') errors.push(fieldError.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  if (local !== undefined) {
    if (required(errors, 'spec.local.path', local.path)) withoutBacksteps(errors, 'spec.local.path', local.path);
    if (nodeAffinity?.required === undefined) errors.push(fieldError.required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  if (csi !== undefined) {
    required(errors, 'spec.csi.driver', csi.driver);
    required(errors, 'spec.csi.volumeHandle', csi.volumeHandle);
  }
  if (nfs !== undefined) {
    required(errors, 'spec.nfs.server', nfs.server);
    if (required(errors, 'spec.nfs.path', nfs.path) && !nfs.path.startsWith('/')) errors.push(fieldError.invalid('spec.nfs.path', nfs.path, 'must be an absolute path'));
  }
}

/** What is wrong with a change of a volume: where it lies never changes, and which nodes reach it is set once. */
export function validateVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const sources = (spec: PersistentVolumeSpec): object => Object.fromEntries(SOURCES.map((source) => [source, spec[source]]));
  if (!equalJson(sources(volume.spec), sources(old.spec))) errors.push(fieldError.forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  if (volume.spec.volumeMode !== old.spec.volumeMode) errors.push(fieldError.invalid('spec.volumeMode', volume.spec.volumeMode ?? null, 'field is immutable'));
  if (old.spec.nodeAffinity !== undefined && !equalJson(volume.spec.nodeAffinity, old.spec.nodeAffinity)) {
    errors.push(fieldError.invalid('spec.nodeAffinity', volume.spec.nodeAffinity ?? null, 'field is immutable'));
  }
  return errors;
}
