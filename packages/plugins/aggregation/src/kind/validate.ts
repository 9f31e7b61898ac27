import { fieldError, type FieldError, isDns1035Label, isDns1123Subdomain, isValidPortNumber } from '@orrery/core';
import type { APIService } from './api-service.js';

/** What is wrong with an APIService (kube-aggregator ValidateAPIService). */
export function validateApiService({ metadata: { name = '' }, spec }: APIService): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum, versionPriority } = spec;
  const errors: FieldError[] = [];
  const wanted = `${version}.${group}`;
  if (name !== wanted) errors.push(fieldError.invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`));
  if (group === '' && version !== 'v1') errors.push(fieldError.required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group !== '') for (const why of isDns1123Subdomain(group)) errors.push(fieldError.invalid('spec.group', group, why));
  for (const why of isDns1035Label(version)) errors.push(fieldError.invalid('spec.version', version, why));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000) errors.push(fieldError.invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1_000) errors.push(fieldError.invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  return [...errors, ...serverErrors(spec)];
}

function serverErrors({ service, caBundle = '', insecureSkipTLSVerify = false }: APIService['spec']): FieldError[] {
  const errors: FieldError[] = [];
  if (service === undefined) {
    if (caBundle !== '') errors.push(fieldError.invalid('spec.caBundle', `${Buffer.byteLength(caBundle, 'base64')} bytes`, 'local APIServices may not have a caBundle'));
    if (insecureSkipTLSVerify) errors.push(fieldError.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  if ((service.namespace ?? '') === '') errors.push(fieldError.required('spec.service.namespace'));
  if ((service.name ?? '') === '') errors.push(fieldError.required('spec.service.name'));
  const { port = 443 } = service;
  for (const why of isValidPortNumber(port)) errors.push(fieldError.invalid('spec.service.port', port, `port is not valid: ${why}`));
  if (insecureSkipTLSVerify && caBundle !== '') errors.push(fieldError.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return errors;
}
