import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigMap, type Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { condition, containerOf, forever, never, shell, TestCluster } from './test/cluster.js';

let cluster: TestCluster;
let host: ChildProcess | undefined;
afterEach(async () => {
  host?.kill('SIGKILL');
  await cluster.dispose();
});

const podOf = (name: string, spec: Partial<Pod['spec']>): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', terminationGracePeriodSeconds: 2, ...spec } }) as Pod;

/** Runs a host of its own with these pods; `acknowledged` grows while it lives. */
function startHost(pods: readonly Pod[]): { readonly child: ChildProcess; readonly acknowledged: number[]; readonly problems: string[] } {
  const child = spawn(process.execPath, [fileURLToPath(new URL('test/host.mjs', import.meta.url)), JSON.stringify({ folder: cluster.folder, pods })], { stdio: ['ignore', 'pipe', 'pipe'] });
  const acknowledged: number[] = [];
  const problems: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    acknowledged.push(...lines.map(Number));
  });
  child.stderr.on('data', (chunk: Buffer) => problems.push(chunk.toString()));
  host = child;
  return { child, acknowledged, problems };
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('after a kill -9 of the host', () => {
  it('everything is adopted as it is: processes, logs, counts, ends that nobody saw', async () => {
    cluster = new TestCluster({ journal: true });
    const tick = 'echo "pid $$$$"; n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.1; done';
    const probed = shell(forever, { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } } as never);
    const { child, acknowledged, problems } = startHost([
      podOf('steady', { containers: [shell(tick)] }),
      podOf('probed', { containers: [probed] }),
      podOf('ends', { restartPolicy: 'Never', containers: [shell(`while [ ! -e ${cluster.folder}/end ]; do sleep 0.05; done; exit 5`)] }),
      podOf('looped', { containers: [shell(`test -e ${cluster.folder}/once && exec sleep 1000; : > ${cluster.folder}/once; exit 1`)] }),
    ]);
    // It is only known from outside what the host does: its journal is read by a second store only after its death.
    await expect.poll(() => acknowledged.length, { timeout: 30_000, message: problems.join('') }).toBeGreaterThan(300);
    await killed(child);
    writeFileSync(`${cluster.folder}/end`, '');
    await cluster.start();
    for (const n of acknowledged) expect(await cluster.orchestrator.client.kind(ConfigMap).find({ namespace: 'default', name: `written-${n}` }), `written-${n}`).toBeDefined();

    const steady = await cluster.ready('steady');
    expect(containerOf(steady)?.restartCount).toBe(0);
    const lines = await cluster.output(steady);
    const pids = lines.filter((line) => line.startsWith('pid'));
    expect(pids).toEqual([expect.stringMatching(/^pid \d+$/)]);
    expect(existsSync(`/proc/${pids[0]?.slice(4)}`)).toBe(true);
    const ticks = lines.filter((line) => line.startsWith('tick')).map((line) => Number(line.slice(5)));
    expect(ticks).toEqual(ticks.map((_, index) => index + 1));
    await expect.poll(async () => (await cluster.output(steady)).length).toBeGreaterThan(lines.length + 2);

    const failed = await cluster.phase('ends', 'Failed');
    expect(containerOf(failed)?.state?.terminated).toMatchObject({ exitCode: 5, reason: 'Error' });
    expect(containerOf(failed)?.restartCount).toBe(0);
    expect(containerOf(await cluster.ready('looped'))).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 1 } } });

    const probedNow = await cluster.ready('probed');
    const ready = probedNow.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(containerOf(probedNow)?.restartCount).toBe(0);
    expect(Date.parse(ready?.lastTransitionTime ?? '')).toBeLessThanOrEqual(Date.parse(probedNow.status?.startTime ?? '') + 3_000);

    const running = (await cluster.runtime.listContainers(never)).filter(({ state }) => state === 'running');
    expect(running.map(({ pod }) => pod.name).sort()).toEqual(['looped', 'probed', 'steady']);
    expect(await cluster.runtime.listSandboxes(never)).toHaveLength(4);
  });

  it('a pod that the API does not have any more is ended, and its volumes with it', async () => {
    cluster = new TestCluster();
    await cluster.start();
    const volumes = [{ name: 'data', emptyDir: {} }];
    await cluster.run('orphan', { volumes, containers: [shell(forever, { volumeMounts: [{ name: 'data', mountPath: '/data' }] })] });
    const { metadata } = await cluster.ready('orphan');
    await cluster.orchestrator.stop();
    // The next one's memory is empty: to it the pod has never been.
    await cluster.start();
    await expect.poll(async () => (await cluster.runtime.listSandboxes(never)).length).toBe(0);
    await expect.poll(() => existsSync(`${cluster.folder}/volumes/node/pods/${metadata.uid}`)).toBe(false);
  });

  it('a stop of the orchestrator leaves pods running, and the next goes on with them, also with an end that was under way', async () => {
    cluster = new TestCluster({ journal: true });
    await cluster.start();
    await cluster.run('stays', { containers: [shell('exec sleep 1000')] });
    await cluster.run('going', { terminationGracePeriodSeconds: 60, containers: [shell('trap "" TERM; echo up; while :; do sleep 0.1; done')] });
    const before = containerOf(await cluster.ready('stays'));
    await expect.poll(async () => cluster.output(await cluster.ready('going'))).toEqual(['up']);
    await cluster.pods.delete({ namespace: 'default', name: 'going' });
    await cluster.orchestrator.stop();
    await cluster.start();
    const after = await cluster.ready('stays');
    expect(containerOf(after)).toEqual(before);
    expect(condition(after, 'Ready')).toBe('True');
    expect((await cluster.get('going')).metadata.deletionTimestamp).toBeDefined();
    await cluster.pods.delete({ namespace: 'default', name: 'going' }, { gracePeriodSeconds: 1 });
    expect(await cluster.gone('going')).toBeLessThan(10_000);
  });
});
