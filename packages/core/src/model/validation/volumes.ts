import { fieldError } from '../field-error.js';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume } from '../kinds/volumes.js';
import { isDns1123Label, isDns1123Subdomain } from '../names.js';
import { descendingPath, invalidEach, oneOfIfSet, required, withoutBacksteps } from './checks.js';
import type { Errors } from './checks.js';
import { checkFieldRef, checkResourceFieldRef, VOLUME_FIELDS } from './env.js';
import { parseQuantity } from '../quantity.js';

// Volumes of a pod (ValidateVolumes).

const HOST_PATH_TYPES = ['DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

/** What is wrong with volumes. Returns the names of those that mounts may use. */
export function checkVolumes(errors: Errors, field: string, volumes: readonly Volume[]): ReadonlySet<string> {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const at = `${field}[${i}]`;
    const before = errors.length;
    checkSource(errors, at, volume);
    if (required(errors, `${at}.name`, volume.name)) {
      invalidEach(errors, `${at}.name`, volume.name, isDns1123Label(volume.name));
      if (names.has(volume.name)) errors.push(fieldError.duplicate(`${at}.name`, volume.name));
    }
    if (errors.length === before) names.add(volume.name);
  });
  return names;
}

function checkSource(errors: Errors, field: string, volume: Volume): void {
  const [first, ...others] = Object.keys(volume).filter((key) => key !== 'name' && volume[key as keyof Volume] !== undefined);
  if (first === undefined) errors.push(fieldError.required(field, 'must specify a volume type'));
  for (const other of others) errors.push(fieldError.forbidden(`${field}.${other}`, 'may not specify more than 1 volume type'));
  const { emptyDir, hostPath, configMap, secret, downwardAPI, projected, persistentVolumeClaim, nfs, csi } = volume;
  if (emptyDir?.sizeLimit !== undefined && (parseQuantity(emptyDir.sizeLimit)?.unscaled ?? 0n) < 0n) {
    errors.push(fieldError.forbidden(`${field}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  }
  if (hostPath !== undefined) {
    if (required(errors, `${field}.hostPath.path`, hostPath.path)) withoutBacksteps(errors, `${field}.hostPath.path`, hostPath.path);
    oneOfIfSet(errors, `${field}.hostPath.type`, hostPath.type, HOST_PATH_TYPES);
  }
  if (configMap !== undefined) {
    required(errors, `${field}.configMap.name`, configMap.name);
    checkFiles(errors, `${field}.configMap`, configMap.defaultMode, configMap.items);
  }
  if (secret !== undefined) {
    required(errors, `${field}.secret.secretName`, secret.secretName);
    checkFiles(errors, `${field}.secret`, secret.defaultMode, secret.items);
  }
  if (downwardAPI !== undefined) {
    checkMode(errors, `${field}.downwardAPI.defaultMode`, downwardAPI.defaultMode);
    checkDownward(errors, `${field}.downwardAPI`, downwardAPI.items);
  }
  if (projected !== undefined) checkProjected(errors, `${field}.projected`, projected);
  if (persistentVolumeClaim !== undefined) required(errors, `${field}.persistentVolumeClaim.claimName`, persistentVolumeClaim.claimName);
  if (nfs !== undefined) {
    required(errors, `${field}.nfs.server`, nfs.server);
    if (required(errors, `${field}.nfs.path`, nfs.path) && !nfs.path.startsWith('/')) errors.push(fieldError.invalid(`${field}.nfs.path`, nfs.path, 'must be an absolute path'));
  }
  if (csi !== undefined && required(errors, `${field}.csi.driver`, csi.driver)) {
    if (csi.driver.length > 63) errors.push(fieldError.tooLong(`${field}.csi.driver`, 63));
    invalidEach(errors, `${field}.csi.driver`, csi.driver, isDns1123Subdomain(csi.driver.toLowerCase()));
  }
}

function checkMode(errors: Errors, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(fieldError.invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
}

function checkFiles(errors: Errors, field: string, defaultMode: number | undefined, items: readonly KeyToPath[] | undefined): void {
  checkMode(errors, `${field}.defaultMode`, defaultMode);
  items?.forEach((item, i) => {
    // Kubernetes leaves the index out here.
    required(errors, `${field}.items[${i}].key`, item.key);
    if (required(errors, `${field}.items[${i}].path`, item.path)) checkFilePath(errors, `${field}.items[${i}].path`, item.path);
    checkMode(errors, `${field}.items[${i}].mode`, item.mode);
  });
}

function checkFilePath(errors: Errors, field: string, path: string): void {
  descendingPath(errors, field, path);
  if (path.startsWith('..') && path !== '..' && !path.startsWith('../')) errors.push(fieldError.invalid(field, path, "must not start with '..'"));
}

function checkDownward(errors: Errors, field: string, items: readonly DownwardAPIVolumeFile[] | undefined): void {
  items?.forEach((file) => {
    if (required(errors, `${field}.path`, file.path)) checkFilePath(errors, `${field}.path`, file.path);
    const { fieldRef, resourceFieldRef } = file;
    if (fieldRef !== undefined) {
      checkFieldRef(errors, `${field}.fieldRef`, fieldRef, VOLUME_FIELDS);
      if (resourceFieldRef !== undefined) errors.push(fieldError.invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (resourceFieldRef !== undefined) checkResourceFieldRef(errors, `${field}.resourceFieldRef`, resourceFieldRef, true);
    else errors.push(fieldError.required(field, 'one of fieldRef and resourceFieldRef is required'));
    checkMode(errors, `${field}.mode`, file.mode);
  });
}

function checkProjected(errors: Errors, field: string, { defaultMode, sources }: ProjectedVolumeSource): void {
  checkMode(errors, `${field}.defaultMode`, defaultMode);
  const paths = new Set<string>();
  sources.forEach((source, i) => {
    const at = `${field}.sources[${i}]`;
    const before = errors.length;
    let found = 0;
    const first = (member: string): boolean => {
      found += 1;
      if (found > 1) errors.push(fieldError.forbidden(`${at}.${member}`, 'may not specify more than 1 volume type per source'));
      return found === 1;
    };
    const { secret, configMap, downwardAPI, serviceAccountToken: token, clusterTrustBundle, podCertificate } = source;
    for (const [member, files] of [['secret', secret], ['configMap', configMap]] as const) {
      if (files === undefined || !first(member)) continue;
      required(errors, `${at}.${member}.name`, files.name);
      checkFiles(errors, `${at}.${member}`, undefined, files.items);
    }
    if (downwardAPI !== undefined && first('downwardAPI')) checkDownward(errors, `${at}.downwardAPI`, downwardAPI.items);
    if (token !== undefined && first('serviceAccountToken')) checkToken(errors, `${at}.serviceAccountToken`, token);
    if (clusterTrustBundle !== undefined) first('clusterTrustBundle');
    if (podCertificate !== undefined) first('podCertificate');
    if (found === 0) errors.push(fieldError.required(at, 'must specify one of the source types'));
    if (errors.length > before) return;
    for (const path of [...[secret, configMap, downwardAPI].flatMap((files) => (files?.items ?? []).map((item) => item.path)), ...(token === undefined ? [] : [token.path])]) {
      if (paths.has(path)) errors.push(fieldError.invalid(field, path, 'conflicting duplicate paths'));
      paths.add(path);
    }
  });
}

function checkToken(errors: Errors, field: string, token: { readonly expirationSeconds?: number | undefined; readonly path: string }): void {
  const seconds = token.expirationSeconds ?? MIN_TOKEN_SECONDS;
  if (seconds < MIN_TOKEN_SECONDS) errors.push(fieldError.invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > MAX_TOKEN_SECONDS) errors.push(fieldError.invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (token.path === '') errors.push(fieldError.required(`${field}.path`));
  else checkFilePath(errors, `${field}.path`, token.path);
}
