import { type FieldError, fieldError, isDns1123Subdomain, isValidPortNumber, schemas } from '@orrery/core';

/** Where a webhook is, as objects say it (admissionregistration and apiextensions WebhookClientConfig). */
export interface ClientConfig {
  url?: string | undefined;
  service?: ServiceReference | undefined;
  /** PEM in base64: whose certificates count. Absent: those that the platform trusts. */
  caBundle?: string | undefined;
}

/** A port and path of a Service. */
export interface ServiceReference {
  namespace: string;
  name: string;
  path?: string | undefined;
  /** Default 443. */
  port?: number | undefined;
}

const service: schemas.Schema<ServiceReference> = schemas.struct({
  namespace: schemas.text.default(''),
  name: schemas.text.default(''),
  path: schemas.text.optional(),
  port: schemas.int32.optional(),
}) as schemas.Schema<ServiceReference>;

/** Schema of {@link ClientConfig}. */
export const clientConfig: schemas.Schema<ClientConfig> = schemas.struct({ url: schemas.text.optional(), service: schemas.pointer(service), caBundle: schemas.bytes.optional() }) as schemas.Schema<ClientConfig>;

/** Fills in what was left out. The draft is mutable. */
export function applyClientConfigDefaults(config: ClientConfig | undefined): void {
  if (config?.service !== undefined) config.service.port ??= 443;
}

const FORM = '; desired format: https://host[/path]';

/** What is wrong with a place (apiserver util/webhook ValidateWebhookURL, ValidateWebhookService). */
export function validateClientConfig({ url, service: reference, caBundle }: ClientConfig, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((url === undefined) === (reference === undefined)) errors.push(fieldError.required(path, 'exactly one of url or service is required'));
  else if (url !== undefined) errors.push(...validateUrl(url, `${path}.url`));
  else if (reference !== undefined) errors.push(...validateService(reference, `${path}.service`));
  if (caBundle !== undefined && caBundle !== '' && !hasCertificates(caBundle)) errors.push(fieldError.invalid(`${path}.caBundle`, caBundle.slice(0, 50), 'unable to load root certificates: unable to parse bytes as PEM block'));
  return errors;
}

const hasCertificates = (bundle: string): boolean => Buffer.from(bundle, 'base64').toString('latin1').includes('-----BEGIN CERTIFICATE-----');

function validateUrl(text: string, path: string): FieldError[] {
  if (!URL.canParse(text)) return [fieldError.required(path, `url must be a valid URL: parse ${JSON.stringify(text.slice(0, 200))}${FORM}`)];
  const url = new URL(text);
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') errors.push(fieldError.invalid(path, url.protocol.replace(/:$/, ''), `'https' is the only allowed URL scheme${FORM}`));
  if (url.host === '') errors.push(fieldError.invalid(path, '', `host must be provided${FORM}`));
  // Not repeated: it may be a password.
  if (url.username !== '' || url.password !== '') errors.push(fieldError.invalid(path, '***', 'user information is not permitted in the URL'));
  if (text.includes('#') && url.hash.length > 1) errors.push(fieldError.invalid(path, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search.length > 1) errors.push(fieldError.invalid(path, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}

function validateService({ namespace, name, path: urlPath = '', port = 443 }: ServiceReference, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(fieldError.required(`${path}.name`, 'service name is required'));
  if (namespace === '') errors.push(fieldError.required(`${path}.namespace`, 'service namespace is required'));
  const wrong = isValidPortNumber(port);
  if (wrong.length > 0) errors.push(fieldError.invalid(`${path}.port`, port, `port is not valid: ${wrong.join(', ')}`));
  if (urlPath === '' || urlPath === '/') return errors;
  const bad = (text: string): void => void errors.push(fieldError.invalid(`${path}.path`, urlPath, text));
  if (urlPath === '//') bad('segment[0] may not be empty');
  else {
    if (!urlPath.startsWith('/')) bad("must start with a '/'");
    const steps = urlPath.slice(1).replace(/\/$/, '').split('/');
    steps.forEach((step, i) => (step === '' ? bad(`segment[${i}] may not be empty`) : isDns1123Subdomain(step).forEach((text) => bad(`segment[${i}]: ${text}`))));
  }
  return errors;
}
