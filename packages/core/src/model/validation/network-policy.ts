import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { cidrHolds, parseCidr } from '../ip-address.js';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../kinds/network-policy.js';
import { validateLabelSelector } from '../label-selector.js';
import { isValidPortName, isValidPortNumber } from '../names.js';
import { invalidEach, oneOf, oneOfIfSet } from './checks.js';
import type { Errors } from './checks.js';

// Network policies (ValidateNetworkPolicySpec).

/** What is wrong with a NetworkPolicy. */
export function validateNetworkPolicy({ spec }: NetworkPolicy): FieldError[] {
  const errors: FieldError[] = validateLabelSelector(spec.podSelector, 'spec.podSelector');
  (spec.ingress ?? []).forEach(({ ports = [], from = [] }, i) => checkRule(errors, `spec.ingress[${i}]`, ports, from, 'from'));
  (spec.egress ?? []).forEach(({ ports = [], to = [] }, i) => checkRule(errors, `spec.egress[${i}]`, ports, to, 'to'));
  const types = spec.policyTypes ?? [];
  if (types.length > 2) return [...errors, fieldError.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  types.forEach((type, i) => oneOf(errors, `spec.policyTypes[${i}]`, type, ['Egress', 'Ingress']));
  return errors;
}

function checkRule(errors: Errors, field: string, ports: readonly NetworkPolicyPort[], peers: readonly NetworkPolicyPeer[], name: string): void {
  ports.forEach((port, i) => checkPort(errors, `${field}.ports[${i}]`, port));
  peers.forEach((peer, i) => checkPeer(errors, `${field}.${name}[${i}]`, peer));
}

function checkPort(errors: Errors, field: string, { protocol, port, endPort }: NetworkPolicyPort): void {
  oneOfIfSet(errors, `${field}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  if (typeof port === 'string') invalidEach(errors, `${field}.port`, port, isValidPortName(port));
  else if (port !== undefined) invalidEach(errors, `${field}.port`, port, isValidPortNumber(port));
  if (endPort === undefined) return;
  if (port === undefined) errors.push(fieldError.required(`${field}.port`, 'must be specified when `endPort` is specified'));
  else if (typeof port === 'string') errors.push(fieldError.invalid(`${field}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
  else {
    if (endPort < port) errors.push(fieldError.invalid(`${field}.endPort`, endPort, 'must be greater than or equal to `port`'));
    invalidEach(errors, `${field}.endPort`, endPort, isValidPortNumber(endPort));
  }
}

function checkPeer(errors: Errors, field: string, { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): void {
  errors.push(...validateLabelSelector(podSelector, `${field}.podSelector`), ...validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`));
  if (ipBlock !== undefined) checkBlock(errors, `${field}.ipBlock`, ipBlock);
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (!selects && ipBlock === undefined) errors.push(fieldError.required(field, 'must specify a peer'));
  else if (selects && ipBlock !== undefined) errors.push(fieldError.forbidden(field, 'may not specify both ipBlock and another peer'));
}

function checkBlock(errors: Errors, field: string, { cidr, except = [] }: IPBlock): void {
  if (cidr === '') return void errors.push(fieldError.required(`${field}.cidr`));
  const block = parseCidr(cidr);
  if (block === undefined) return void errors.push(fieldError.invalid(`${field}.cidr`, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
  except.forEach((text, i) => {
    const inner = parseCidr(text);
    if (inner === undefined) errors.push(fieldError.invalid(`${field}.except[${i}]`, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
    else if (inner.prefix <= block.prefix || !cidrHolds(block, inner)) errors.push(fieldError.invalid(`${field}.except[${i}]`, text, 'must be a strict subset of `cidr`'));
  });
}
