import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, createOrchestrator, type Orchestrator, Pod, Runtimes, systemClock } from '@orrery/core';
import { busyboxImage, type DockerEngine, requireParts, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeAgent } from './index.js';
import { containerOf, never } from './test/cluster.js';
import { mountsWithin } from './volumes/mount-table.js';
import { systemMounter } from './volumes/mounter.js';

// What the agent puts around containers, on a runtime that shows mounts where they belong.

const { missing, note } = requireParts('dockerd', 'busybox', 'tar', 'ip');

describe.skipIf(missing)(`pods on a Docker engine${note}`, () => {
  let engine: DockerEngine;
  let orchestrator: Orchestrator;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'orrery-docker-'));
    mkdirSync(join(folder, 'shared'));
    chmodSync(join(folder, 'shared'), 0o777);
    engine = await startDockerd({ bridge: true });
    await busyboxImage(engine.socketPath, 'box');
    orchestrator = await createOrchestrator({
      plugins: [
        memoryStore(),
        dockerRuntime({ id: 'surroundings', socketPath: engine.socketPath }),
        nodeAgent({ name: 'node', rootDir: folder, clusterDNS: ['10.96.0.10'], policy: { hostPaths: [{ path: folder, readOnly: true }] } }),
      ],
    });
    await orchestrator.start();
  }, 120_000);
  afterAll(async () => {
    await orchestrator?.stop();
    await engine?.stop();
    // Only what a failed test left.
    for (const { path } of await mountsWithin(folder)) await systemMounter()?.unmount(path);
    rmSync(folder, { recursive: true, force: true });
  });

  const pods = () => orchestrator.client.kind(Pod);
  const until = async (name: string, wanted: (pod: Pod | undefined) => boolean): Promise<Pod | undefined> => {
    const started = systemClock.monotonic();
    for (;;) {
      const pod = await pods().find({ namespace: 'default', name });
      if (wanted(pod)) return pod;
      if (systemClock.monotonic() - started > 20_000) throw new Error(`${name}: ${JSON.stringify(pod?.status, null, 1)}`);
      await systemClock.sleep(50, never);
    }
  };
  /** Runs a line of shell in a pod of its own to its end; answers its output and how it ended. */
  const shell = async (name: string, script: string, spec: object = {}, container: object = {}) => {
    const main = { name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sh', '-c', script], ...container };
    await pods().create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', restartPolicy: 'Never', containers: [main], ...spec } } as Pod);
    const pod = await until(name, (found) => ['Succeeded', 'Failed'].includes(found?.status?.phase ?? ''));
    const { terminated } = containerOf(pod as Pod)?.state ?? {};
    const lines: string[] = [];
    const id = terminated?.containerID?.replace(/^.*:\/\//, '');
    if (id !== undefined) for await (const { line } of orchestrator.get(Runtimes).get()?.logs(id, {}, never) ?? []) lines.push(line);
    return { pod: pod as Pod, terminated, lines };
  };

  it('has its own name, hosts and resolver, and leaves last words', async () => {
    const { pod, lines, terminated } = await shell('surroundings', 'hostname; cat /etc/hosts /etc/resolv.conf; printf bye > /dev/termination-log', {
      hostname: 'own', subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['alias'] }],
    });
    expect(lines[0]).toBe('own');
    expect(lines).toContain(`${pod.status?.podIP}\town.sub.default.svc.cluster.local\town`);
    expect(lines).toContain('1.2.3.4\talias');
    expect(lines).toContain('nameserver 10.96.0.10');
    expect(lines.find((line) => line.startsWith('search '))).toMatch(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
    expect(terminated).toMatchObject({ exitCode: 0, message: 'bye' });
  });

  it('volumes are there as they were asked for, and gone with the pod', async () => {
    await orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf', namespace: 'default' }, data: { key: 'value' } } as ConfigMap);
    const { pod, lines } = await shell(
      'volumes',
      'cat /conf/key /one; id -G; touch /mem/x /data/y && ls -ln /mem | tail -1 | cut -d" " -f1; grep -c " /mem tmpfs" /proc/mounts; touch /conf/no 2>&1 | head -1; touch /host/no 2>&1 | head -1',
      {
        securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 4321 },
        volumes: [{ name: 'conf', configMap: { name: 'conf', defaultMode: 0o400 } }, { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }, { name: 'data', emptyDir: {} }, { name: 'host', hostPath: { path: join(folder, 'shared') } }],
      },
      {
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' }, { name: 'conf', mountPath: '/one', subPath: 'key' }, { name: 'mem', mountPath: '/mem' }, { name: 'data', mountPath: '/data', subPathExpr: 'of/$(NAME)' }, { name: 'host', mountPath: '/host', readOnly: true },
        ],
        env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      },
    );
    expect(lines[0]).toBe('valuevalue1000 4321');
    expect(lines[1]).toMatch(/^-rw/);
    expect(lines[2]).toBe('1');
    expect(lines[3]).toContain('Read-only file system');
    expect(lines[4]).toContain('Read-only file system');
    const own = join(folder, 'node/pods', pod.metadata.uid ?? '');
    expect((await mountsWithin(own)).map(({ filesystem }) => filesystem)).toContain('tmpfs');
    expect(readFileSync(join(own, 'volumes/data/of/volumes/y'), 'utf8')).toBe('');
    await pods().delete({ namespace: 'default', name: 'volumes' });
    await until('volumes', (found) => found === undefined);
    // A pod that had ended goes from the API at once; the agent clears up after it.
    await vi.waitFor(async () => expect([await mountsWithin(own), existsSync(own)]).toEqual([[], false]), 20_000);
  });

  it('is confined as it asks, and its file keeps what it wrote last', async () => {
    const { lines, terminated } = await shell(
      'confined',
      'grep -E "^(NoNewPrivs|CapEff|Seccomp):" /proc/self/status | tr "\\n" " "; touch /no 2>&1; cat /proc/self/oom_score_adj; head -c 9000 /dev/zero | tr "\\0" x > /dev/termination-log; exit 7',
      {},
      { securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } } },
    );
    expect(lines[0]).toMatch(/CapEff:\t0+ NoNewPrivs:\t1 Seccomp:\t2/);
    expect(lines[0]).toContain('Read-only file system');
    expect(lines[1]).toBe('1000');
    expect(terminated).toMatchObject({ exitCode: 7, message: 'x'.repeat(4096) });
  });

  it('does not run as root where it must not, nor beyond the policy', async () => {
    await pods().create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'root', namespace: 'default' }, spec: { nodeName: 'node', securityContext: { runAsNonRoot: true }, containers: [{ name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['true'] }] } } as Pod);
    const waiting = await until('root', (pod) => containerOf(pod as Pod)?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(containerOf(waiting as Pod)?.state?.waiting?.message).toContain('container has runAsNonRoot and image will run as root');
    await pods().create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'host', namespace: 'default' }, spec: { nodeName: 'node', hostNetwork: true, containers: [{ name: 'main', image: 'box' }] } } as Pod);
    expect((await until('host', (pod) => pod?.status?.phase === 'Failed'))?.status).toMatchObject({ reason: 'Forbidden', message: expect.stringContaining('policy.hostNetwork') as string });
  });
});
