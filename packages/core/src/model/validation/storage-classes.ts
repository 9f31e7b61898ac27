import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { StorageClass } from '../kinds/storage-class.js';
import { isQualifiedName } from '../names.js';
import { invalidEach, oneOf, required } from './checks.js';

// Storage classes (ValidateStorageClass, ValidateStorageClassUpdate).

const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

/** What is wrong with a storage class. */
export function validateStorageClass({ provisioner, parameters = {}, reclaimPolicy, volumeBindingMode }: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  if (required(errors, 'provisioner', provisioner)) invalidEach(errors, 'provisioner', provisioner, isQualifiedName(provisioner.toLowerCase()));
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) errors.push(fieldError.tooMany('parameters', entries.length, MAX_PARAMETERS));
  if (entries.some(([name]) => name === '')) errors.push(fieldError.invalid('parameters', '', 'field can not be empty.'));
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > MAX_PARAMETER_BYTES) errors.push(fieldError.tooLong('parameters', MAX_PARAMETER_BYTES));
  oneOf(errors, 'reclaimPolicy', reclaimPolicy, ['Delete', 'Retain']);
  oneOf(errors, 'volumeBindingMode', volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  return errors;
}

/** What is wrong with a change of a storage class: volumes that exist were made by what it said. */
export function validateStorageClassUpdate(storageClass: StorageClass, old: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  if (!equalJson(storageClass.parameters, old.parameters)) errors.push(fieldError.forbidden('parameters', 'updates to parameters are forbidden.'));
  if (storageClass.provisioner !== old.provisioner) errors.push(fieldError.forbidden('provisioner', 'updates to provisioner are forbidden.'));
  if (storageClass.reclaimPolicy !== old.reclaimPolicy) errors.push(fieldError.forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
  if (storageClass.volumeBindingMode !== old.volumeBindingMode) errors.push(fieldError.invalid('volumeBindingMode', storageClass.volumeBindingMode ?? null, 'field is immutable'));
  return errors;
}
