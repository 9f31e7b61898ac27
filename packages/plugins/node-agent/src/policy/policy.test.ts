import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { checkContainer, checkPolicy, ungivenHardening } from './check-policy.js';
import { policySchema } from './policy.js';
import { checkSysctls, sysctlsOf } from './sysctls.js';

const docker = { namespaces: true, confinement: true };
const processes = { namespaces: false, confinement: false };
const policy = (given: object = {}) => policySchema.parse(given);
const main = (securityContext: object, more: object = {}) => podOf({ containers: [{ name: 'main', image: 'i', securityContext }], ...more });
const hostPath = (path: string, readOnly?: boolean) =>
  podOf({ volumes: [{ name: 'v', hostPath: { path } }], containers: [{ name: 'main', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v', ...(readOnly !== undefined && { readOnly }) }] }] });

describe('what a pod may reach', () => {
  it.each([
    [podOf({ hostNetwork: true }), { hostNetwork: true }, 'spec.hostNetwork'],
    [podOf({ hostPID: true }), { hostPID: true }, 'spec.hostPID'],
    [podOf({ hostIPC: true }), { hostIPC: true }, 'spec.hostIPC'],
    [main({ privileged: true }), { privileged: true }, 'spec.containers[0].securityContext.privileged'],
    [main({ capabilities: { add: ['CAP_NET_ADMIN'] } }), { capabilities: ['NET_ADMIN'] }, 'spec.containers[0].securityContext.capabilities.add'],
    [main({ capabilities: { add: ['ALL'] } }), { capabilities: ['ALL'] }, 'spec.containers[0].securityContext.capabilities.add'],
    [main({ seccompProfile: { type: 'Unconfined' } }), { unconfinedSeccomp: true }, 'spec.containers[0].securityContext.seccompProfile'],
    [podOf({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), { unconfinedSeccomp: true }, 'spec.securityContext.seccompProfile'],
    [main({ procMount: 'Unmasked' }), { unmaskedProc: true }, 'spec.containers[0].securityContext.procMount'],
    [podOf({ initContainers: [{ name: 'i', securityContext: { privileged: true } }] }), { privileged: true }, 'spec.initContainers[0].securityContext.privileged'],
    [podOf({ ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }] }), { privileged: true }, 'spec.ephemeralContainers[0].securityContext.privileged'],
    [hostPath('/srv/data'), { hostPaths: [{ path: '/srv' }] }, 'spec.volumes[0].hostPath.path'],
    [hostPath('/srv/data', false), { hostPaths: [{ path: '/srv', readOnly: true }, { path: '/srv/data/' }] }, 'spec.volumes[0].hostPath.path'],
    [hostPath('/srv', true), { hostPaths: [{ path: '/', readOnly: true }] }, 'spec.volumes[0].hostPath.path'],
  ])('%# is refused by field, and allowed by its option', (pod, option, field) => {
    const refusal = checkPolicy(pod, policy(), docker);
    expect(refusal).toMatchObject({ reason: 'Forbidden' });
    expect(refusal?.message).toContain(`${field}: `);
    expect(refusal?.message).toContain(`option policy.${Object.keys(option)[0]} allows it`);
    expect(checkPolicy(pod, policy(option), docker)).toBeUndefined();
  });

  it('neighbours of an allowed path, and writing to one to be read only, are refused', () => {
    const srv = policy({ hostPaths: [{ path: '/srv', readOnly: true }] });
    expect(checkPolicy(hostPath('/srv2', true), srv, docker)?.message).toContain('the path "/srv2"');
    expect(checkPolicy(hostPath('/srv/x', false), srv, docker)?.message).toContain('writing to "/srv/x"');
    expect(checkPolicy(hostPath('/srv/x', true), srv, docker)).toBeUndefined();
  });

  it('the host\'s namespaces are nothing new to processes', () => {
    expect(checkPolicy(podOf({ hostNetwork: true, hostPID: true, hostIPC: true }), policy(), processes)).toBeUndefined();
  });

  it('a privileged container has its capabilities anyway', () => {
    expect(checkPolicy(main({ privileged: true, capabilities: { add: ['SYS_ADMIN'] } }), policy({ privileged: true }), docker)).toBeUndefined();
  });

  it.each([
    [main({ privileged: true }), { privileged: true }],
    [main({ capabilities: { add: ['SYS_ADMIN'] } }), { capabilities: ['SYS_ADMIN'] }],
    [podOf({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '0' }] } }), {}],
    [podOf({ resourceClaims: [{ name: 'gpu' }] }), {}],
  ])('%# cannot be given by processes, even where it is allowed', (pod, option) => {
    expect(checkPolicy(pod, policy(option), processes)).toMatchObject({ reason: 'UnsupportedByRuntime' });
  });

  it('a container added later is held to the same', () => {
    const pod = podOf({ ephemeralContainers: [{ name: 'debug', securityContext: { privileged: true } }] });
    const debug = { name: 'debug', securityContext: { privileged: true } };
    expect(checkContainer(pod, debug, policy(), docker)?.message).toContain('spec.ephemeralContainers[0].securityContext.privileged');
    expect(checkContainer(pod, debug, policy({ privileged: true }), docker)).toBeUndefined();
  });
});

describe('hardening', () => {
  const pod = main({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] }, seccompProfile: { type: 'RuntimeDefault' } }, { hostUsers: false });

  it('runs where it cannot be given, and is told', () => {
    expect(checkPolicy(pod, policy(), processes)).toBeUndefined();
    const at = 'spec.containers[0].securityContext';
    expect(ungivenHardening(pod, processes)).toEqual(['spec.hostUsers', `${at}.allowPrivilegeEscalation`, `${at}.readOnlyRootFilesystem`, `${at}.capabilities.drop`, `${at}.seccompProfile`]);
  });

  it('is not complained of where it is given', () => {
    expect(ungivenHardening(main({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }), docker)).toEqual([]);
    expect(ungivenHardening(podOf({}), processes)).toEqual([]);
  });
});

describe('sysctls', () => {
  const setting = (names: string[], spec: object = {}) => podOf({ securityContext: { sysctls: names.map((name) => ({ name, value: '1' })) }, ...spec });

  it.each([
    [setting(['net.ipv4.ip_unprivileged_port_start', 'kernel.shm_rmid_forced', 'net/ipv4/tcp_syncookies']), [], undefined],
    [setting(['net.core.somaxconn']), [], 'forbidden sysctl: "net.core.somaxconn" not allowlisted'],
    [setting(['net.core.somaxconn']), ['net.core.*'], undefined],
    [setting(['kernel.msgmax']), ['kernel.msgmax'], undefined],
    [setting(['vm.swappiness']), ['vm.*'], 'forbidden sysctl: "vm.swappiness" not allowlisted'],
    [setting(['net.ipv4.tcp_syncookies'], { hostNetwork: true }), [], 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled'],
    [setting(['kernel.shm_rmid_forced'], { hostIPC: true }), [], 'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled'],
  ])('%#', (pod, unsafe, message) => {
    expect(checkSysctls(pod, unsafe)).toEqual(message === undefined ? undefined : { reason: 'SysctlForbidden', message });
  });

  it('are told to the runtime with dots', () => {
    expect(sysctlsOf(setting(['net/ipv4/conf/eth0.1/rp_filter', 'net.ipv4.conf.eth0/2.x']))).toEqual({ 'net.ipv4.conf.eth0/1.rp_filter': '1', 'net.ipv4.conf.eth0/2.x': '1' });
  });
});
