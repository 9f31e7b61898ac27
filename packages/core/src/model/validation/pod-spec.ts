import { fieldError } from '../field-error.js';
import { isIPAddress } from '../ip-address.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import { validateLabels } from '../label-selector.js';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../names.js';
import { checkAffinity, checkSpread, checkTolerations } from './affinity.js';
import { invalidEach, notNegative, oneOf, oneOfIfSet, required, subdomainIfSet } from './checks.js';
import type { Errors } from './checks.js';
import { checkContainers } from './container.js';
import { checkPodResources, checkQuantity } from './resources.js';
import { checkPodSecurityContext } from './security-context.js';
import { checkVolumes } from './volumes.js';

const MAX_INT32 = 2 ** 31 - 1;

/** What is wrong with the spec of a pod or of a pod template at `field` (ValidatePodSpec). */
export function checkPodSpec(errors: Errors, field: string, spec: PodSpec): void {
  const volumes = checkVolumes(errors, `${field}.volumes`, spec.volumes ?? []);
  checkContainers(errors, field, spec, volumes);
  oneOf(errors, `${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  oneOf(errors, `${field}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']);
  checkDns(errors, `${field}.dnsConfig`, spec);
  if (spec.nodeSelector !== undefined) errors.push(...validateLabels(spec.nodeSelector, `${field}.nodeSelector`));
  checkPodSecurityContext(errors, `${field}.securityContext`, spec.securityContext);
  checkAffinity(errors, `${field}.affinity`, spec.affinity);
  if (spec.tolerations !== undefined) checkTolerations(errors, `${field}.tolerations`, spec.tolerations);
  if (spec.topologySpreadConstraints !== undefined) checkSpread(errors, `${field}.topologySpreadConstraints`, spec.topologySpreadConstraints);
  checkNames(errors, field, spec);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(fieldError.invalid(`${field}.activeDeadlineSeconds`, deadline, `must be between 1 and ${MAX_INT32}, inclusive`));
  }
  notNegative(errors, `${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds);
  for (const name in spec.overhead) checkQuantity(errors, `${field}.overhead.limits`, name, spec.overhead[name] as string);
  checkPodResources(errors, `${field}.resources`, spec.resources);
  oneOfIfSet(errors, `${field}.preemptionPolicy`, spec.preemptionPolicy, ['Never', 'PreemptLowerPriority']);
  if (spec.os !== undefined) oneOf(errors, spec.os.name === '' ? `${field}.os.name` : `${field}.os`, spec.os.name, ['linux', 'windows']);
  checkGates(errors, field, spec);
}

function checkNames(errors: Errors, field: string, spec: PodSpec): void {
  subdomainIfSet(errors, `${field}.serviceAccountName`, spec.serviceAccountName);
  subdomainIfSet(errors, `${field}.nodeName`, spec.nodeName);
  subdomainIfSet(errors, `${field}.priorityClassName`, spec.priorityClassName);
  subdomainIfSet(errors, `${field}.runtimeClassName`, spec.runtimeClassName);
  if (spec.hostname !== undefined) invalidEach(errors, `${field}.hostname`, spec.hostname, isDns1123Label(spec.hostname));
  if (spec.subdomain !== undefined) invalidEach(errors, `${field}.subdomain`, spec.subdomain, isDns1123Label(spec.subdomain));
  spec.hostAliases?.forEach(({ ip, hostnames = [] }, i) => {
    const at = `${field}.hostAliases[${i}]`;
    if (!isIPAddress(ip)) errors.push(fieldError.invalid(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    hostnames.forEach((name, j) => invalidEach(errors, `${at}.hostnames[${j}]`, name, isDns1123Subdomain(name)));
  });
}

function checkGates(errors: Errors, field: string, { schedulingGates = [], readinessGates = [], nodeName }: PodSpec): void {
  const names = new Set<string>();
  schedulingGates.forEach(({ name }, i) => {
    const at = `${field}.schedulingGates[${i}]`;
    invalidEach(errors, at, name, isQualifiedName(name));
    if (names.has(name)) errors.push(fieldError.duplicate(at, name));
    names.add(name);
  });
  if (schedulingGates.length > 0 && nodeName !== undefined) errors.push(fieldError.forbidden(`${field}.nodeName`, 'cannot be set until all schedulingGates have been cleared'));
  readinessGates.forEach(({ conditionType }, i) => invalidEach(errors, `${field}.readinessGates[${i}].conditionType`, conditionType, isQualifiedName(conditionType)));
}

function checkDns(errors: Errors, field: string, { dnsPolicy, dnsConfig }: PodSpec): void {
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) {
      errors.push(fieldError.required(field, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if ((dnsConfig.nameservers ?? []).length === 0) {
      errors.push(fieldError.required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
      return;
    }
  }
  if (dnsConfig === undefined) return;
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  if (nameservers.length > 3) errors.push(fieldError.invalid(`${field}.nameservers`, nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((server, i) => {
    if (!isIPAddress(server)) errors.push(fieldError.invalid(`${field}.nameservers[${i}]`, server, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  });
  if (searches.length > 32) errors.push(fieldError.invalid(`${field}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048) errors.push(fieldError.invalid(`${field}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  searches.forEach((search, i) => {
    const name = search.replace(/\.$/, '').replaceAll('_', '-');
    if (search !== '.') invalidEach(errors, `${field}.searches[${i}]`, search, isDns1123Subdomain(name));
  });
  options.forEach(({ name }, i) => required(errors, `${field}.options[${i}]`, name, 'must not be empty'));
}
