import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isIPAddress, isIPv4 } from '../ip-address.js';
import type { EndpointAddress, Endpoints, EndpointSubsetPort } from '../kinds/endpoints.js';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidPortNumber } from '../names.js';
import { invalidEach, oneOf } from './checks.js';
import type { Errors } from './checks.js';

// Endpoints: pkg/apis/core/validation, ValidateEndpoints.

/** What is wrong with Endpoints. Unlike in Kubernetes the loopback is no special address: pods of a process runtime have theirs there. */
export function validateEndpoints({ subsets = [] }: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  subsets.forEach(({ addresses = [], notReadyAddresses = [], ports = [] }, i) => {
    const at = `subsets[${i}]`;
    if (addresses.length + notReadyAddresses.length === 0) errors.push(fieldError.required(at, 'must specify `addresses` or `notReadyAddresses`'));
    addresses.forEach((address, j) => checkAddress(errors, `${at}.addresses[${j}]`, address));
    notReadyAddresses.forEach((address, j) => checkAddress(errors, `${at}.notReadyAddresses[${j}]`, address));
    ports.forEach((port, j) => checkPort(errors, `${at}.ports[${j}]`, port, ports.length > 1));
  });
  return errors;
}

function checkAddress(errors: Errors, at: string, { ip, hostname = '', nodeName }: EndpointAddress): void {
  if (hostname !== '') invalidEach(errors, `${at}.hostname`, hostname, isDns1123Label(hostname));
  if (nodeName !== undefined) invalidEach(errors, `${at}.nodeName`, nodeName, isDns1123Subdomain(nodeName));
  if (!isIPAddress(ip)) errors.push(fieldError.invalid(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  else invalidEach(errors, `${at}.ip`, ip, special(ip));
}

/** Addresses that name no host (ValidateNonSpecialIP). */
function special(ip: string): string[] {
  const lower = ip.toLowerCase();
  const [a, b, c] = isIPv4(ip) ? ip.split('.').map(Number) : [];
  if (ip === '0.0.0.0' || /^[0:]+$/.test(lower)) return ['may not be unspecified (0.0.0.0 or ::)'];
  if ((a === 169 && b === 254) || /^fe[89ab]/.test(lower)) return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)'];
  if ((a === 224 && b === 0 && c === 0) || /^ff[0-9a-f]2/.test(lower)) return ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'];
  return [];
}

function checkPort(errors: Errors, at: string, { name = '', port, protocol, appProtocol }: EndpointSubsetPort, needsName: boolean): void {
  if (name !== '') invalidEach(errors, `${at}.name`, name, isDns1123Label(name));
  else if (needsName) errors.push(fieldError.required(`${at}.name`));
  invalidEach(errors, `${at}.port`, port, isValidPortNumber(port));
  oneOf(errors, `${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  if (appProtocol !== undefined) invalidEach(errors, `${at}.appProtocol`, appProtocol, isQualifiedName(appProtocol));
}
