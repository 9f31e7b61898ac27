import { type FieldError, fieldError, isDns1035Label, isDns1123Subdomain, isQualifiedName, validateLabelSelector } from '@orrery/core';
import { validateClientConfig } from '@orrery/webhook-client';
import { compileCondition } from '../matching/conditions.js';
import type { MatchCondition, RuleWithOperations, Webhook } from './forms.js';

const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MAX_CONDITIONS = 64;

/** What is wrong with the webhooks of a configuration (admissionregistration ValidateMutatingWebhookConfiguration, ValidateValidatingWebhookConfiguration). */
export function validateConfiguration(webhooks: readonly Webhook[], mutates: boolean): FieldError[] {
  const names = new Set<string>();
  return webhooks.flatMap((webhook, i) => {
    const path = `webhooks[${i}]`;
    const errors = [...validateWebhook(webhook, path, mutates), ...validateVersions(webhook.admissionReviewVersions, `${path}.admissionReviewVersions`)];
    if (webhook.name !== '' && names.has(webhook.name)) errors.push(fieldError.duplicate(`${path}.name`, webhook.name));
    names.add(webhook.name);
    return errors;
  });
}

function validateWebhook(webhook: Webhook, path: string, mutates: boolean): FieldError[] {
  const { name, rules = [], failurePolicy, matchPolicy, sideEffects, timeoutSeconds, namespaceSelector, objectSelector, clientConfig, matchConditions = [], reinvocationPolicy } = webhook;
  const errors = validateFullName(name, `${path}.name`);
  const oneOf = (field: string, value: string | undefined, known: readonly string[]): void => {
    if (value !== undefined && !known.includes(value)) errors.push(fieldError.notSupported(`${path}.${field}`, value, known));
  };
  rules.forEach((rule, i) => errors.push(...validateRule(rule, `${path}.rules[${i}]`)));
  oneOf('failurePolicy', failurePolicy, ['Fail', 'Ignore']);
  oneOf('matchPolicy', matchPolicy, ['Equivalent', 'Exact']);
  if (sideEffects === undefined) errors.push(fieldError.required(`${path}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
  oneOf('sideEffects', sideEffects, ['None', 'NoneOnDryRun']);
  if (timeoutSeconds !== undefined && (timeoutSeconds > 30 || timeoutSeconds < 1)) errors.push(fieldError.invalid(`${path}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'));
  if (namespaceSelector !== undefined) errors.push(...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`));
  if (objectSelector !== undefined) errors.push(...validateLabelSelector(objectSelector, `${path}.objectSelector`));
  if (mutates) oneOf('reinvocationPolicy', reinvocationPolicy, ['IfNeeded', 'Never']);
  errors.push(...validateClientConfig(clientConfig, `${path}.clientConfig`));
  return [...errors, ...validateConditions(matchConditions, `${path}.matchConditions`)];
}

/** A name with a domain (IsFullyQualifiedName). */
function validateFullName(name: string, path: string): FieldError[] {
  if (name === '') return [fieldError.required(path)];
  const wrong = isDns1123Subdomain(name);
  if (wrong.length > 0) return [fieldError.invalid(path, name, wrong.join(','))];
  return name.split('.').length < 3 ? [fieldError.invalid(path, name, 'should be a domain with at least three segments separated by dots')] : [];
}

function validateVersions(versions: readonly string[], path: string): FieldError[] {
  if (versions.length === 0) return [fieldError.required(path, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  const errors: FieldError[] = [];
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(fieldError.invalid(`${path}[${i}]`, version, 'duplicate version'));
    else errors.push(...isDns1035Label(version).map((text) => fieldError.invalid(`${path}[${i}]`, version, text)));
  });
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) errors.push(fieldError.invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  return errors;
}

function validateRule({ operations = [], apiGroups = [], apiVersions = [], resources = [], scope }: RuleWithOperations, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const alone = (field: string, values: readonly string[], others: string): void => {
    if (values.length > 1 && values.includes('*')) errors.push(fieldError.invalid(`${path}.${field}`, values, `if '*' is present, must not specify other ${others}`));
  };
  if (operations.length === 0) errors.push(fieldError.required(`${path}.operations`));
  alone('operations', operations, 'operations');
  operations.forEach((operation, i) => (OPERATIONS.includes(operation) ? undefined : errors.push(fieldError.notSupported(`${path}.operations[${i}]`, operation, OPERATIONS))));
  if (apiGroups.length === 0) errors.push(fieldError.required(`${path}.apiGroups`));
  alone('apiGroups', apiGroups, 'API groups');
  if (apiVersions.length === 0) errors.push(fieldError.required(`${path}.apiVersions`));
  alone('apiVersions', apiVersions, 'API versions');
  apiVersions.forEach((version, i) => (version === '' ? errors.push(fieldError.required(`${path}.apiVersions[${i}]`)) : undefined));
  errors.push(...validateResources(resources, `${path}.resources`));
  const scopes = ['*', 'Cluster', 'Namespaced'];
  if (scope !== undefined && !scopes.includes(scope)) errors.push(fieldError.notSupported(`${path}.scope`, scope, scopes));
  return errors;
}

/** Names of resources must not say the same twice: once with a star, once without. */
function validateResources(resources: readonly string[], path: string): FieldError[] {
  if (resources.length === 0) return [fieldError.required(path)];
  const errors: FieldError[] = [];
  const [all, any] = [new Set<string>(), new Set<string>()];
  resources.forEach((name, i) => {
    if (name === '') return void errors.push(fieldError.required(`${path}[${i}]`));
    const slash = name.indexOf('/');
    if (slash < 0) return;
    const [resource, part] = [name.slice(0, slash), name.slice(slash + 1)];
    if (all.has(resource)) errors.push(fieldError.invalid(`${path}[${i}]`, name, `if '${resource}/*' is present, must not specify ${name}`));
    if (any.has(part)) errors.push(fieldError.invalid(`${path}[${i}]`, name, `if '*/${part}' is present, must not specify ${name}`));
    if (part === '*') all.add(resource);
    if (resource === '*') any.add(part);
  });
  if (resources.length > 1 && resources.includes('*/*')) errors.push(fieldError.invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && resources.some((name) => name !== '*' && name !== '' && !name.includes('/'))) {
    errors.push(fieldError.invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  }
  return errors;
}

function validateConditions(conditions: readonly MatchCondition[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (conditions.length > MAX_CONDITIONS) errors.push(fieldError.tooMany(path, conditions.length, MAX_CONDITIONS));
  const names = new Set<string>();
  conditions.slice(0, MAX_CONDITIONS).forEach(({ name, expression }, i) => {
    const at = `${path}[${i}]`;
    if (expression.trim() === '') errors.push(fieldError.required(`${at}.expression`));
    else {
      const made = compileCondition(expression);
      if (typeof made === 'string') errors.push(fieldError.invalid(`${at}.expression`, expression, made));
    }
    if (name === '') errors.push(fieldError.required(`${at}.name`));
    else errors.push(...isQualifiedName(name).map((text) => fieldError.invalid(`${at}.name`, name, text)));
    if (name !== '' && names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    names.add(name);
  });
  return errors;
}
