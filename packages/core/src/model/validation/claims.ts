import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { PersistentVolumeClaimSpec } from '../kinds/claim-template.js';
import type { PersistentVolumeClaim } from '../kinds/persistent-volume-claim.js';
import { validateLabelSelector } from '../label-selector.js';
import { isDns1123Subdomain } from '../names.js';
import { compareQuantities, parseQuantity } from '../quantity.js';
import { invalidEach, oneOfIfSet } from './checks.js';
import type { Errors } from './checks.js';

// Claims for storage (ValidatePersistentVolumeClaim, ValidatePersistentVolumeClaimUpdate).

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
/** How the storage is seen. */
export const VOLUME_MODES = ['Block', 'Filesystem'];

/** What is wrong with a list of access modes. */
export function checkAccessModes(errors: Errors, field: string, modes: readonly string[]): void {
  if (modes.length === 0) errors.push(fieldError.required(field, 'at least 1 access mode is required'));
  for (const mode of modes) if (!ACCESS_MODES.includes(mode)) errors.push(fieldError.notSupported(field, mode, ACCESS_MODES));
  if (modes.includes('ReadWriteOncePod') && new Set(modes).size > 1) errors.push(fieldError.forbidden(field, 'may not use ReadWriteOncePod with other access modes'));
}

/** What is wrong with an amount of storage. */
export function checkStorage(errors: Errors, field: string, amount: string | undefined): void {
  const quantity = amount === undefined ? undefined : parseQuantity(amount);
  if (quantity === undefined) errors.push(fieldError.required(field));
  else if (quantity.unscaled <= 0n) errors.push(fieldError.invalid(field, amount, 'must be greater than zero'));
}

/** What is wrong with a claim. */
export function validateClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  checkClaimSpec(errors, 'spec', spec);
  return errors;
}

/** What is wrong with the spec of a claim at `field` (ValidatePersistentVolumeClaimSpec). */
export function checkClaimSpec(errors: Errors, field: string, spec: PersistentVolumeClaimSpec): void {
  checkAccessModes(errors, `${field}.accessModes`, spec.accessModes ?? []);
  if (spec.selector !== undefined) errors.push(...validateLabelSelector(spec.selector, `${field}.selector`));
  checkStorage(errors, `${field}.resources[storage]`, spec.resources?.requests?.['storage']);
  const { storageClassName = '' } = spec;
  if (storageClassName !== '') invalidEach(errors, `${field}.storageClassName`, storageClassName, isDns1123Subdomain(storageClassName));
  oneOfIfSet(errors, `${field}.volumeMode`, spec.volumeMode, VOLUME_MODES);
}

/** What is wrong with a change of a claim: once it names a volume only its size may grow. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  const [next, before] = [claim.spec, old.spec];
  const bound = old.status?.phase === 'Bound';
  const mutable = (spec: PersistentVolumeClaimSpec): object => ({
    ...spec,
    // A volume and a class may be set once.
    ...((before.volumeName ?? '') === '' && { volumeName: undefined }),
    ...(before.storageClassName === undefined && { storageClassName: undefined }),
    ...(bound && { resources: { ...spec.resources, requests: { ...spec.resources?.requests, storage: undefined } } }),
  });
  if (!equalJson(mutable(next), mutable(before))) {
    errors.push(fieldError.forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'));
    return errors;
  }
  const [asked, had] = [next, before].map(({ resources }) => parseQuantity(resources?.requests?.['storage'] ?? ''));
  if (asked !== undefined && had !== undefined && compareQuantities(asked, had) < 0) {
    errors.push(fieldError.forbidden('spec.resources.requests.storage', 'field can not be less than previous value'));
  }
  return errors;
}
