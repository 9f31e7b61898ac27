import { type Check, type Checked, containers, containersOf, counted, hasOwnUsers, isWindows, namesOf, quoted, setters, sorted, type Violation } from './check.js';

// How the kernel confines containers.

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const CONFINING: ReadonlySet<string> = new Set(['RuntimeDefault', 'Localhost']);

/** AppArmor may not be switched off, neither by fields nor by the annotations that were before them. */
export const appArmorProfile: Check = { id: 'appArmorProfile', level: 'baseline', since: [[0, appArmor]] };

function appArmor(pod: Checked): Violation | undefined {
  const { appArmorProfile: whole } = pod.spec.securityContext ?? {};
  const isBad = (profile: { readonly type: string } | undefined): boolean => profile !== undefined && !CONFINING.has(profile.type);
  const names = namesOf(pod, ({ securityContext }) => isBad(securityContext?.appArmorProfile));
  const types = sorted([whole, ...containersOf(pod).map(({ securityContext }) => securityContext?.appArmorProfile)].flatMap((profile) => (profile !== undefined && isBad(profile) ? [profile.type] : [])));
  const mayAnnotate = (value: string): boolean => value === '' || value === 'runtime/default' || value.startsWith('localhost/');
  const annotations = Object.entries(pod.annotations).filter(([key, value]) => key.startsWith(APPARMOR) && !mayAnnotate(value)).map(([key, value]) => `${key}=${JSON.stringify(value)}`).sort();
  const values = [...types, ...annotations];
  if (values.length === 0) return undefined;
  const who = [setters(isBad(whole), names), ...(annotations.length > 0 ? [counted('annotation', 'annotations', annotations.length)] : [])].filter((text) => text !== '').join(' and ');
  return { reason: counted('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.length), detail: `${who} must not set AppArmor profile type to ${quoted(values)}` };
}

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

/** Labels of SELinux: only types for containers, and neither users nor roles. */
export const seLinuxOptions: Check = { id: 'seLinuxOptions', level: 'baseline', since: [[0, seLinux(SELINUX_TYPES)], [31, seLinux([...SELINUX_TYPES, 'container_engine_t'])]] };

function seLinux(types: readonly string[]): (pod: Checked) => Violation | undefined {
  return (pod) => {
    const { seLinuxOptions: whole } = pod.spec.securityContext ?? {};
    const isBad = (options: typeof whole): boolean => options !== undefined && (!types.includes(options.type ?? '') || (options.user ?? '') !== '' || (options.role ?? '') !== '');
    const names = namesOf(pod, ({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    if (names.length === 0 && !isBad(whole)) return undefined;
    const all = [whole, ...containersOf(pod).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter((options) => options !== undefined);
    const bad = sorted(all.map(({ type = '' }) => type).filter((type) => !types.includes(type)));
    const data = [
      ...(bad.length > 0 ? [`${counted('type', 'types', bad.length)} ${quoted(bad)}`] : []),
      ...(all.some(({ user = '' }) => user !== '') ? ['user may not be set'] : []),
      ...(all.some(({ role = '' }) => role !== '') ? ['role may not be set'] : []),
    ];
    return { reason: 'seLinuxOptions', detail: `${setters(isBad(whole), names)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}` };
  };
}

/** The full view of `/proc`. */
export const procMountBaseline: Check = { id: 'procMount', level: 'baseline', since: [[0, procMount], [35, (pod) => (hasOwnUsers(pod) ? undefined : procMount(pod))]] };
/** The full view of `/proc`, also for pods with users of their own. */
export const procMountRestricted: Check = { id: 'procMount_restricted', level: 'restricted', overrides: 'procMount', since: [[35, procMount]] };

function procMount(pod: Checked): Violation | undefined {
  const typeOf = ({ securityContext }: ReturnType<typeof containersOf>[number]): string => securityContext?.procMount ?? 'Default';
  const names = namesOf(pod, (container) => typeOf(container) !== 'Default');
  if (names.length === 0) return undefined;
  const types = sorted(containersOf(pod).map(typeOf).filter((type) => type !== 'Default'));
  return { reason: 'procMount', detail: `${containers(names)} must not set securityContext.procMount to ${quoted(types)}` };
}

const SECCOMP = { pod: 'seccomp.security.alpha.kubernetes.io/pod', container: 'container.seccomp.security.alpha.kubernetes.io/' } as const;

/** Filters of system calls may not be switched off. */
export const seccompBaseline: Check = { id: 'seccompProfile_baseline', level: 'baseline', since: [[0, seccompAnnotations], [19, (pod) => seccomp(pod, false)]] };
/** There must be a filter of system calls. */
export const seccompRestricted: Check = {
  id: 'seccompProfile_restricted',
  level: 'restricted',
  overrides: 'seccompProfile_baseline',
  since: [[19, (pod) => seccomp(pod, true)], [25, (pod) => (isWindows(pod) ? undefined : seccomp(pod, true))]],
};

function seccompAnnotations(pod: Checked): Violation | undefined {
  const isGood = (value: string): boolean => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const keys = [SECCOMP.pod, ...containersOf(pod).map(({ name }) => `${SECCOMP.container}${name}`)];
  const bad = sorted(keys.flatMap((key) => (pod.annotations[key] === undefined || isGood(pod.annotations[key]) ? [] : [`${key}=${JSON.stringify(pod.annotations[key])}`])));
  return bad.length === 0 ? undefined : { reason: 'seccompProfile', detail: `forbidden ${counted('annotation', 'annotations', bad.length)} ${bad.join(', ')}` };
}

function seccomp(pod: Checked, needed: boolean): Violation | undefined {
  const { seccompProfile: whole } = pod.spec.securityContext ?? {};
  const isBad = (profile: typeof whole): boolean => profile !== undefined && !CONFINING.has(profile.type);
  const names = namesOf(pod, ({ securityContext }) => isBad(securityContext?.seccompProfile));
  const reason = 'seccompProfile';
  if (names.length > 0 || isBad(whole)) {
    const types = sorted([whole, ...containersOf(pod).map(({ securityContext }) => securityContext?.seccompProfile)].flatMap((profile) => (profile !== undefined && isBad(profile) ? [profile.type] : [])));
    return { reason, detail: `${setters(isBad(whole), names)} must not set securityContext.seccompProfile.type to ${quoted(types)}` };
  }
  const silent = needed && whole === undefined ? namesOf(pod, ({ securityContext }) => securityContext?.seccompProfile === undefined) : [];
  return silent.length === 0 ? undefined : { reason, detail: `pod or ${containers(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` };
}

const SYSCTLS = ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'];
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_29 = [...SYSCTLS_27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

/** Settings of the kernel: only those that concern the pod alone. */
export const sysctls: Check = { id: 'sysctls', level: 'baseline', since: [[0, settings(SYSCTLS)], [27, settings(SYSCTLS_27)], [29, settings(SYSCTLS_29)], [32, settings(SYSCTLS_32)]] };

function settings(allowed: readonly string[]): (pod: Checked) => Violation | undefined {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}
