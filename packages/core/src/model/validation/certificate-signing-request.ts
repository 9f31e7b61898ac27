import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../kinds/certificate-signing-request.js';
import { isDns1123Label, isDns1123Subdomain } from '../names.js';
import type { Errors } from './checks.js';

// Wishes for certificates: pkg/apis/certificates/validation and pkg/registry/certificates. Whether the request is signed by its own key is looked at by who signs.

const USAGES = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel',
  'ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
];
const MIN_SECONDS = 600;
const MAX_SIGNER = 571;
const DECISIONS: ReadonlySet<string> = new Set(['Approved', 'Denied']);
const OF_THE_REQUEST = /^\s*-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*$/;
const OF_CERTIFICATES = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;

/** What is wrong with a request. */
export function validateCertificateSigningRequest({ spec, status }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const { request, usages = [], signerName, expirationSeconds } = spec;
  if (!OF_THE_REQUEST.test(Buffer.from(request, 'base64').toString('latin1'))) errors.push(fieldError.invalid('spec.request', request.slice(0, 100), 'PEM block type must be CERTIFICATE REQUEST'));
  if (usages.length === 0) errors.push(fieldError.required('spec.usages', ''));
  usages.forEach((usage, i) => {
    if (!USAGES.includes(usage)) errors.push(fieldError.notSupported(`spec.usages[${i}]`, usage, USAGES));
    if (usages.indexOf(usage) !== i) errors.push(fieldError.duplicate(`spec.usages[${i}]`, usage));
  });
  if (signerName === 'kubernetes.io/legacy-unknown') errors.push(fieldError.invalid('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'));
  else checkSignerName(errors, 'spec.signerName', signerName);
  if (expirationSeconds !== undefined && expirationSeconds < MIN_SECONDS) errors.push(fieldError.invalid('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  checkConditions(errors, status?.conditions ?? []);
  return errors;
}

function checkSignerName(errors: Errors, field: string, name: string): void {
  if (name === '') return void errors.push(fieldError.required(field, ''));
  if (name.length > MAX_SIGNER) return void errors.push(fieldError.tooLong(field, MAX_SIGNER));
  const [domain = '', path = '', ...more] = name.split('/');
  if (path === '' || more.length > 0) return void errors.push(fieldError.invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
  for (const message of isDns1123Subdomain(domain)) errors.push(fieldError.invalid(field, domain, message));
  if (!domain.includes('.')) errors.push(fieldError.invalid(field, domain, 'should be a domain with at least two segments separated by dots'));
  for (const label of path.split('.')) for (const message of isDns1123Label(label)) errors.push(fieldError.invalid(field, path, message));
}

function checkConditions(errors: Errors, conditions: readonly CertificateSigningRequestCondition[]): void {
  const seen = new Set<string>();
  conditions.forEach(({ type, status }, i) => {
    const at = `status.conditions[${i}]`;
    if (type === '') errors.push(fieldError.required(`${at}.type`, ''));
    if (seen.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type));
    const isOurs = DECISIONS.has(type) || type === 'Failed';
    if (status === '') errors.push(fieldError.required(`${at}.status`, ''));
    else if (isOurs ? status !== 'True' : !['True', 'False', 'Unknown'].includes(status)) errors.push(fieldError.notSupported(`${at}.status`, status, isOurs ? ['True'] : ['True', 'False', 'Unknown']));
    if (DECISIONS.has(type) && [...DECISIONS].some((other) => other !== type && seen.has(other))) errors.push(fieldError.invalid(`${at}.type`, type, 'Approved and Denied conditions are mutually exclusive'));
    seen.add(type);
  });
}

/** A request of which the conditions are decided: what the subresource `approval` changes. */
export function approved(draft: CertificateSigningRequest, old: CertificateSigningRequest): CertificateSigningRequest {
  return { ...old, metadata: { ...old.metadata }, status: { ...old.status, conditions: timed(draft.status?.conditions ?? [], old.status?.conditions) } };
}

/** Who signs does not decide: what was decided stays as it is. */
export function withOwnConditions(draft: CertificateSigningRequest, old: CertificateSigningRequest): void {
  if (draft.status?.conditions === undefined) return;
  draft.status = { ...draft.status, conditions: timed(draft.status.conditions, old.status?.conditions) };
}

/** When a condition came to be what it is, where it does not say so itself. */
function timed(conditions: readonly CertificateSigningRequestCondition[], old: readonly CertificateSigningRequestCondition[] = []): CertificateSigningRequestCondition[] {
  return conditions.map((condition) => {
    const before = old.find(({ type, status }) => type === condition.type && status === condition.status);
    const since = condition.lastTransitionTime ?? before?.lastTransitionTime ?? condition.lastUpdateTime;
    return { ...condition, ...(since !== undefined && { lastTransitionTime: since }) };
  });
}

/** What is wrong with a decision: one that was made is not taken back. */
export function validateApproval(next: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  return ['Approved', 'Denied', 'Failed'].flatMap((type) => (of(old, type) !== undefined && of(next, type) === undefined ? [fieldError.forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`)] : []));
}

/** What is wrong with what a signer says. */
export function validateCertificateStatus(next: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of DECISIONS) {
    const [now, before] = [of(next, type), of(old, type)];
    if (before !== undefined && now === undefined) errors.push(fieldError.forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`));
    else if (before === undefined && now !== undefined) errors.push(fieldError.forbidden('status.conditions', `updates may not add a condition of type ${JSON.stringify(type)}`));
    else if (!equalJson(now, before)) errors.push(fieldError.forbidden('status.conditions', `updates may not modify a condition of type ${JSON.stringify(type)}`));
  }
  if (of(old, 'Failed') !== undefined && of(next, 'Failed') === undefined) errors.push(fieldError.forbidden('status.conditions', 'updates may not remove a condition of type "Failed"'));
  checkConditions(errors, next.status?.conditions ?? []);
  const certificate = next.status?.certificate ?? '';
  if ((old.status?.certificate ?? '') !== '' && certificate !== old.status?.certificate) errors.push(fieldError.forbidden('status.certificate', 'updates may not modify existing certificate content'));
  if (certificate !== '' && !OF_CERTIFICATES.test(Buffer.from(certificate, 'base64').toString('latin1'))) errors.push(fieldError.invalid('status.certificate', '<certificate data>', 'must contain one or more CERTIFICATE PEM blocks'));
  return errors;
}

const of = ({ status }: CertificateSigningRequest, type: string): CertificateSigningRequestCondition | undefined => status?.conditions?.find((condition) => condition.type === type);
