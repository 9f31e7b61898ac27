import type { Container, ImageStatus } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { containerConfig } from './container-config.js';
import { checkNonRoot, securityOf } from './container-security.js';
import { nodeSettings } from './node-settings.js';

const container = (securityContext: object = {}, more: object = {}): Container => ({ name: 'main', securityContext, ...more }) as Container;

describe('the security of a container', () => {
  it('is its own over the pod\'s', () => {
    const pod = podOf({ securityContext: { runAsUser: 1, runAsGroup: 2, supplementalGroups: [3, 4], fsGroup: 4, seccompProfile: { type: 'RuntimeDefault' } } });
    expect(securityOf(pod, container())).toEqual({ runAsUser: 1, runAsGroup: 2, supplementalGroups: [3, 4], seccomp: { type: 'RuntimeDefault' } });
    const own = container({ runAsUser: 0, privileged: false, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { add: ['CAP_NET_ADMIN', 'chown'], drop: ['ALL'] }, seccompProfile: { type: 'Unconfined' }, procMount: 'Unmasked' });
    expect(securityOf(pod, own)).toEqual({
      runAsUser: 0, runAsGroup: 2, supplementalGroups: [3, 4], privileged: false, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false,
      addCapabilities: ['NET_ADMIN', 'CHOWN'], dropCapabilities: ['ALL'], seccomp: { type: 'Unconfined' }, procMount: 'Unmasked',
    });
    expect(securityOf(podOf({ securityContext: { fsGroup: 7 } }), container())).toEqual({ supplementalGroups: [7] });
  });

  it('a seccomp profile lies in its folder', () => {
    const of = (localhostProfile: string) => securityOf(podOf({}), container({ seccompProfile: { type: 'Localhost', localhostProfile } })).seccomp;
    expect(of('web/tight.json')).toEqual({ type: 'Localhost', profile: 'web/tight.json' });
    for (const path of ['', '../x', '/etc/passwd', 'a/../../x', 'a\0']) expect(() => of(path)).toThrow('inside the folder of profiles');
  });
});

describe('runAsNonRoot', () => {
  const check = (context: object, image?: Pick<ImageStatus, 'user'>, shared: object = {}) => () => checkNonRoot(podOf({ securityContext: shared }), container(context), image);
  const nonRoot = { runAsNonRoot: true };

  it('is held', () => {
    expect(check({ ...nonRoot, runAsUser: 0 })).toThrow('container\'s runAsUser breaks non-root policy (pod: "pod_default(u-1)", container: main)');
    expect(check(nonRoot, {})).toThrow('container has runAsNonRoot and image will run as root');
    expect(check(nonRoot, { user: { uid: 0 } })).toThrow('container has runAsNonRoot and image will run as root');
    expect(check(nonRoot, { user: { name: 'nginx' } })).toThrow('image has non-numeric user (nginx), cannot verify user is non-root');
    expect(check({}, {}, nonRoot)).toThrow('will run as root');
  });

  it('lets others be', () => {
    for (const fine of [check({ ...nonRoot, runAsUser: 5 }, {}), check(nonRoot, { user: { uid: 5 } }), check(nonRoot), check({ runAsNonRoot: false }, {}, nonRoot), check({}, {})]) expect(fine).not.toThrow();
  });
});

describe('a container\'s config', () => {
  const node = (settings: Parameters<typeof nodeSettings>[0] = {}) => ({ memoryBytes: 4 * 1024 ** 3, settings: nodeSettings(settings) });
  const config = (more: object, spec: object = {}, settings: Parameters<typeof nodeSettings>[0] = {}) => containerConfig(podOf(spec), container({}, more), 0, [], [], node(settings));

  it('has no devices but those that the administrator ties to a resource it is limited to', () => {
    const kvm = { hostPath: '/dev/kvm', containerPath: '/dev/kvm', permissions: 'rw' };
    const settings = { devices: { 'example.com/kvm': [{ hostPath: '/dev/kvm', containerPath: '/dev/kvm' }] } };
    expect(config({ resources: { limits: { 'example.com/kvm': '1' } } }, {}, settings).devices).toEqual([kvm]);
    expect(config({ resources: { limits: { constructor: '1' } } }, {}, settings)).not.toHaveProperty('devices');
    expect(config({}, {}, settings)).not.toHaveProperty('devices');
    expect(() => nodeSettings({ devices: { x: [{ hostPath: '/dev/../etc', containerPath: '/x' }] } })).toThrow();
  });

  it('is limited as the pod is, where it has no limit of its own', () => {
    expect(config({}, { resources: { limits: { memory: '64Mi', cpu: '1' } } }).resources).toMatchObject({ memoryLimitBytes: 2 ** 26, cpuQuota: 100_000 });
    expect(config({ resources: { limits: { memory: '32Mi' } } }, { resources: { limits: { memory: '64Mi' } } }).resources).toMatchObject({ memoryLimitBytes: 2 ** 25 });
  });

  it('says how soon it is killed, how many processes it has, and when its input ends', () => {
    expect(config({}).resources).toEqual({ cpuShares: 2, oomScoreAdj: 1000 });
    expect(config({}, {}, { podPidsLimit: 100 }).resources.pidsLimit).toBe(100);
    expect(config({ stdin: true, stdinOnce: true })).toMatchObject({ stdin: true, stdinOnce: true });
    expect(config({ stdinOnce: true })).not.toHaveProperty('stdinOnce');
  });
});
