import type { PodSpec } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { detailsOf, violationsOf } from './evaluate.js';
import type { Level } from './policy.js';

// The words are Kubernetes' own, as its tests of k8s.io/pod-security-admission/policy have them.

const secure = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };
const spec = (container: object = {}, pod: object = {}): PodSpec => ({ containers: [{ name: 'c', image: 'web', ...container }], ...pod }) as unknown as PodSpec;
const told = (level: Level, of: PodSpec, annotations: Record<string, string> = {}, version: number | 'latest' = 'latest'): string => detailsOf(violationsOf({ level, version }, { annotations, spec: of }));
/** What is told of a pod that is otherwise as it should be. */
const restricted = (context: object, pod: object = {}, version: number | 'latest' = 'latest'): string => told('restricted', spec({ securityContext: { ...secure, ...context } }, pod), {}, version);

describe('the level privileged', () => {
  it('forbids nothing', () => {
    expect(told('privileged', spec({ securityContext: { privileged: true } }, { hostNetwork: true }))).toBe('');
  });
});

describe('the level baseline', () => {
  it('lets what is usual be', () => {
    expect(told('baseline', spec())).toBe('');
    expect(told('baseline', spec({ securityContext: { capabilities: { add: ['CHOWN'] }, seLinuxOptions: { type: 'container_t' }, procMount: 'Default' } }, { hostUsers: true }))).toBe('');
  });

  it.each<[string, PodSpec, string]>([
    ['namespaces', spec({}, { hostNetwork: true, hostPID: true, hostIPC: true }), 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)'],
    ['paths', spec({}, { volumes: [{ name: 'a', hostPath: { path: '/' } }, { name: 'b', hostPath: { path: '/' } }, { name: 'e', emptyDir: {} }] }), 'hostPath volumes (volumes "a", "b")'],
    ['ports', spec({ ports: [{ containerPort: 1, hostPort: 80 }] }, { initContainers: [{ name: 'i', ports: [{ containerPort: 1, hostPort: 8080 }] }] }), 'hostPort (containers "i", "c" use hostPorts 80, 8080)'],
    ['a port', spec({ ports: [{ containerPort: 1, hostPort: 80 }, { containerPort: 2 }] }), 'hostPort (container "c" uses hostPort 80)'],
    ['probes', spec({ livenessProbe: { httpGet: { host: '10.0.0.1' } }, lifecycle: { preStop: { tcpSocket: { host: 'b' } } } }), 'probe or lifecycle host (container "c" uses probe or lifecycle hosts "10.0.0.1", "b")'],
    ['host processes', spec({ securityContext: { windowsOptions: { hostProcess: true } } }, { securityContext: { windowsOptions: { hostProcess: true } } }), 'hostProcess (pod and container "c" must not set securityContext.windowsOptions.hostProcess=true)'],
    ['privileges', spec({ securityContext: { privileged: true } }), 'privileged (container "c" must not set securityContext.privileged=true)'],
    ['capabilities', spec({ securityContext: { capabilities: { add: ['NET_RAW', 'CHOWN', 'BPF'] } } }), 'non-default capabilities (container "c" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)'],
    ['AppArmor', spec({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }), 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
    ['SELinux', spec({}, { securityContext: { seLinuxOptions: { type: 'x_t', user: 'u', role: 'r' } } }), 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x_t"; user may not be set; role may not be set)'],
    ['proc', spec({ securityContext: { procMount: 'Unmasked' } }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
    ['seccomp', spec({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), 'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")'],
    ['sysctls', spec({}, { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }, { name: 'net.ipv4.tcp_rmem', value: '1' }] } }), 'forbidden sysctls (kernel.msgmax)'],
  ])('forbids %s', (_, of, words) => {
    expect(told('baseline', of)).toBe(words);
  });

  it('reads the annotations that were before fields', () => {
    expect(told('baseline', spec(), { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' })).toBe(
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    );
    expect(told('baseline', spec(), { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }, 18)).toBe('seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")');
    expect(told('baseline', spec(), { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' })).toBe('');
  });

  it('looks at all containers, those for debugging as well, and tells all that is wrong in one order', () => {
    const of = spec({ securityContext: { privileged: true } }, { hostPID: true, ephemeralContainers: [{ name: 'debug', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }] });
    expect(told('baseline', of)).toBe(
      'non-default capabilities (container "debug" must not include "SYS_ADMIN" in securityContext.capabilities.add), host namespaces (hostPID=true), privileged (containers "c", "debug" must not set securityContext.privileged=true)',
    );
  });
});

describe('the level restricted', () => {
  it('wants everything to be said', () => {
    expect(restricted({})).toBe('');
    expect(told('restricted', spec())).toBe(
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  it.each<[object, object, string]>([
    [{ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } }, {}, 'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)'],
    [{ capabilities: { add: ['SYS_TIME'] } }, {}, 'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "SYS_TIME" in securityContext.capabilities.add)'],
    [{ runAsNonRoot: false }, { securityContext: { runAsNonRoot: false } }, 'runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false)'],
    [{ runAsNonRoot: undefined }, { securityContext: { runAsNonRoot: true } }, ''],
    [{ runAsUser: 0 }, {}, 'runAsUser=0 (container "c" must not set runAsUser=0)'],
    [{ seccompProfile: undefined }, { securityContext: { seccompProfile: { type: 'Unconfined' } } }, 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'],
    [{ seccompProfile: undefined }, { securityContext: { seccompProfile: { type: 'Localhost' } } }, ''],
    [{}, { volumes: [{ name: 'h', hostPath: { path: '/' } }, { name: 'n', nfs: {} }, { name: 's', secret: {} }] }, 'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")'],
    [{ procMount: 'Unmasked' }, { hostUsers: false }, 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
    [{ runAsUser: 0, runAsNonRoot: false }, { hostUsers: false }, ''],
    [{ allowPrivilegeEscalation: undefined, capabilities: undefined, seccompProfile: undefined }, { os: { name: 'windows' } }, ''],
  ])('%j in %j: %s', (context, pod, words) => {
    expect(restricted(context, pod)).toBe(words);
  });
});

describe('earlier versions', () => {
  it('forbid what they forbade', () => {
    expect(told('baseline', spec({ securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }), {}, 30)).toContain('type "container_engine_t"');
    expect(told('baseline', spec({ securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }), {}, 31)).toBe('');
    expect(told('baseline', spec({ livenessProbe: { httpGet: { host: 'a' } } }), {}, 33)).toBe('');
    const sysctl = (name: string): PodSpec => spec({}, { securityContext: { sysctls: [{ name, value: '1' }] } });
    expect([26, 27, 28].map((version) => told('baseline', sysctl('net.ipv4.ip_local_reserved_ports'), {}, version) === '')).toEqual([false, true, true]);
    expect([28, 29].map((version) => told('baseline', sysctl('net.ipv4.tcp_fin_timeout'), {}, version) === '')).toEqual([false, true]);
    expect([31, 32].map((version) => told('baseline', sysctl('net.ipv4.tcp_wmem'), {}, version) === '')).toEqual([false, true]);
    expect(restricted({ runAsUser: 0 }, {}, 22)).toBe('');
    expect(restricted({ runAsUser: 0 }, { hostUsers: false }, 34)).toContain('runAsUser=0');
    expect(restricted({ procMount: 'Unmasked' }, { hostUsers: false }, 34)).toContain('procMount');
    // Before there was a stricter rule for capabilities, that of the lower level held.
    expect(told('restricted', spec({ securityContext: { ...secure, capabilities: { add: ['SYS_TIME'] } } }), {}, 21)).toContain('non-default capabilities');
    expect(told('restricted', spec({ securityContext: { allowPrivilegeEscalation: undefined } }, { os: { name: 'windows' } }), {}, 24)).toContain('allowPrivilegeEscalation');
  });
});
