import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, Event, Secret, systemClock } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerOf, forever, never, shell, TestCluster } from './test/cluster.js';

// What a pod finds around it, on real processes: values that follow their source, last words, and what it may not reach.

let cluster: TestCluster;
let data: string;
beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'orrery-data-'));
  cluster = await new TestCluster({ agent: { policy: { hostPaths: [{ path: data }] } } }).start();
});
afterAll(async () => {
  await cluster.dispose();
  rmSync(data, { recursive: true, force: true });
});

const meta = (name: string) => ({ metadata: { name, namespace: 'default' } });
const eventsOf = async (name: string) => (await cluster.orchestrator.client.kind(Event).list({ namespace: 'default' })).items.filter(({ involvedObject }) => involvedObject?.name === name);

describe('what a pod refers to', () => {
  it('a volume follows its ConfigMap within a second', async () => {
    await cluster.create(ConfigMap, { ...meta('live'), data: { key: 'one' } });
    const pod = await cluster.run('follower', { containers: [shell(forever, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })], volumes: [{ name: 'v', configMap: { name: 'live' } }] });
    await cluster.ready('follower');
    const file = join(cluster.folder, 'volumes/node/pods', pod.metadata.uid ?? '', 'volumes/v/key');
    expect(readFileSync(file, 'utf8')).toBe('one');
    const started = systemClock.monotonic();
    await cluster.orchestrator.client.kind(ConfigMap).patch({ namespace: 'default', name: 'live' }, 'merge', { data: { key: 'two' } });
    while (readFileSync(file, 'utf8') !== 'two' && systemClock.monotonic() - started < 10_000) await systemClock.sleep(10, never);
    expect(systemClock.monotonic() - started).toBeLessThan(1_000);
  });

  it('a container that waits for a Secret starts when it appears', async () => {
    await cluster.run('waits', { containers: [shell(forever, { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'late', key: 'k' } } }] })] });
    await cluster.until('waits', (pod) => containerOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError');
    const started = systemClock.monotonic();
    await cluster.create(Secret, { ...meta('late'), data: { k: 'eA==' } });
    await cluster.ready('waits');
    expect(systemClock.monotonic() - started).toBeLessThan(5_000);
  });

  it('a pod whose volume waits for a ConfigMap starts when it appears', async () => {
    await cluster.run('unmounted', { containers: [shell(forever, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })], volumes: [{ name: 'v', configMap: { name: 'later' } }] });
    await cluster.until('unmounted', () => true);
    // Long enough in back-off that only a hint can be as quick as what follows.
    const failed = async () => (await eventsOf('unmounted')).some(({ reason, count }) => reason === 'FailedMount' && (count ?? 1) >= 4);
    while (!(await failed())) await systemClock.sleep(50, never);
    const started = systemClock.monotonic();
    await cluster.create(ConfigMap, { ...meta('later'), data: { key: 'x' } });
    await cluster.ready('unmounted');
    expect(systemClock.monotonic() - started).toBeLessThan(4_000);
  });
});

describe('last words', () => {
  it('are left where the container says, or at the end of its log', async () => {
    await cluster.run('words', {
      restartPolicy: 'Never',
      containers: [
        shell('printf "%s" "it was me" > "$ORRERY_ROOTFS/out/words"; exit 3', { terminationMessagePath: '/out/words' }),
        shell('echo one; echo two; exit 4', { name: 'log', terminationMessagePolicy: 'FallbackToLogsOnError' }),
        shell('echo fine', { name: 'fine', terminationMessagePolicy: 'FallbackToLogsOnError' }),
      ],
    });
    const pod = await cluster.phase('words', 'Failed');
    const words = (name: string) => containerOf(pod, name)?.state?.terminated;
    expect(words('main')).toMatchObject({ exitCode: 3, message: 'it was me' });
    expect(words('log')).toMatchObject({ exitCode: 4, message: 'one\ntwo\n' });
    expect(words('fine')?.message).toBeUndefined();
  });
});

describe('what a pod may reach', () => {
  it.each([
    ['priv', { containers: [shell(forever, { securityContext: { privileged: true } })] }, 'Forbidden', 'spec.containers[0].securityContext.privileged'],
    ['path', { containers: [shell(forever, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })], volumes: [{ name: 'v', hostPath: { path: '/etc' } }] }, 'Forbidden', 'spec.volumes[0].hostPath.path: the path "/etc" is not allowed on this node; the node agent\'s option policy.hostPaths allows it'],
    ['unsafe', { containers: [shell(forever)], securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1' }] } }, 'UnsupportedByRuntime', 'spec.securityContext.sysctls'],
  ])('%s is refused, and says why', async (name, spec, reason, message) => {
    await cluster.run(name, spec as never);
    const pod = await cluster.phase(name, 'Failed');
    expect(pod.status?.reason).toBe(reason);
    expect(pod.status?.message).toContain(message);
  });

  it('the host\'s network is the one that processes have, and a path that is allowed is shown', async () => {
    writeFileSync(join(data, 'file'), 'from the host');
    await cluster.run('allowed', { restartPolicy: 'Never', hostNetwork: true, containers: [shell('cat "$ORRERY_ROOTFS/v/file"', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })], volumes: [{ name: 'v', hostPath: { path: data, type: 'Directory' } }] });
    expect(await cluster.output(await cluster.phase('allowed', 'Succeeded'))).toEqual(['from the host']);
  });

  it('hardening that cannot be given is told once, and the pod runs', async () => {
    await cluster.run('hardened', { containers: [shell(forever, { securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } } })], securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
    await cluster.ready('hardened');
    const told = (await eventsOf('hardened')).filter(({ reason }) => reason === 'SecurityContextNotEnforced');
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain('spec.securityContext.seccompProfile, spec.containers[0].securityContext.allowPrivilegeEscalation');
  });
});
