import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isIPAddress, isIPv4 } from '../ip-address.js';
import type { Service, ServicePort, ServiceSpec } from '../kinds/service.js';
import { validateLabels } from '../label-selector.js';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidPortNumber } from '../names.js';
import { invalidEach, oneOf, oneOfIfSet, required } from './checks.js';
import type { Errors } from './checks.js';
import { nameRule } from './object-meta.js';
import { checkPort } from './probes.js';

// Services (ValidateService). Whether an address or node port is free is the server's to say.

/** The port of the kubelet, which a load balancer may not open. */
const KUBELET_PORT = 10250;
const MAX_AFFINITY_SECONDS = 86_400;
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

/** Names of services are DNS labels; since Kubernetes 1.36 they may start with a digit. */
export const validateServiceName = nameRule(isDns1123Label);

/** What is wrong with a Service. */
export function validateService({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  checkType(errors, spec);
  checkPorts(errors, spec);
  if (spec.selector !== undefined) errors.push(...validateLabels(spec.selector, 'spec.selector'));
  checkAffinity(errors, spec);
  checkAddresses(errors, spec);
  checkTraffic(errors, spec);
  checkLoadBalancer(errors, spec);
  return errors;
}

/** The address of a service stays, unless it becomes or was an external name. */
export function validateServiceUpdate({ spec }: Service, { spec: old }: Service): FieldError[] {
  const errors: FieldError[] = [];
  const [next, last] = [primaryAddress(spec), primaryAddress(old)];
  if (spec.type === 'ExternalName' || old.type === 'ExternalName' || last === undefined) return errors;
  // Two spellings that disagree are an error of their own.
  if (next !== last && spec.clusterIP === next) errors.push(fieldError.invalid('spec.clusterIPs[0]', next, 'may not change once set'));
  if (old.ipFamilies?.[0] !== undefined && spec.ipFamilies?.[0] !== old.ipFamilies[0]) errors.push(fieldError.invalid('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set'));
  return errors;
}

const primaryAddress = ({ clusterIPs, clusterIP }: ServiceSpec): string | undefined => clusterIPs?.[0] ?? (clusterIP === '' ? undefined : clusterIP);

/** The two spellings of the address are kept in step: a single one is the first of the list (NormalizeClusterIPs). */
export function normalizeClusterIPs(service: Service, old?: Service): void {
  const { spec } = service;
  if (old === undefined) {
    if (spec.clusterIP !== undefined && spec.clusterIPs === undefined) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const [before, next] = [old.spec, spec];
  if (before.clusterIP !== next.clusterIP && sameList(before.clusterIPs, next.clusterIPs)) {
    if (next.clusterIP === undefined) delete next.clusterIPs;
    else next.clusterIPs = [next.clusterIP];
  }
}

/** Ports of one number share a node port: one that names none takes that which another of them names (initNodePorts). */
export function shareNodePorts({ spec }: Service): void {
  if (spec.type !== 'NodePort' && (spec.type !== 'LoadBalancer' || spec.allocateLoadBalancerNodePorts === false)) return;
  const { ports = [] } = spec;
  for (const port of ports) {
    const named = (port.nodePort ?? 0) === 0 ? ports.find((other) => other.port === port.port && (other.nodePort ?? 0) !== 0)?.nodePort : undefined;
    if (named !== undefined) port.nodePort = named;
  }
}

/** Addresses that are none cannot be taken: the allocator, which comes before validation, says so alone. */
export function validateServiceAddresses({ spec }: Service): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const errors: Errors = [];
  (spec.clusterIPs ?? []).forEach((ip, i) => {
    if (ip !== 'None' && ip !== '' && !isIPAddress(ip)) errors.push(fieldError.invalid(`spec.clusterIPs[${i}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  });
  return errors;
}

const sameList = (a: readonly string[] = [], b: readonly string[] = []): boolean => a.length === b.length && a.every((item, i) => item === b[i]);

function checkType(errors: Errors, spec: ServiceSpec): void {
  const headless = spec.clusterIP === 'None';
  if ((spec.ports ?? []).length === 0 && !headless && spec.type !== 'ExternalName') errors.push(fieldError.required('spec.ports'));
  oneOf(errors, 'spec.type', spec.type, TYPES);
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && headless) {
    errors.push(fieldError.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return;
  if ((spec.clusterIPs ?? []).length > 0) errors.push(fieldError.forbidden('spec.clusterIPs', "may not be set when `type` is 'ExternalName'"));
  // A trailing dot is how one writes a fully qualified name.
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (required(errors, 'spec.externalName', name)) invalidEach(errors, 'spec.externalName', name, isDns1123Subdomain(name));
}

function checkPorts(errors: Errors, spec: ServiceSpec): void {
  const { ports = [] } = spec;
  const names = new Set<string>();
  const nodePorts = new Set<string>();
  const seen = new Set<string>();
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`;
    checkOnePort(errors, at, port, ports.length > 1, names);
    const { nodePort = 0, protocol = '' } = port;
    if (nodePort !== 0 && spec.type === 'ClusterIP') errors.push(fieldError.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    if (nodePort !== 0 && nodePorts.has(`${protocol}/${nodePort}`)) errors.push(fieldError.duplicate(`${at}.nodePort`, nodePort));
    if (nodePort !== 0) nodePorts.add(`${protocol}/${nodePort}`);
    if (seen.has(`${protocol}/${port.port}`)) errors.push(fieldError.duplicate(at, { protocol, port: port.port }));
    seen.add(`${protocol}/${port.port}`);
    if (spec.type === 'LoadBalancer' && port.port === KUBELET_PORT) {
      errors.push(fieldError.invalid(at, port.port, `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`));
    }
  });
}

function checkOnePort(errors: Errors, field: string, port: ServicePort, needsName: boolean, names: Set<string>): void {
  const { name = '', protocol, targetPort = 0, appProtocol } = port;
  if (name !== '') {
    invalidEach(errors, `${field}.name`, name, isDns1123Label(name));
    if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name));
    names.add(name);
  } else if (needsName) errors.push(fieldError.required(`${field}.name`));
  invalidEach(errors, `${field}.port`, port.port, isValidPortNumber(port.port));
  oneOf(errors, `${field}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  checkPort(errors, `${field}.targetPort`, targetPort);
  if (appProtocol !== undefined) invalidEach(errors, `${field}.appProtocol`, appProtocol, isQualifiedName(appProtocol));
}

function checkAffinity(errors: Errors, { sessionAffinity, sessionAffinityConfig: config }: ServiceSpec): void {
  oneOf(errors, 'spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']);
  if (sessionAffinity === 'ClientIP') {
    const seconds = config?.clientIP?.timeoutSeconds;
    const at = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
    if (seconds === undefined) errors.push(fieldError.required(at, 'when session affinity type is ClientIP'));
    else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) errors.push(fieldError.invalid(at, seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`));
  } else if (sessionAffinity === 'None' && config !== undefined) {
    errors.push(fieldError.forbidden('spec.sessionAffinityConfig', 'must not be set when session affinity is None'));
  }
}

function checkAddresses(errors: Errors, spec: ServiceSpec): void {
  const { clusterIPs = [], clusterIP, ipFamilies = [], type } = spec;
  if (type !== 'ExternalName' && clusterIPs.length > 0) {
    if (clusterIP !== clusterIPs[0]) errors.push(fieldError.invalid('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
    else if (clusterIPs.length > 1 && clusterIPs.includes('None')) errors.push(fieldError.invalid('spec.clusterIPs', clusterIPs, "'None' must be the first and only value"));
    else if (clusterIPs.length > 2) errors.push(fieldError.invalid('spec.clusterIPs', clusterIPs, 'may only hold up to 2 values'));
    else if (clusterIPs.length === 2 && clusterIPs.every(isIPAddress) && clusterIPs.filter((ip) => isIPv4(ip)).length !== 1) {
      errors.push(fieldError.invalid('spec.clusterIPs', clusterIPs, 'may specify no more than one IP for each IP family'));
    }
    clusterIPs.forEach((ip, i) => {
      if (ip !== 'None' && !isIPAddress(ip)) errors.push(fieldError.invalid(`spec.clusterIPs[${i}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    });
  }
  ipFamilies.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(fieldError.notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']));
    if (ipFamilies.indexOf(family) < i) errors.push(fieldError.duplicate(`spec.ipFamilies[${i}]`, family));
  });
  oneOfIfSet(errors, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  spec.externalIPs?.forEach((ip, i) => {
    const at = `spec.externalIPs[${i}]`;
    if (!isIPAddress(ip)) errors.push(fieldError.invalid(at, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    else if (isSpecial(ip)) errors.push(fieldError.invalid(at, ip, 'may not be an unspecified, loopback or link-local address'));
  });
}

/** Unspecified, loopback or link-local. */
function isSpecial(ip: string): boolean {
  if (isIPv4(ip)) return ip === '0.0.0.0' || ip.startsWith('127.') || ip.startsWith('169.254.') || ip.startsWith('224.0.0.');
  const lower = ip.toLowerCase();
  return lower === '::' || lower === '::1' || /^fe[89ab]/.test(lower) || lower.startsWith('ff02:');
}

const isExternal = ({ type, externalIPs = [] }: ServiceSpec): boolean => type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);

function checkTraffic(errors: Errors, spec: ServiceSpec): void {
  const { externalTrafficPolicy: external, healthCheckNodePort = 0, internalTrafficPolicy } = spec;
  if (external !== undefined && !isExternal(spec)) {
    errors.push(fieldError.invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  } else oneOfIfSet(errors, 'spec.externalTrafficPolicy', external, ['Cluster', 'Local']);
  const checksHealth = spec.type === 'LoadBalancer' && external === 'Local';
  if (healthCheckNodePort < 0 || (healthCheckNodePort !== 0 && !checksHealth)) {
    errors.push(fieldError.invalid('spec.healthCheckNodePort', healthCheckNodePort, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  oneOfIfSet(errors, 'spec.internalTrafficPolicy', internalTrafficPolicy, ['Cluster', 'Local']);
  oneOfIfSet(errors, 'spec.trafficDistribution', spec.trafficDistribution, ['PreferClose', 'PreferSameNode', 'PreferSameZone']);
}

function checkLoadBalancer(errors: Errors, spec: ServiceSpec): void {
  const balanced = spec.type === 'LoadBalancer';
  const { loadBalancerSourceRanges: ranges = [], loadBalancerClass, allocateLoadBalancerNodePorts } = spec;
  if (ranges.length > 0 && !balanced) errors.push(fieldError.forbidden('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"));
  ranges.forEach((range, i) => {
    if (!isCidr(range.trim())) errors.push(fieldError.invalid(`spec.LoadBalancerSourceRanges[${i}]`, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
  });
  if (loadBalancerClass !== undefined) {
    if (balanced) invalidEach(errors, 'spec.loadBalancerClass', loadBalancerClass, isQualifiedName(loadBalancerClass));
    else errors.push(fieldError.forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
  }
  if (allocateLoadBalancerNodePorts !== undefined && !balanced) {
    errors.push(fieldError.forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  } else if (allocateLoadBalancerNodePorts === undefined && balanced) errors.push(fieldError.required('spec.allocateLoadBalancerNodePorts'));
}

function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const bits = text.slice(slash + 1);
  return slash > 0 && isIPAddress(text.slice(0, slash)) && /^\d{1,3}$/.test(bits) && Number(bits) <= (text.includes(':') ? 128 : 32);
}
