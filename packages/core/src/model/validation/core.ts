import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isIPAddress } from '../ip-address.js';
import { equalJson } from '../json.js';
import type { ConfigMap } from '../kinds/configmap.js';
import type { EndpointSlice } from '../kinds/endpointslice.js';
import type { Lease } from '../kinds/lease.js';
import type { Namespace } from '../kinds/namespace.js';
import type { Node } from '../kinds/node.js';
import type { PriorityClass } from '../kinds/priorityclass.js';
import type { Secret } from '../kinds/secret.js';
import { isConfigMapKey, isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidLabelValue, isValidPortName } from '../names.js';
import { TAINT_EFFECTS } from './affinity.js';
import { invalidEach, oneOf, oneOfIfSet } from './checks.js';
import type { Errors } from './checks.js';

// The small kinds: pkg/apis/core/validation and its neighbours.

/** Objects of configuration may hold this many bytes. */
const MAX_DATA_BYTES = 1024 * 1024;

/** What is wrong with a ConfigMap. */
export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(data)) {
    invalidEach(errors, `data[${key}]`, key, isConfigMapKey(key));
    if (Object.hasOwn(binaryData, key)) errors.push(fieldError.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    total += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    invalidEach(errors, `binaryData[${key}]`, key, isConfigMapKey(key));
    total += decodedLength(value);
  }
  if (total > MAX_DATA_BYTES) errors.push(fieldError.tooLong('', MAX_DATA_BYTES));
  return errors;
}

/** An immutable ConfigMap keeps its data, and stays immutable. */
export function validateConfigMapUpdate(map: ConfigMap, old: ConfigMap): FieldError[] {
  if (old.immutable !== true) return [];
  const errors: FieldError[] = [];
  if (map.immutable !== true) errors.push(fieldError.forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const part of ['data', 'binaryData'] as const) {
    if (!equalJson(map[part] ?? {}, old[part] ?? {})) errors.push(fieldError.forbidden(part, 'field is immutable when `immutable` is set'));
  }
  return errors;
}

/** Which keys a secret of a type must have. */
const SECRET_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** What is wrong with a Secret. */
export function validateSecret(secret: Secret): FieldError[] {
  const { data = {}, type = '', metadata } = secret;
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(data)) {
    invalidEach(errors, `data[${key}]`, key, isConfigMapKey(key));
    total += decodedLength(value);
  }
  if (total > MAX_DATA_BYTES) errors.push(fieldError.tooLong('data', MAX_DATA_BYTES));
  for (const key of SECRET_KEYS[type] ?? []) {
    const value = data[key];
    if (value === undefined) errors.push(fieldError.required(`data[${key}]`));
    else if (key.startsWith('.docker') && !isJson(value)) errors.push(fieldError.invalid(`data[${key}]`, '<secret contents redacted>', 'must be a JSON document'));
  }
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    errors.push(fieldError.required('data[username]'), fieldError.required('data[password]'));
  }
  if (type === 'kubernetes.io/service-account-token' && (metadata.annotations?.['kubernetes.io/service-account.name'] ?? '') === '') {
    errors.push(fieldError.required('metadata.annotations[kubernetes.io/service-account.name]'));
  }
  return errors;
}

/** The type of a secret never changes; an immutable one keeps its data. */
export function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  const errors: FieldError[] = [];
  if (secret.type !== old.type) errors.push(fieldError.invalid('type', secret.type, 'field is immutable'));
  if (old.immutable !== true) return errors;
  if (secret.immutable !== true) errors.push(fieldError.forbidden('immutable', 'field is immutable when `immutable` is set'));
  if (!equalJson(secret.data ?? {}, old.data ?? {})) errors.push(fieldError.forbidden('data', 'field is immutable when `immutable` is set'));
  return errors;
}

/** Write-only texts become data; they win over what is there. A secret without a type keeps the old one on update. */
export function moveStringData(secret: Secret): void {
  for (const [key, value] of Object.entries(secret.stringData ?? {})) (secret.data ??= {})[key] = Buffer.from(value).toString('base64');
  delete secret.stringData;
}

const decodedLength = (base64: string): number => (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return true;
  } catch {
    // Only whether it parses is asked; the text is secret.
    return false;
  }
}

/** What is wrong with a Namespace. */
export function validateNamespace({ spec }: Namespace): FieldError[] {
  const errors: FieldError[] = [];
  spec.finalizers?.forEach((finalizer) => {
    invalidEach(errors, 'spec.finalizers', finalizer, isQualifiedName(finalizer));
    if (!finalizer.includes('/') && !['kubernetes', 'orphan', 'foregroundDeletion'].includes(finalizer)) {
      errors.push(fieldError.invalid('spec.finalizers', finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
  });
  return errors;
}

/** What is wrong with a Node. */
export function validateNode({ spec }: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  spec.taints?.forEach(({ key, value = '', effect }, i) => {
    const at = `spec.taints[${i}]`;
    invalidEach(errors, `${at}.key`, key, isQualifiedName(key));
    invalidEach(errors, `${at}.value`, value, isValidLabelValue(value));
    oneOf(errors, `${at}.effect`, effect, TAINT_EFFECTS);
    if (seen.has(`${key}:${effect}`)) errors.push(fieldError.duplicate(at, { key, value, effect }));
    seen.add(`${key}:${effect}`);
  });
  return errors;
}

/** A node keeps the provider's id and the pod network it once got. */
export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['podCIDR', 'providerID'] as const) {
    if (old.spec[field] !== undefined && node.spec[field] !== old.spec[field]) errors.push(fieldError.forbidden(`spec.${field}`, 'node updates may not change this field except from "" to valid'));
  }
  return errors;
}

/** What is wrong with a PriorityClass. */
export function validatePriorityClass({ metadata, value, preemptionPolicy }: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  const { name = '' } = metadata;
  if (name.startsWith('system-') && name !== 'system-node-critical' && name !== 'system-cluster-critical') {
    errors.push(fieldError.forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only"));
  } else if (!name.startsWith('system-') && value > 1_000_000_000) {
    errors.push(fieldError.forbidden('value', 'maximum allowed value of a user defined priority is 1000000000'));
  }
  oneOfIfSet(errors, 'preemptionPolicy', preemptionPolicy, ['Never', 'PreemptLowerPriority']);
  return errors;
}

/** The value of a priority class and its policy never change. */
export function validatePriorityClassUpdate(next: PriorityClass, old: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  if (next.value !== old.value) errors.push(fieldError.forbidden('value', 'may not be changed in an update.'));
  if (next.preemptionPolicy !== old.preemptionPolicy) errors.push(fieldError.invalid('preemptionPolicy', next.preemptionPolicy, 'field is immutable'));
  return errors;
}

/** What is wrong with a Lease. */
export function validateLease({ spec }: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
  if (duration !== undefined && duration <= 0) errors.push(fieldError.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  if (transitions !== undefined && transitions < 0) errors.push(fieldError.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
  return errors;
}

/** What is wrong with an EndpointSlice. */
export function validateEndpointSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  oneOf(errors, 'addressType', addressType, ['FQDN', 'IPv4', 'IPv6']);
  if (endpoints.length > 1000) errors.push(fieldError.tooMany('endpoints', endpoints.length, 1000));
  endpoints.forEach(({ addresses, hostname }, i) => {
    const at = `endpoints[${i}]`;
    if (addresses.length === 0) errors.push(fieldError.required(`${at}.addresses`, 'must contain at least 1 address'));
    if (addresses.length > 100) errors.push(fieldError.tooMany(`${at}.addresses`, addresses.length, 100));
    addresses.forEach((address, j) => checkEndpointAddress(errors, `${at}.addresses[${j}]`, address, addressType));
    if (hostname !== undefined) invalidEach(errors, `${at}.hostname`, hostname, isDns1123Label(hostname));
  });
  const names = new Set<string>();
  ports.forEach(({ name = '', protocol }, i) => {
    if (name !== '') invalidEach(errors, `ports[${i}].name`, name, isValidPortName(name));
    if (names.has(name)) errors.push(fieldError.duplicate(`ports[${i}].name`, name));
    names.add(name);
    oneOf(errors, `ports[${i}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  });
  return errors;
}

/** The family of the addresses of a slice never changes. */
export function validateEndpointSliceUpdate(slice: EndpointSlice, old: EndpointSlice): FieldError[] {
  return slice.addressType === old.addressType ? [] : [fieldError.invalid('addressType', slice.addressType, 'field is immutable')];
}

function checkEndpointAddress(errors: Errors, field: string, address: string, family: string): void {
  if (family === 'FQDN') invalidEach(errors, field, address, isDns1123Subdomain(address));
  else if (!isIPAddress(address) || address.includes(':') !== (family === 'IPv6')) errors.push(fieldError.invalid(field, address, `must be an ${family} address`));
}
