import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerConfig, SandboxConfig } from '@orrery/core';
import { afterAll, describe, expect, it } from 'vitest';
import type { SandboxIdentity } from '../identity/labels.js';
import { containerOf, sandboxOf } from '../test/pods.js';
import type { ContainerSetting } from './container.js';
import { planContainer } from './container.js';
import { outOfBounds, realBounds, resolveMounts } from './mounts.js';
import { lowestOomScoreOf } from './oom-score.js';
import type { DockerPolicy } from './policy.js';
import { planSandbox } from './sandbox.js';
import { readSeccompProfile } from './seccomp.js';

const folder = mkdtempSync(join(tmpdir(), 'orrery-plans-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sandbox: SandboxIdentity = { kind: 'sandbox', pod: { namespace: 'test', name: 'one', uid: 'uid-one' }, attempt: 0, labels: {}, annotations: {}, sharing: { network: 'pod', pid: 'container', ipc: 'pod' } };
const SANDBOX_ID = 'f'.repeat(64);

function plannedSandbox(over: Partial<SandboxConfig> = {}, policy: DockerPolicy = {}): Record<string, unknown> {
  return planSandbox(sandboxOf('one', over), { owner: 'me', imageId: 'sha256:pause', network: 'bridge', policy, lowestOomScore: -1_000 }).body;
}

function planned(over: Partial<ContainerConfig> = {}, setting: Partial<ContainerSetting> = {}): Record<string, unknown> & { HostConfig: Record<string, unknown> } {
  const config = containerOf('x', over);
  return planContainer(config, {
    owner: 'me', sandboxId: SANDBOX_ID, sandbox, policy: {}, mounts: config.mounts, lowestOomScore: -1_000, logs: { maxBytes: 1_000_000, maxFiles: 3 }, ...setting,
  }).body as Record<string, unknown> & { HostConfig: Record<string, unknown> };
}

/** The field that a refusal names. */
function refused(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    const { code, details } = error as { code: string; details: { field: string } };
    return `${code} ${details.field}`;
  }
  return 'allowed';
}

describe('the create call of a sandbox', () => {
  it('is a container that does nothing and may nothing', () => {
    expect(plannedSandbox()).toEqual({
      Image: 'sha256:pause',
      Hostname: 'one',
      Labels: {
        app: 'one', 'orrery.dev/owner': 'me', 'orrery.dev/kind': 'sandbox', 'orrery.dev/pod-namespace': 'test', 'orrery.dev/pod-name': 'one', 'orrery.dev/pod-uid': 'uid-one', 'orrery.dev/attempt': '0',
        'orrery.dev/labels': '{"app":"one"}', 'orrery.dev/annotations': '{}', 'orrery.dev/sharing': '{"network":"pod","pid":"container","ipc":"pod"}',
      },
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        NetworkMode: 'bridge', IpcMode: 'shareable', RestartPolicy: { Name: 'no' }, AutoRemove: false, Init: false, ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'],
        CpuShares: 2, OomScoreAdj: -998, LogConfig: { Type: 'none', Config: {} },
      },
    });
  });

  it('has ports, a resolver and kernel parameters', () => {
    const { HostConfig: host, ExposedPorts: exposed } = plannedSandbox({
      hostPorts: [{ protocol: 'TCP', containerPort: 80, hostPort: 8_080 }, { protocol: 'TCP', containerPort: 80, hostPort: 8_081, hostIP: '127.0.0.1' }, { protocol: 'UDP', containerPort: 53, hostPort: 53 }],
      dns: { servers: ['10.0.0.10'], searches: ['svc.local'], options: ['ndots:5'] },
      sysctls: { 'net.ipv4.tcp_syncookies': '1' },
    });
    expect(exposed).toEqual({ '80/tcp': {}, '53/udp': {} });
    expect(host).toMatchObject({
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }, { HostIp: '127.0.0.1', HostPort: '8081' }], '53/udp': [{ HostIp: '', HostPort: '53' }] },
      Dns: ['10.0.0.10'], DnsSearch: ['svc.local'], DnsOptions: ['ndots:5'], Sysctls: { 'net.ipv4.tcp_syncookies': '1' },
    });
  });

  it('takes the host\'s namespaces only where the policy allows it', () => {
    expect(refused(() => plannedSandbox({ hostNetwork: true }))).toBe('FORBIDDEN hostNetwork');
    expect(refused(() => plannedSandbox({ pidNamespace: 'host' }))).toBe('FORBIDDEN hostPID');
    expect(refused(() => plannedSandbox({ ipcNamespace: 'host' }))).toBe('FORBIDDEN hostIPC');
    expect(refused(() => plannedSandbox({ sysctls: { 'kernel.msgmax': '1' } }))).toBe('FORBIDDEN securityContext.sysctls[kernel.msgmax]');
    expect(refused(() => plannedSandbox({ sysctls: { 'kernel.msgmax': '1' } }, { sysctls: ['kernel.msg*'] }))).toBe('allowed');
    const body = plannedSandbox({ hostNetwork: true, ipcNamespace: 'host', hostPorts: [{ protocol: 'TCP', containerPort: 80, hostPort: 80 }] }, { hostNetwork: true, hostIPC: true });
    expect(body).not.toHaveProperty('Hostname');
    expect(body['HostConfig']).toMatchObject({ NetworkMode: 'host', UTSMode: 'host', IpcMode: 'host' });
    expect(body['HostConfig']).not.toHaveProperty('PortBindings');
  });

  it('refuses what would write other lines or ports', () => {
    expect(refused(() => plannedSandbox({ dns: { servers: ['1.1.1.1\nnameserver 6.6.6.6'], searches: [], options: [] } }))).toBe('INVALID dnsConfig');
    expect(refused(() => plannedSandbox({ hostname: 'a b' }))).toBe('INVALID hostname');
    expect(refused(() => plannedSandbox({ hostPorts: [{ protocol: 'TCP', containerPort: 0, hostPort: 80 }] }))).toBe('INVALID ports');
  });
});

describe('the create call of a container', () => {
  it('has what was asked and nothing else', () => {
    // Fields that the contract does not have, as they come from JSON: none of them may arrive.
    const hostile = { HostConfig: { Privileged: true }, privileged: true, Binds: ['/:/host'], security: { Privileged: true, privileged: undefined }, resources: { Devices: ['/dev/sda'] } } as unknown as Partial<ContainerConfig>;
    expect(planned(hostile)).toEqual({
      Image: 'suite',
      Entrypoint: ['sh', '-c', 'x'],
      Env: [],
      Labels: expect.objectContaining({ 'orrery.dev/kind': 'container', 'orrery.dev/sandbox-id': SANDBOX_ID, 'orrery.dev/container-name': 'main', 'orrery.dev/image': 'suite' }),
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        NetworkMode: `container:${SANDBOX_ID}`, IpcMode: `container:${SANDBOX_ID}`, PidMode: '', Mounts: [], Privileged: false, ReadonlyRootfs: false, CapAdd: [], CapDrop: [], GroupAdd: [], SecurityOpt: [],
        Devices: [], RestartPolicy: { Name: 'no' }, AutoRemove: false, Init: false, LogConfig: { Type: 'json-file', Config: { 'max-size': '1000000', 'max-file': '3' } },
      },
    });
  });

  it('has everything that can be asked', () => {
    const body = planned(
      {
        command: [], args: ['a', 'b'], workingDir: '/work', env: [{ name: 'A', value: '1' }, { name: 'B', value: '=' }, { name: 'A', value: '2' }], tty: true, stdin: true, stdinOnce: true, stopSignal: 'SIGQUIT',
        mounts: [{ hostPath: '/srv/a:b', containerPath: '/data', readOnly: true, propagation: 'HostToContainer' }],
        devices: [{ hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'rw' }],
        resources: { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memoryLimitBytes: 1e8, pidsLimit: 100, oomScoreAdj: 900 },
        security: {
          runAsUser: 1_000, runAsGroup: 2_000, supplementalGroups: [3_000], readOnlyRootFilesystem: true, privileged: true, allowPrivilegeEscalation: false, addCapabilities: ['CAP_NET_ADMIN'], dropCapabilities: ['all'],
          seccomp: { type: 'Localhost', profile: 'p.json' }, procMount: 'Unmasked',
        },
      },
      { policy: { privileged: true, devices: ['/dev/fuse'], capabilities: ['NET_ADMIN'], unconfined: true }, seccompProfile: '{"defaultAction":"SCMP_ACT_ALLOW"}', sandbox: { ...sandbox, sharing: { network: 'host', pid: 'pod', ipc: 'host' } } },
    );
    expect(body).not.toHaveProperty('Entrypoint');
    expect(body).toMatchObject({ Cmd: ['a', 'b'], WorkingDir: '/work', Env: ['A=2', 'B=='], Tty: true, OpenStdin: true, StdinOnce: true, StopSignal: 'SIGQUIT', User: '1000:2000' });
    expect(body.HostConfig).toMatchObject({
      PidMode: `container:${SANDBOX_ID}`, IpcMode: 'host', UTSMode: 'host',
      Mounts: [{ Type: 'bind', Source: '/srv/a:b', Target: '/data', ReadOnly: true, BindOptions: { Propagation: 'rslave' } }],
      Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rw' }],
      CpuShares: 512, CpuQuota: 50_000, CpuPeriod: 100_000, Memory: 1e8, MemorySwap: 1e8, PidsLimit: 100, OomScoreAdj: 900,
      Privileged: true, ReadonlyRootfs: true, CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'], GroupAdd: ['3000'], SecurityOpt: ['no-new-privileges', 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
      MaskedPaths: [], ReadonlyPaths: [],
    });
  });

  it.each<[string, Partial<ContainerConfig>, DockerPolicy]>([
    ['securityContext.privileged', { security: { privileged: true } }, { privileged: true }],
    ['securityContext.seccompProfile', { security: { seccomp: { type: 'Unconfined' } } }, { unconfined: true }],
    ['securityContext.procMount', { security: { procMount: 'Unmasked' } }, { unconfined: true }],
    ['securityContext.capabilities.add', { security: { addCapabilities: ['SYS_ADMIN'] } }, { capabilities: ['CAP_SYS_ADMIN'] }],
    ['securityContext.capabilities.add', { security: { addCapabilities: ['ALL'] } }, { capabilities: ['ALL'] }],
    ['devices', { devices: [{ hostPath: '/dev/sda', containerPath: '/dev/sda', permissions: 'r' }] }, { devices: true }],
  ])('is refused with %s unless the policy allows it', (field, over, policy) => {
    expect(refused(() => planned(over))).toBe(`FORBIDDEN ${field}`);
    expect(refused(() => planned(over, { policy }))).toBe('allowed');
  });

  it('is refused with mounts that propagate to the host, unless it is privileged', () => {
    const mounts = [{ hostPath: '/srv', containerPath: '/srv', readOnly: false, propagation: 'Bidirectional' as const }];
    expect(refused(() => planned({ mounts }))).toBe('FORBIDDEN volumeMounts.mountPropagation');
    expect(refused(() => planned({ mounts, security: { privileged: true } }, { policy: { privileged: true } }))).toBe('allowed');
  });

  it.each<[string, Partial<ContainerConfig>]>([
    ['env', { env: [{ name: 'A=B', value: '' }] }],
    ['env', { env: [{ name: 'A', value: 'x\0y' }] }],
    ['workingDir', { workingDir: 'relative' }],
    ['volumeMounts.mountPath', { mounts: [{ hostPath: '/a', containerPath: '/../x', readOnly: false }] }],
    ['securityContext.runAsUser', { security: { runAsUser: -1 } }],
    ['securityContext.capabilities', { security: { dropCapabilities: ['no cap'] } }],
    ['stopSignal', { stopSignal: 'TERM; rm' }],
    ['resources', { resources: { memoryLimitBytes: 1.5 } }],
  ])('is INVALID with a malformed %s', (field, over) => {
    expect(refused(() => planned(over))).toBe(`INVALID ${field}`);
  });

  it('joins the processes of its target, and takes the image\'s user with a group of its own', () => {
    expect(planned({ targetContainerId: 'a'.repeat(64) }).HostConfig['PidMode']).toBe(`container:${'a'.repeat(64)}`);
    expect(planned({ security: { runAsGroup: 5 } }, { imageUser: 'app:app' })['User']).toBe('app:5');
    expect(planned({ security: { runAsGroup: 5 } })['User']).toBe('0:5');
  });

  it('does not ask the engine for what it may not give', () => {
    expect(planned({ resources: { oomScoreAdj: -997 } }, { lowestOomScore: 0 }).HostConfig['OomScoreAdj']).toBe(0);
    expect(planned({ resources: { oomScoreAdj: -997 } }).HostConfig['OomScoreAdj']).toBe(-997);
    expect([lowestOomScoreOf('CapBnd:\t000001ffffffffff\n', '0', false), lowestOomScoreOf('CapBnd:\t000001fffeffffff\n', '-5', false), lowestOomScoreOf('CapBnd:\t000001ffffffffff\n', '100', true)]).toEqual([-1_000, -5, 100]);
  });
});

describe('mounts', () => {
  const bounds = { roots: ['/srv/data'], never: ['/run/docker.sock', '/var/lib/docker'] };

  it('never show the engine, from above or below', () => {
    for (const path of ['/', '/run', '/run/docker.sock', '/var/lib', '/var/lib/docker', '/var/lib/docker/volumes/x']) expect(outOfBounds(path, { never: bounds.never })).toContain('owns the machine');
    for (const path of ['/var/lib/dockers', '/run/docker.socks', '/home']) expect(outOfBounds(path, { never: bounds.never })).toBeUndefined();
  });

  it('lie in the roots, if there are any', () => {
    for (const path of ['/srv/data', '/srv/data/a/b']) expect(outOfBounds(path, bounds)).toBeUndefined();
    for (const path of ['/srv', '/srv/database', '/etc']) expect(outOfBounds(path, bounds)).toContain('outside');
  });

  it('are judged and sent with links followed', async () => {
    for (const name of ['root', 'secret']) mkdirSync(join(folder, name));
    symlinkSync(join(folder, 'secret'), join(folder, 'root', 'link'));
    symlinkSync(join(folder, 'root'), join(folder, 'alias'));
    const mount = (hostPath: string) => ({ hostPath, containerPath: '/x', readOnly: true });
    const real = await realBounds({ roots: [join(folder, 'alias')], never: ['/no/such/thing'] });
    expect((await resolveMounts([mount(join(folder, 'alias'))], real))[0]?.hostPath).toBe(join(folder, 'root'));
    await expect(resolveMounts([mount(join(folder, 'root', 'link'))], real)).rejects.toMatchObject({ code: 'FORBIDDEN', details: { field: 'volumeMounts' } });
    await expect(resolveMounts([mount(join(folder, 'none'))], real)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(resolveMounts([mount('relative')], real)).rejects.toMatchObject({ code: 'INVALID' });
  });
});

describe('seccomp profiles', () => {
  it('are read from below their directory only', async () => {
    const root = join(folder, 'profiles');
    mkdirSync(root);
    writeFileSync(join(root, 'good.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    writeFileSync(join(root, 'bad.json'), '[1]');
    writeFileSync(join(folder, 'outside.json'), '{}');
    symlinkSync(join(folder, 'outside.json'), join(root, 'link.json'));
    const read = (profile: string): Promise<string | undefined> => readSeccompProfile({ type: 'Localhost', profile }, root);
    expect(await read('good.json')).toBe('{"defaultAction":"SCMP_ACT_ERRNO"}');
    for (const profile of ['', '../outside.json', '/etc/passwd', 'link.json', 'bad.json', 'none.json', 'good.json\0']) {
      await expect(read(profile), profile).rejects.toMatchObject({ code: 'INVALID' });
    }
    expect(await readSeccompProfile({ type: 'RuntimeDefault' }, root)).toBeUndefined();
  });
});
