import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isIPAddress } from '../ip-address.js';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass, IngressClassParameters, IngressServiceBackend } from '../kinds/ingress.js';
import { isDns1035Label, isDns1123Label, isDns1123Subdomain, isDomainPrefixedPath, isValidPathSegmentName, isValidPortName, isValidPortNumber, isWildcardDns1123Subdomain } from '../names.js';
import { invalidEach, required } from './checks.js';
import type { Errors } from './checks.js';

// Ingresses and their classes (pkg/apis/networking/validation).

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** Longest name of a controller. */
const LONGEST_CONTROLLER = 250;
/** What a path may not have in it, and what it may not end in. */
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDS = ['/..', '/.'];

/** What is wrong with an Ingress. */
export function validateIngress(ingress: Ingress): FieldError[] {
  const { metadata, spec } = ingress;
  const errors = validateIngressUpdate(ingress);
  const byAnnotation = metadata.annotations?.[CLASS_ANNOTATION];
  if (byAnnotation !== undefined && spec.ingressClassName !== undefined) {
    errors.push(fieldError.invalid(`metadata.annotations[${CLASS_ANNOTATION}]`, byAnnotation, 'can not be set when the class field is also set'));
  }
  return errors;
}

/** What is wrong with a changed Ingress. */
export function validateIngressUpdate({ spec }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  const { defaultBackend, ingressClassName, rules = [], tls = [] } = spec;
  if (rules.length === 0 && defaultBackend === undefined) errors.push(fieldError.invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend !== undefined) checkBackend(errors, 'spec.defaultBackend', defaultBackend);
  rules.forEach(({ host = '', http }, i) => {
    const field = `spec.rules[${i}]`;
    if (host !== '') checkHost(errors, `${field}.host`, host);
    if (http === undefined) return;
    if (http.paths.length === 0) errors.push(fieldError.required(`${field}.http.paths`));
    http.paths.forEach((path, j) => checkPath(errors, `${field}.http.paths[${j}]`, path));
  });
  tls.forEach(({ hosts = [], secretName = '' }, i) => {
    hosts.forEach((host, j) => invalidEach(errors, `spec.tls[${i}].hosts[${j}]`, host, host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host)));
    if (secretName !== '') invalidEach(errors, `spec.tls[${i}].secretName`, secretName, isDns1123Subdomain(secretName));
  });
  if (ingressClassName !== undefined) invalidEach(errors, 'spec.ingressClassName', ingressClassName, isDns1123Subdomain(ingressClassName));
  return errors;
}

/** What is wrong with where an Ingress is said to be reached. */
export function validateIngressStatus({ status }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  (status?.loadBalancer?.ingress ?? []).forEach(({ ip = '', hostname = '' }, i) => {
    const field = `status.loadBalancer.ingress[${i}]`;
    if (ip !== '' && !isIPAddress(ip)) errors.push(fieldError.invalid(`${field}.ip`, ip, 'must be a valid IP address'));
    if (hostname === '') return;
    invalidEach(errors, `${field}.hostname`, hostname, isDns1123Subdomain(hostname));
    if (isIPAddress(hostname)) errors.push(fieldError.invalid(`${field}.hostname`, hostname, 'must be a DNS name, not an IP address'));
  });
  return errors;
}

function checkHost(errors: Errors, field: string, host: string): void {
  if (isIPAddress(host)) errors.push(fieldError.invalid(field, host, 'must be a DNS name, not an IP address'));
  invalidEach(errors, field, host, host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host));
}

function checkPath(errors: Errors, field: string, { path = '', pathType, backend }: HTTPIngressPath): void {
  if (pathType === undefined) errors.push(fieldError.required(`${field}.pathType`, 'pathType must be specified'));
  else if (pathType === 'Exact' || pathType === 'Prefix') checkExactPath(errors, `${field}.path`, path);
  else if (pathType === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/')) errors.push(fieldError.invalid(`${field}.path`, path, 'must be an absolute path'));
  } else errors.push(fieldError.notSupported(`${field}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  checkBackend(errors, `${field}.backend`, backend);
}

function checkExactPath(errors: Errors, field: string, path: string): void {
  if (!path.startsWith('/')) errors.push(fieldError.invalid(field, path, 'must be an absolute path'));
  for (const bad of BAD_SEQUENCES) if (path.includes(bad)) errors.push(fieldError.invalid(field, path, `must not contain '${bad}'`));
  for (const bad of BAD_ENDS) if (path.endsWith(bad)) errors.push(fieldError.invalid(field, path, `cannot end with '${bad}'`));
}

function checkBackend(errors: Errors, field: string, { service, resource }: IngressBackend): void {
  if (service !== undefined && resource !== undefined) errors.push(fieldError.invalid(field, '', 'cannot set both resource and service backends'));
  else if (resource !== undefined) checkReference(errors, `${field}.resource`, resource);
  else if (service !== undefined) checkService(errors, field, service);
  else errors.push(fieldError.invalid(field, '', 'resource or service backend is required'));
}

function checkService(errors: Errors, field: string, { name, port }: IngressServiceBackend): void {
  if (required(errors, `${field}.service.name`, name)) invalidEach(errors, `${field}.service.name`, name, isDns1035Label(name));
  const { name: portName = '', number = 0 } = port ?? {};
  if (portName !== '' && number !== 0) errors.push(fieldError.invalid(field, '', 'cannot set both port name & port number'));
  else if (portName !== '') invalidEach(errors, `${field}.service.port.name`, portName, isValidPortName(portName));
  else if (number !== 0) invalidEach(errors, `${field}.service.port.number`, number, isValidPortNumber(number));
  else errors.push(fieldError.required(field, 'port name or number is required'));
}

function checkReference(errors: Errors, field: string, { apiGroup, kind, name }: { readonly apiGroup?: string | undefined; readonly kind: string; readonly name: string }): void {
  if (apiGroup !== undefined) invalidEach(errors, `${field}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup));
  if (required(errors, `${field}.kind`, kind)) invalidEach(errors, `${field}.kind`, kind, isValidPathSegmentName(kind));
  if (required(errors, `${field}.name`, name)) invalidEach(errors, `${field}.name`, name, isValidPathSegmentName(name));
}

/** What is wrong with an IngressClass. */
export function validateIngressClass({ spec: { controller = '', parameters } }: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  if (controller.length > LONGEST_CONTROLLER) errors.push(fieldError.tooLong('spec.controller', LONGEST_CONTROLLER));
  invalidEach(errors, 'spec.controller', controller, isDomainPrefixedPath(controller));
  if (parameters !== undefined) checkParameters(errors, 'spec.parameters', parameters);
  return errors;
}

function checkParameters(errors: Errors, field: string, parameters: IngressClassParameters): void {
  const { scope, namespace } = parameters;
  checkReference(errors, field, parameters);
  if (scope === undefined) return void errors.push(fieldError.required(`${field}.scope`));
  if (scope !== 'Cluster' && scope !== 'Namespace') return void errors.push(fieldError.notSupported(`${field}.scope`, scope, ['Cluster', 'Namespace']));
  if (scope === 'Cluster') {
    if (namespace !== undefined) errors.push(fieldError.forbidden(`${field}.namespace`, '`parameters.scope` is set to \'Cluster\''));
  } else if (required(errors, `${field}.namespace`, namespace, '`parameters.scope` is set to \'Namespace\'')) invalidEach(errors, `${field}.namespace`, namespace, isDns1123Label(namespace ?? ''));
}

/** Its controller stays. */
export function validateIngressClassUpdate({ spec }: IngressClass, { spec: old }: IngressClass): FieldError[] {
  return spec.controller === old.controller ? [] : [fieldError.invalid('spec.controller', spec.controller ?? '', 'field is immutable')];
}
