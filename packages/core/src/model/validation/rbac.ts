import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from '../kinds/rbac.js';
import { validateLabelSelector } from '../label-selector.js';
import { isDns1123Subdomain, isValidPathSegmentName } from '../names.js';
import { invalidEach, required } from './checks.js';
import type { Errors } from './checks.js';

// Access control: pkg/apis/rbac/validation.

const GROUP = 'rbac.authorization.k8s.io';

/** What is wrong with a Role. */
export function validateRole({ rules }: Role): FieldError[] {
  const errors: FieldError[] = [];
  rules.forEach((rule, i) => checkRule(errors, `rules[${i}]`, rule, true));
  return errors;
}

/** What is wrong with a ClusterRole. */
export function validateClusterRole({ rules, aggregationRule }: ClusterRole): FieldError[] {
  const errors: FieldError[] = [];
  rules.forEach((rule, i) => checkRule(errors, `rules[${i}]`, rule, false));
  if (aggregationRule === undefined) return errors;
  const { clusterRoleSelectors = [] } = aggregationRule;
  if (clusterRoleSelectors.length === 0) errors.push(fieldError.required('aggregationRule.clusterRoleSelectors', 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  clusterRoleSelectors.forEach((selector, i) => {
    const field = `aggregationRule.clusterRoleSelectors[${i}]`;
    const wrong = validateLabelSelector(selector, field);
    errors.push(...wrong);
    if (wrong.length > 0) errors.push(fieldError.invalid(field, selector, 'invalid label selector.'));
  });
  return errors;
}

/** What is wrong with a RoleBinding. */
export function validateRoleBinding({ roleRef, subjects = [] }: RoleBinding): FieldError[] {
  return bindingErrors(roleRef, subjects, ['Role', 'ClusterRole'], true);
}

/** What is wrong with a ClusterRoleBinding. */
export function validateClusterRoleBinding({ roleRef, subjects = [] }: ClusterRoleBinding): FieldError[] {
  return bindingErrors(roleRef, subjects, ['ClusterRole'], false);
}

/** A binding gives the same role as long as it lives: who may change subjects could else give any role to those that are there. */
export function validateRoleRefUpdate({ roleRef }: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding): FieldError[] {
  return equalJson(roleRef, old.roleRef) ? [] : [fieldError.invalid('roleRef', roleRef, 'cannot change roleRef')];
}

function checkRule(errors: Errors, field: string, { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule, isNamespaced: boolean): void {
  if (verbs.length === 0) errors.push(fieldError.required(`${field}.verbs`, 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    if (isNamespaced) errors.push(fieldError.invalid(`${field}.nonResourceURLs`, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
      errors.push(fieldError.invalid(`${field}.nonResourceURLs`, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return;
  }
  if (apiGroups.length === 0) errors.push(fieldError.required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  if (resources.length === 0) errors.push(fieldError.required(`${field}.resources`, 'resource rules must supply at least one resource'));
}

function bindingErrors({ apiGroup, kind, name }: RoleRef, subjects: readonly Subject[], kinds: readonly string[], isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (apiGroup !== GROUP) errors.push(fieldError.notSupported('roleRef.apiGroup', apiGroup, [GROUP]));
  if (!kinds.includes(kind)) errors.push(fieldError.notSupported('roleRef.kind', kind, kinds));
  if (required(errors, 'roleRef.name', name)) invalidEach(errors, 'roleRef.name', name, isValidPathSegmentName(name));
  subjects.forEach((subject, i) => checkSubject(errors, `subjects[${i}]`, subject, isNamespaced));
  return errors;
}

function checkSubject(errors: Errors, field: string, { kind, apiGroup = '', name, namespace = '' }: Subject, isNamespaced: boolean): void {
  const isNamed = required(errors, `${field}.name`, name);
  switch (kind) {
    case 'ServiceAccount':
      if (isNamed) invalidEach(errors, `${field}.name`, name, isDns1123Subdomain(name));
      if (apiGroup !== '') errors.push(fieldError.notSupported(`${field}.apiGroup`, apiGroup, ['']));
      if (!isNamespaced && namespace === '') errors.push(fieldError.required(`${field}.namespace`));
      return;
    case 'User':
    case 'Group':
      if (apiGroup !== GROUP) errors.push(fieldError.notSupported(`${field}.apiGroup`, apiGroup, [GROUP]));
      return;
    default:
      errors.push(fieldError.notSupported(`${field}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
  }
}
