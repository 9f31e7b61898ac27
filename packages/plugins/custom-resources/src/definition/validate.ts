import { equalJson, type FieldError, fieldError, isDns1035Label, isDns1123Subdomain } from '@orrery/core';
import { validateClientConfig } from '@orrery/webhook-client';
import { REVIEW_VERSIONS } from '../conversion/review.js';
import { parseJsonPath } from '../served/json-path.js';
import type { CustomResourceDefinition, DefinitionNames, DefinitionVersion } from './form.js';
import { validateStructuralSchema } from './structural.js';

const APPROVAL = 'api-approved.kubernetes.io';
const COLUMN_TYPES = ['integer', 'number', 'string', 'boolean', 'date'];

/** What is wrong with a definition (apiextensions ValidateCustomResourceDefinition). */
export function validateDefinition({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const { group, names, scope, versions, conversion, preserveUnknownFields } = spec;
  const errors: FieldError[] = [];
  if (metadata.name !== `${names.plural}.${group}`) errors.push(fieldError.invalid('metadata.name', metadata.name ?? '', 'must be spec.names.plural+"."+spec.group'));
  if (group === '') errors.push(fieldError.required('spec.group'));
  else {
    errors.push(...isDns1123Subdomain(group).map((text) => fieldError.invalid('spec.group', group, text)));
    if (!group.includes('.')) errors.push(fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'));
    if (/(^|\.)(k8s|kubernetes)\.io$/.test(group) && (metadata.annotations?.[APPROVAL] ?? '') === '') {
      errors.push(fieldError.required(`metadata.annotations[${APPROVAL}]`, `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`));
    }
  }
  if (scope === '') errors.push(fieldError.required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced') errors.push(fieldError.notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  errors.push(...validateNames(names));
  if (preserveUnknownFields === true) errors.push(fieldError.invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'));
  errors.push(...validateConversion(conversion));
  return [...errors, ...validateVersions(versions)];
}

/** How versions become others (ValidateCustomResourceConversion; its paths are those of the internal version). */
function validateConversion(conversion: CustomResourceDefinition['spec']['conversion']): FieldError[] {
  const path = 'spec.conversion';
  const { strategy, webhook } = conversion ?? {};
  if (strategy !== 'Webhook') {
    if (strategy !== 'None') return [fieldError.notSupported(`${path}.strategy`, strategy, ['None', 'Webhook'])];
    return webhook === undefined ? [] : [fieldError.forbidden(`${path}.webhook`, 'should not be set when strategy is not set to Webhook')];
  }
  const { clientConfig, conversionReviewVersions: versions = [] } = webhook ?? {};
  const errors = clientConfig === undefined ? [fieldError.required(`${path}.webhookClientConfig`, 'required when strategy is set to Webhook')] : validateClientConfig(clientConfig, `${path}.webhookClientConfig`);
  const at = `${path}.conversionReviewVersions`;
  if (versions.length === 0) return [...errors, fieldError.required(at, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(fieldError.invalid(`${at}[${i}]`, version, 'duplicate version'));
    else errors.push(...isDns1035Label(version).map((text) => fieldError.invalid(`${at}[${i}]`, version, text)));
  });
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) errors.push(fieldError.invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  return errors;
}

function validateNames({ plural, singular = '', kind, listKind = '', shortNames = [], categories = [] }: DefinitionNames): FieldError[] {
  const errors: FieldError[] = [];
  const label = (field: string, value: string): void => void errors.push(...isDns1035Label(value).map((text) => fieldError.invalid(field, value, text)));
  const mixed = (field: string, value: string): void =>
    void errors.push(...isDns1035Label(value.toLowerCase()).map((text) => fieldError.invalid(field, value, `may have mixed case, but should otherwise match: ${text}`)));
  if (plural === '') errors.push(fieldError.required('spec.names.plural'));
  else label('spec.names.plural', plural);
  if (singular !== '') label('spec.names.singular', singular);
  if (kind === '') errors.push(fieldError.required('spec.names.kind'));
  else mixed('spec.names.kind', kind);
  if (listKind === '') errors.push(fieldError.required('spec.names.listKind'));
  else mixed('spec.names.listKind', listKind);
  if (kind !== '' && kind === listKind) errors.push(fieldError.invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'));
  shortNames.forEach((name, i) => label(`spec.names.shortNames[${i}]`, name));
  categories.forEach((name, i) => label(`spec.names.categories[${i}]`, name));
  return errors;
}

function validateVersions(versions: readonly DefinitionVersion[]): FieldError[] {
  const errors: FieldError[] = versions.flatMap((version, i) => validateVersion(version, `spec.versions[${i}]`));
  if (versions.length === 0) return [fieldError.required('spec.versions', 'must have exactly one version marked as storage version')];
  if (versions.filter(({ storage }) => storage).length !== 1) errors.push(fieldError.invalid('spec.versions', versions.map(({ name }) => name), 'must have exactly one version marked as storage version'));
  if (new Set(versions.map(({ name }) => name)).size < versions.length) errors.push(fieldError.invalid('spec.versions', versions.map(({ name }) => name), 'must contain unique version names'));
  return errors;
}

function validateVersion({ name, schema, deprecated, deprecationWarning, subresources, additionalPrinterColumns = [], selectableFields = [] }: DefinitionVersion, path: string): FieldError[] {
  const errors: FieldError[] = isDns1035Label(name).map((text) => fieldError.invalid(`${path}.name`, name, text));
  if (deprecationWarning !== undefined && deprecated !== true) errors.push(fieldError.invalid(`${path}.deprecationWarning`, deprecationWarning, 'can only be set for deprecated versions'));
  const root = schema?.openAPIV3Schema;
  if (root === undefined) errors.push(fieldError.required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
  else errors.push(...validateStructuralSchema(root, `${path}.schema.openAPIV3Schema`));
  const { scale } = subresources ?? {};
  if (scale !== undefined) {
    errors.push(...simplePath(`${path}.subresources.scale.specReplicasPath`, scale.specReplicasPath, ['.spec.']));
    errors.push(...simplePath(`${path}.subresources.scale.statusReplicasPath`, scale.statusReplicasPath, ['.status.']));
    if (scale.labelSelectorPath !== undefined) errors.push(...simplePath(`${path}.subresources.scale.labelSelectorPath`, scale.labelSelectorPath, ['.spec.', '.status.']));
  }
  additionalPrinterColumns.forEach((column, i) => {
    const at = `${path}.additionalPrinterColumns[${i}]`;
    if (column.name === '') errors.push(fieldError.required(`${at}.name`));
    if (column.type === '') errors.push(fieldError.required(`${at}.type`, `must be one of ${COLUMN_TYPES.join(',')}`));
    else if (!COLUMN_TYPES.includes(column.type)) errors.push(fieldError.invalid(`${at}.type`, column.type, `must be one of ${COLUMN_TYPES.join(',')}`));
    const parsed = parseJsonPath(column.jsonPath);
    if (column.jsonPath === '') errors.push(fieldError.required(`${at}.jsonPath`));
    else if (typeof parsed === 'string') errors.push(fieldError.invalid(`${at}.jsonPath`, column.jsonPath, `malformed path in JSON: ${parsed}`));
  });
  if (selectableFields.length > 8) errors.push(fieldError.tooMany(`${path}.selectableFields`, selectableFields.length, 8));
  selectableFields.forEach(({ jsonPath }, i) => errors.push(...simplePath(`${path}.selectableFields[${i}].jsonPath`, jsonPath, ['.'])));
  return errors;
}

/** A path through fields only. */
function simplePath(field: string, path: string, starts: readonly string[]): FieldError[] {
  if (path === '') return [fieldError.required(field, `should be a json path under ${starts.join(' or ').replace(/\.(?= |$)/g, '')}`)];
  if (!/^(\.[A-Za-z_][\w-]*)+$/.test(path)) return [fieldError.invalid(field, path, 'must be a simple json path: fields only')];
  return starts.some((start) => path.startsWith(start)) ? [] : [fieldError.invalid(field, path, `should be a json path under ${starts.map((start) => start.slice(0, -1)).join(' or ')}`)];
}

/** What is wrong with a change: what names the objects that there are stays as it is. */
export function validateDefinitionUpdate({ spec, status }: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const immutable = (field: string, value: unknown, before: unknown): FieldError[] => (equalJson(value, before) ? [] : [fieldError.invalid(field, value, 'field is immutable')]);
  return [
    ...immutable('spec.group', spec.group, old.spec.group),
    ...immutable('spec.names.plural', spec.names.plural, old.spec.names.plural),
    ...immutable('spec.names.kind', spec.names.kind, old.spec.names.kind),
    ...immutable('spec.scope', spec.scope, old.spec.scope),
    ...storedErrors(spec.versions, status?.storedVersions),
  ];
}

/** What is wrong with a status. */
export const validateDefinitionStatus = ({ spec, status }: CustomResourceDefinition): FieldError[] => storedErrors(spec.versions, status?.storedVersions);

const storedErrors = (versions: readonly DefinitionVersion[], stored: readonly string[] = []): FieldError[] =>
  stored.flatMap((name, i) => (versions.some((version) => version.name === name) ? [] : [fieldError.invalid(`status.storedVersions[${i}]`, name, 'missing from spec.versions; must be kept until all objects that were stored so have been stored in another')]));
