import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { ResourceQuota, ResourceQuotaSpec } from '../kinds/resource-quota.js';
import { isQualifiedName } from '../names.js';
import { parseQuantity } from '../quantity.js';
import type { Quantity } from '../quantity.js';
import { invalidEach } from './checks.js';
import type { Errors } from './checks.js';

// Quotas: ValidateResourceQuota and its neighbours in pkg/apis/core/validation.

/** Scopes a quota may have. */
export const QUOTA_SCOPES = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity', 'VolumeAttributesClass'] as const;

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const OBJECTS = ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'];
const STANDARD: ReadonlySet<string> = new Set([...COMPUTE, ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]), 'requests.storage', ...OBJECTS]);
/** Counted, so whole. */
const WHOLE: ReadonlySet<string> = new Set(OBJECTS);
/** What a quota for pods without requests can count. */
const BEST_EFFORT: ReadonlySet<string> = new Set(['pods']);
const OF_PODS: ReadonlySet<string> = new Set(['pods', ...COMPUTE, ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`])]);
const EXCLUSIVE = [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']] as const;

/** What is wrong with a ResourceQuota. */
export function validateResourceQuota({ spec }: ResourceQuota): FieldError[] {
  const errors: FieldError[] = [];
  checkAmounts(errors, 'spec.hard', spec.hard);
  checkScopes(errors, spec);
  checkScopeSelector(errors, spec);
  return errors;
}

/** The scopes of a quota never change. */
export function validateResourceQuotaUpdate({ spec }: ResourceQuota, old: ResourceQuota): FieldError[] {
  const scopes = (quota: ResourceQuotaSpec): string[] => [...(quota.scopes ?? [])].sort();
  const errors: FieldError[] = equalJson(scopes(spec), scopes(old.spec)) ? [] : [fieldError.invalid('spec.scopes', spec.scopes, 'field is immutable')];
  if (!equalJson(spec.scopeSelector ?? null, old.spec.scopeSelector ?? null)) errors.push(fieldError.invalid('spec.scopeSelector', spec.scopeSelector, 'field is immutable'));
  return errors;
}

/** What is wrong with the status of a ResourceQuota. */
export function validateResourceQuotaStatus({ status }: ResourceQuota): FieldError[] {
  const errors: FieldError[] = [];
  checkAmounts(errors, 'status.hard', status?.hard);
  checkAmounts(errors, 'status.used', status?.used);
  return errors;
}

function checkAmounts(errors: Errors, field: string, amounts: Readonly<Record<string, string>> | undefined): void {
  for (const [name, text] of Object.entries(amounts ?? {})) {
    const at = `${field}[${name}]`;
    invalidEach(errors, at, name, isQualifiedName(name));
    if (!name.includes('/') && !STANDARD.has(name) && !/^(?:requests\.)?hugepages-./.test(name)) errors.push(fieldError.invalid(at, name, 'must be a standard resource for quota'));
    // The decoder has seen to it that it parses.
    const amount = parseQuantity(text) as Quantity;
    if (amount.unscaled < 0n) errors.push(fieldError.invalid(at, text, 'must be greater than or equal to 0'));
    const isWhole = WHOLE.has(name) || name.startsWith('count/');
    if (isWhole && amount.scale < 0 && amount.unscaled % 10n ** BigInt(-amount.scale) !== 0n) errors.push(fieldError.invalid(at, text, 'must be an integer'));
  }
}

function checkScopes(errors: Errors, { scopes = [], hard = {} }: ResourceQuotaSpec): void {
  for (const scope of scopes) {
    if (!(QUOTA_SCOPES as readonly string[]).includes(scope)) errors.push(fieldError.invalid('spec.scopes', scopes, `unsupported scope ${scope.slice(0, 100)}`));
    for (const name of Object.keys(hard)) {
      if (STANDARD.has(name) && !counts(scope, name)) errors.push(fieldError.invalid('spec.scopes', scopes, `unsupported scope ${scope.slice(0, 100)} applied to resource ${name}`));
    }
  }
  for (const pair of EXCLUSIVE) {
    if (pair.every((scope) => scopes.includes(scope))) errors.push(fieldError.invalid('spec.scopes', scopes, 'conflicting scopes'));
  }
}

/** Whether objects of a scope use a resource at all (IsResourceQuotaScopeValidForResource). */
function counts(scope: string, name: string): boolean {
  if (scope === 'BestEffort') return BEST_EFFORT.has(name);
  if (scope === 'VolumeAttributesClass') return name === 'persistentvolumeclaims' || name === 'requests.storage';
  return OF_PODS.has(name);
}

function checkScopeSelector(errors: Errors, { scopeSelector, hard = {} }: ResourceQuotaSpec): void {
  const expressions = scopeSelector?.matchExpressions ?? [];
  const at = 'spec.scopeSelector.matchExpressions';
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!(QUOTA_SCOPES as readonly string[]).includes(scopeName)) errors.push(fieldError.invalid(`${at}.scopeName`, scopeName, 'unsupported scope'));
    for (const name of Object.keys(hard)) {
      if (STANDARD.has(name) && !counts(scopeName, name)) errors.push(fieldError.invalid(at, expressions, `unsupported scope ${scopeName.slice(0, 100)} applied to resource ${name}`));
    }
    const takesValues = scopeName === 'PriorityClass' || scopeName === 'VolumeAttributesClass';
    if (!takesValues && operator !== 'Exists') errors.push(fieldError.invalid(`${at}.operator`, operator, 'must be Exists when scope is any of Terminating, NotTerminating, BestEffort, NotBestEffort or CrossNamespacePodAffinity'));
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(fieldError.required(`${at}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) errors.push(fieldError.invalid(`${at}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
    } else {
      errors.push(fieldError.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    }
  }
  const named = new Set(expressions.map(({ scopeName }) => scopeName));
  for (const pair of EXCLUSIVE) {
    if (pair.every((scope) => named.has(scope))) errors.push(fieldError.invalid(`${at}.scopeName`, [...named], 'conflicting scopes'));
  }
}
