import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { validateLabels } from '../label-selector.js';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../names.js';
import type { ObjectMeta, OwnerReference } from '../object.js';

// What metadata of any kind must be: apimachinery/pkg/api/validation/objectmeta.go and the additions of core/validation.

/** Checks a name, or with `prefix` the beginning of one. Returns what is wrong. */
export type NameRule = (name: string, prefix: boolean) => string[];

/** How metadata is to be checked. */
export interface MetaRules {
  readonly namespaced: boolean;
  /** Default: a DNS-1123 subdomain. */
  readonly validateName?: NameRule;
  /** Finalizers may be any qualified names: those of Kubernetes' own kinds are standard ones or have a prefix. */
  readonly anyFinalizer?: boolean;
}

const MAX_ANNOTATIONS_BYTES = 256 * 1024;
const STANDARD_FINALIZERS: readonly string[] = ['kubernetes', 'orphan', 'foregroundDeletion'];
const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Turns a rule on whole names into one on names and on prefixes: what generateName appends makes a trailing dash good. */
export function nameRule(check: (name: string) => string[]): NameRule {
  return (name, prefix) => check(prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -1)}a` : name);
}

const subdomainName = nameRule(isDns1123Subdomain);

/** What is wrong with the metadata of a new object. `field` is the path of the metadata. */
export function validateObjectMeta(meta: ObjectMeta, rules: MetaRules, field = 'metadata'): FieldError[] {
  const { validateName = subdomainName } = rules;
  const errors: FieldError[] = [];
  const { name = '', generateName = '', namespace = '' } = meta;
  if (generateName !== '') for (const message of validateName(generateName, true)) errors.push(fieldError.invalid(`${field}.generateName`, generateName, message));
  if (name === '') errors.push(fieldError.required(`${field}.name`, 'name or generateName is required'));
  else for (const message of validateName(name, false)) errors.push(fieldError.invalid(`${field}.name`, name, message));
  if (!rules.namespaced) {
    if (namespace !== '') errors.push(fieldError.forbidden(`${field}.namespace`, 'not allowed on this type'));
  } else if (namespace === '') errors.push(fieldError.required(`${field}.namespace`));
  else for (const message of isDns1123Label(namespace)) errors.push(fieldError.invalid(`${field}.namespace`, namespace, message));
  if ((meta.generation ?? 0) < 0) errors.push(fieldError.invalid(`${field}.generation`, meta.generation, 'must be greater than or equal to 0'));
  if (meta.labels !== undefined) errors.push(...validateLabels(meta.labels, `${field}.labels`));
  if (meta.annotations !== undefined) errors.push(...validateAnnotations(meta.annotations, `${field}.annotations`));
  if (meta.ownerReferences !== undefined) errors.push(...validateOwners(meta.ownerReferences, `${field}.ownerReferences`));
  if (meta.finalizers !== undefined) errors.push(...validateFinalizers(meta.finalizers, `${field}.finalizers`, rules.anyFinalizer === true));
  meta.managedFields?.forEach((entry, i) => {
    const at = `${field}.managedFields[${i}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') errors.push(fieldError.invalid(`${at}.operation`, entry.operation, 'must be `Apply` or `Update`'));
    if ((entry.fieldsType ?? '') !== '' && entry.fieldsType !== 'FieldsV1') errors.push(fieldError.invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    if ((entry.manager ?? '').length > 128) errors.push(fieldError.tooLong(`${at}.manager`, 128));
  });
  return errors;
}

/** What is wrong with a change of metadata, apart from what the new state alone is checked for. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, field = 'metadata'): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
    if (added.length > 0) errors.push(fieldError.forbidden(`${field}.finalizers`, `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`));
  }
  if (meta.generation !== undefined && meta.generation < (old.generation ?? 0)) errors.push(fieldError.invalid(`${field}.generation`, meta.generation, 'must not be decremented'));
  for (const key of IMMUTABLE) {
    if ((meta[key] ?? '') !== (old[key] ?? '')) errors.push(fieldError.invalid(`${field}.${key}`, meta[key], 'field is immutable'));
  }
  return errors;
}

/** What is wrong with annotations. */
export function validateAnnotations(annotations: Readonly<Record<string, string>>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // Keys are checked in lower case: annotations were case-insensitive once.
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(fieldError.invalid(field, key, message));
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total > MAX_ANNOTATIONS_BYTES) errors.push(fieldError.tooLong(field, MAX_ANNOTATIONS_BYTES));
  return errors;
}

function validateOwners(owners: readonly OwnerReference[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const owner of owners) {
    const version = owner.apiVersion.split('/').at(-1) ?? '';
    if (version === '' || owner.apiVersion.split('/').length > 2) errors.push(fieldError.invalid(`${field}.apiVersion`, owner.apiVersion, 'version must not be empty'));
    if (owner.kind === '') errors.push(fieldError.invalid(`${field}.kind`, owner.kind, 'must not be empty'));
    if (owner.name === '') errors.push(fieldError.invalid(`${field}.name`, owner.name, 'must not be empty'));
    if (owner.uid === '') errors.push(fieldError.invalid(`${field}.uid`, owner.uid, 'must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.push(fieldError.invalid(field, owner, '/v1, Kind=Event is disallowed from being an owner'));
  }
  const controllers = owners.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const names = controllers.map((owner) => `${owner.kind}/${owner.name}`).join(' and ');
    errors.push(fieldError.invalid(field, owners, `Only one reference can have Controller set to true. Found "true" in references for ${names}`));
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[], field: string, any: boolean): FieldError[] {
  const errors: FieldError[] = [];
  finalizers.forEach((finalizer, i) => {
    for (const message of isQualifiedName(finalizer)) errors.push(fieldError.invalid(field, finalizer, message));
    if (!any && !finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer)) {
      errors.push(fieldError.invalid(`${field}[${i}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
  });
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(fieldError.invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}
