import { fieldError } from '../field-error.js';
import type { EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from '../kinds/env.js';
import { isConfigMapKey, isDns1123Subdomain, isQualifiedName, isRelaxedEnvVarName } from '../names.js';
import { countSet, invalidEach, required } from './checks.js';
import type { Errors } from './checks.js';

// Environment variables and the fields they may refer to (ValidateEnv, ValidateEnvFrom).

const DOWNWARD = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
  'spec.host',
]);
const ENV_FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** What files of a downward API volume may show. */
export const VOLUME_FIELDS: readonly string[] = ['metadata.name', 'metadata.namespace', 'metadata.labels', 'metadata.annotations', 'metadata.uid'];
const RESOURCE = /^(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)$/;
const DIVISORS: Readonly<Record<string, readonly string[]>> = {
  cpu: ['0', '1m', '1'],
  bytes: ['0', '1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'],
};

/** What is wrong with the variables of a container. */
export function checkEnv(errors: Errors, field: string, variables: readonly EnvVar[]): void {
  variables.forEach((variable, i) => {
    const at = `${field}[${i}]`;
    if (required(errors, `${at}.name`, variable.name)) invalidEach(errors, `${at}.name`, variable.name, isRelaxedEnvVarName(variable.name));
    if (variable.valueFrom !== undefined) checkValueFrom(errors, `${at}.valueFrom`, variable);
  });
}

function checkValueFrom(errors: Errors, field: string, { value = '', valueFrom = {} }: EnvVar): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef !== undefined) checkFieldRef(errors, `${field}.fieldRef`, fieldRef, ENV_FIELDS);
  if (resourceFieldRef !== undefined) checkResourceFieldRef(errors, `${field}.resourceFieldRef`, resourceFieldRef, false);
  if (configMapKeyRef !== undefined) checkKeyRef(errors, `${field}.configMapKeyRef`, configMapKeyRef);
  if (secretKeyRef !== undefined) checkKeyRef(errors, `${field}.secretKeyRef`, secretKeyRef);
  const sources = countSet([fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef]);
  if (sources === 0) errors.push(fieldError.invalid(field, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'));
  else if (value !== '') errors.push(fieldError.invalid(field, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(fieldError.invalid(field, '', 'may not have more than one field specified at a time'));
}

/** A reference to a field of the pod. */
export function checkFieldRef(errors: Errors, field: string, ref: ObjectFieldSelector, allowed: readonly string[]): void {
  if (!required(errors, `${field}.apiVersion`, ref.apiVersion) || !required(errors, `${field}.fieldPath`, ref.fieldPath)) return;
  const path = ref.fieldPath ?? '';
  const subscript = /^(metadata\.(?:labels|annotations))\['([^']*)'\]$/.exec(path);
  if (subscript !== null) {
    const key = subscript[2] as string;
    invalidEach(errors, field, key, isQualifiedName(subscript[1] === 'metadata.annotations' ? key.toLowerCase() : key));
  } else if (!DOWNWARD.has(path)) errors.push(fieldError.invalid(`${field}.fieldPath`, path, `error converting fieldPath: field label not supported: ${path}`));
  else if (!allowed.includes(path === 'spec.host' ? 'spec.nodeName' : path)) errors.push(fieldError.notSupported(`${field}.fieldPath`, path, allowed));
}

/** A reference to a resource of a container; in volumes the container must be named. */
export function checkResourceFieldRef(errors: Errors, field: string, ref: ResourceFieldSelector, inVolume: boolean): void {
  if (inVolume && (ref.containerName ?? '') === '') {
    errors.push(fieldError.required(`${field}.containerName`));
    return;
  }
  if (!required(errors, `${field}.resource`, ref.resource)) return;
  const resource = ref.resource ?? '';
  if (!RESOURCE.test(resource)) errors.push(fieldError.notSupported(`${field}.resource`, resource, ['limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']));
  const allowed = (resource.endsWith('.cpu') ? DIVISORS['cpu'] : DIVISORS['bytes']) as readonly string[];
  if (ref.divisor !== undefined && RESOURCE.test(resource) && !allowed.includes(ref.divisor)) {
    errors.push(fieldError.invalid(`${field}.divisor`, ref.divisor, `only divisor's values ${allowed.join(', ')} are supported with this resource`));
  }
}

function checkKeyRef(errors: Errors, field: string, ref: { readonly name?: string | undefined; readonly key?: string | undefined }): void {
  const name = ref.name ?? '';
  // An empty name was possible once; Kubernetes refuses it as invalid, not as missing.
  invalidEach(errors, `${field}.name`, name, isDns1123Subdomain(name));
  if (required(errors, `${field}.key`, ref.key)) invalidEach(errors, `${field}.key`, ref.key, isConfigMapKey(ref.key ?? ''));
}

/** What is wrong with sets of variables. */
export function checkEnvFrom(errors: Errors, field: string, sources: readonly EnvFromSource[]): void {
  sources.forEach(({ prefix = '', configMapRef, secretRef }, i) => {
    const at = `${field}[${i}]`;
    if (prefix !== '') invalidEach(errors, `${at}.prefix`, prefix, isRelaxedEnvVarName(prefix));
    for (const [member, ref] of [['configMapRef', configMapRef], ['secretRef', secretRef]] as const) {
      if (ref !== undefined) invalidEach(errors, `${at}.${member}.name`, ref.name, isDns1123Subdomain(ref.name ?? ''));
    }
    const set = countSet([configMapRef, secretRef]);
    if (set === 0) errors.push(fieldError.invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (set > 1) errors.push(fieldError.invalid(field, '', 'may not have more than one field specified at a time'));
  });
}
