import type { Container, Pod, RuntimeCapabilities } from '@orrery/core';
import type { Rejection } from '../pod/admission.js';
import { cleanPath, isWithin } from '../pod/below.js';
import { capabilityName } from '../pod/container-security.js';
import { allContainers } from '../pod/view.js';
import type { Policy } from './policy.js';

/** What of a runtime decides whether a pod can be given what it asks for. */
export type Abilities = Pick<RuntimeCapabilities, 'namespaces' | 'confinement'>;

/** Capabilities that everybody may add: Kubernetes' baseline pod security standard, and the one beside them that engines give unasked. */
const BASELINE: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);

/** Something a pod asks for that reaches beyond itself. */
interface Demand {
  readonly field: string;
  readonly what: string;
  /** The option that allows it. */
  readonly option: string;
  readonly allowed: boolean;
  /** The runtime can give it. */
  readonly possible: boolean;
}

/**
 * Whether a node takes a pod for what it may reach: what its policy does not allow is `Forbidden`, what the runtime cannot give
 * is `UnsupportedByRuntime`. Where a runtime has no namespaces of its own every pod shares the host's, so asking for them changes nothing and is fine. Pure.
 */
export function checkPolicy(pod: Pod, policy: Policy, abilities: Abilities): Rejection | undefined {
  return verdictOn([...demandsOfPod(pod, policy, abilities), ...eachContainer(pod).flatMap(([container, field]) => demandsOf(container, field, policy, abilities))]);
}

/** The same for one container, for those that are added to a running pod. Pure. */
export function checkContainer(pod: Pod, container: Container, policy: Policy, abilities: Abilities): Rejection | undefined {
  const field = eachContainer(pod).find(([one]) => one.name === container.name)?.[1] ?? container.name;
  return verdictOn(demandsOf(container, field, policy, abilities));
}

/**
 * What a pod asks for to be held in tighter, and this runtime cannot enforce. The pod runs all the same: what it asks for takes nothing from anybody. Pure.
 * @returns fields
 */
export function ungivenHardening(pod: Pod, abilities: Abilities): readonly string[] {
  const fields: string[] = [];
  const shared = pod.spec.securityContext ?? {};
  if (pod.spec.hostUsers === false) fields.push('spec.hostUsers');
  if (shared.appArmorProfile !== undefined && shared.appArmorProfile.type !== 'Unconfined') fields.push('spec.securityContext.appArmorProfile');
  if (shared.seLinuxOptions !== undefined) fields.push('spec.securityContext.seLinuxOptions');
  if (!abilities.confinement && shared.seccompProfile !== undefined && shared.seccompProfile.type !== 'Unconfined') fields.push('spec.securityContext.seccompProfile');
  for (const [{ securityContext: own = {} }, field] of eachContainer(pod)) {
    if (own.appArmorProfile !== undefined && own.appArmorProfile.type !== 'Unconfined') fields.push(`${field}.securityContext.appArmorProfile`);
    if (own.seLinuxOptions !== undefined) fields.push(`${field}.securityContext.seLinuxOptions`);
    if (abilities.confinement) continue;
    if (own.allowPrivilegeEscalation === false) fields.push(`${field}.securityContext.allowPrivilegeEscalation`);
    if (own.readOnlyRootFilesystem === true) fields.push(`${field}.securityContext.readOnlyRootFilesystem`);
    if ((own.capabilities?.drop ?? []).length > 0) fields.push(`${field}.securityContext.capabilities.drop`);
    if (own.seccompProfile !== undefined && own.seccompProfile.type !== 'Unconfined') fields.push(`${field}.securityContext.seccompProfile`);
  }
  return fields;
}

function verdictOn(demands: readonly Demand[]): Rejection | undefined {
  const refused = demands.find(({ allowed }) => !allowed);
  if (refused !== undefined) return { reason: 'Forbidden', message: `${refused.field}: ${refused.what} is not allowed on this node; the node agent's option ${refused.option} allows it` };
  const impossible = demands.find(({ possible }) => !possible);
  if (impossible !== undefined) return { reason: 'UnsupportedByRuntime', message: `${impossible.field}: ${impossible.what} cannot be given by the runtime of this node` };
  return undefined;
}

function demandsOfPod(pod: Pod, policy: Policy, { namespaces, confinement }: Abilities): readonly Demand[] {
  const { spec } = pod;
  const demands: Demand[] = [];
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[name] === true) demands.push({ field: `spec.${name}`, what: WHAT[name], option: `policy.${name}`, allowed: !namespaces || policy[name], possible: true });
  }
  if (spec.securityContext?.seccompProfile?.type === 'Unconfined') demands.push(unconfined('spec.securityContext', policy, confinement));
  if ((spec.securityContext?.sysctls ?? []).length > 0) demands.push({ field: 'spec.securityContext.sysctls', what: 'a kernel parameter of its own', option: '', allowed: true, possible: namespaces });
  if ((spec.resourceClaims ?? []).length > 0) demands.push({ field: 'spec.resourceClaims', what: 'a dynamic resource', option: '', allowed: true, possible: false });
  spec.volumes?.forEach((volume, index) => {
    if (volume.hostPath === undefined) return;
    const path = cleanPath(volume.hostPath.path);
    const rules = policy.hostPaths.filter((rule) => isWithin(cleanPath(rule.path), path));
    const writes = eachContainer(pod).some(([{ volumeMounts = [] }]) => volumeMounts.some((mount) => mount.name === volume.name && mount.readOnly !== true));
    const allowed = rules.some(({ readOnly }) => !readOnly || !writes);
    const what = rules.length > 0 && !allowed ? `writing to ${JSON.stringify(path)}` : `the path ${JSON.stringify(path)}`;
    demands.push({ field: `spec.volumes[${index}].hostPath.path`, what, option: 'policy.hostPaths', allowed, possible: true });
  });
  return demands;
}

const WHAT = { hostNetwork: "the host's network", hostPID: "the host's process namespace", hostIPC: "the host's IPC namespace" } as const;

function demandsOf({ securityContext: own = {} }: Container, at: string, policy: Policy, { confinement }: Abilities): readonly Demand[] {
  const demands: Demand[] = [];
  const field = `${at}.securityContext`;
  if (own.privileged === true) demands.push({ field: `${field}.privileged`, what: 'a privileged container', option: 'policy.privileged', allowed: policy.privileged, possible: confinement });
  for (const name of (own.capabilities?.add ?? []).map(capabilityName)) {
    // A privileged container has them all.
    const baseline = BASELINE.has(name);
    const allowed = baseline || policy.capabilities.includes(name) || policy.capabilities.includes('ALL') || (own.privileged === true && policy.privileged);
    demands.push({ field: `${field}.capabilities.add`, what: `the capability ${name}`, option: 'policy.capabilities', allowed, possible: baseline || confinement });
  }
  if (own.seccompProfile?.type === 'Unconfined') demands.push(unconfined(field, policy, confinement));
  if (own.procMount === 'Unmasked') demands.push({ field: `${field}.procMount`, what: 'an unmasked /proc', option: 'policy.unmaskedProc', allowed: policy.unmaskedProc || !confinement, possible: true });
  return demands;
}

/** Without confinement nothing is filtered anyway. */
const unconfined = (field: string, policy: Policy, confinement: boolean): Demand => ({
  field: `${field}.seccompProfile`, what: 'running without a filter of system calls', option: 'policy.unconfinedSeccomp', allowed: policy.unconfinedSeccomp || !confinement, possible: true,
});

/** Every container with the path of its field. */
function eachContainer(pod: Pod): readonly (readonly [Container, string])[] {
  const lists = [['spec.initContainers', pod.spec.initContainers ?? []], ['spec.containers', pod.spec.containers], ['spec.ephemeralContainers', allContainers(pod).slice((pod.spec.initContainers ?? []).length + pod.spec.containers.length)]] as const;
  return lists.flatMap(([field, containers]) => containers.map((container, index) => [container, `${field}[${index}]`] as const));
}
