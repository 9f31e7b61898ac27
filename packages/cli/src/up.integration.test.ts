import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kubectl, requireKubectl } from '@orrery/engines';
import { type Run, Runs } from './test/runs.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The program as it is installed, and the real kubectl with the kubeconfig that it wrote.

const folder = mkdtempSync(join(tmpdir(), 'orrery-up-'));
const { missing, note, program: kubectlProgram } = requireKubectl();

const runs = new Runs(folder);
async function up(...args: string[]): Promise<Run> {
  const run = runs.orrery(['up', '--listen', '127.0.0.1:0', ...args]);
  await run.said(/kubectl get nodes/);
  return run;
}

/** Containers that a failed test leaves behind. */
const left: number[] = [];
const kubectl = (config: string): Kubectl => new Kubectl(kubectlProgram, join(folder, 'kubectl-home'), config);

beforeAll(() => {
  Runs.check();
});
afterAll(async () => {
  for (const run of runs.all) await run.stop('SIGKILL');
  for (const pid of left) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing)(`orrery up${note}`, () => {
  it('serves a cluster whose containers, objects and clients outlive a kill -9', async () => {
    const data = join(folder, 'kept');
    const audit = join(folder, 'audit.log');
    const first = await up('--data', data, '--log', 'error', '--audit-log', audit);
    const config = join(data, 'kubeconfig');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    const k = kubectl(config);
    expect(await k.run('get nodes')).toMatch(/ Ready /);
    await k.try(['create', 'deployment', 'web', '--image=none', '--', 'sh', '-c', 'echo here as $$$$; exec sleep 1000']);
    await k.run('rollout status deployment/web --timeout=20s');
    const said = await k.run('logs deployment/web');
    expect(said).toMatch(/^here as \d+\n$/);
    const pid = Number(said.split(' ')[2]);
    left.push(pid);
    const { uid } = JSON.parse(await k.run('get pods -o json')).items[0].metadata;

    const written = readFileSync(audit, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    expect(written.filter(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'deployments')).toEqual([expect.objectContaining({ user: expect.objectContaining({ username: 'orrery-admin' }), responseStatus: expect.objectContaining({ code: 201 }) })]);
    await first.stop('SIGKILL');
    process.kill(pid, 0);
    const second = await up('--data', data, '--log', 'error', '--on-exit', 'remove');
    const [pod] = JSON.parse(await k.run('get pods -o json')).items;
    expect([pod.metadata.uid, pod.status.containerStatuses[0].restartCount, await k.run('logs deployment/web')]).toEqual([uid, 0, said]);
    expect(await k.run('auth can-i delete nodes')).toMatch(/^yes\n/);
    expect((await k.try(['auth', 'can-i', 'list', 'secrets', '--as=anna'])).out).toBe('no\n');
    expect(await second.stop('SIGINT')).toBe(0);
    expect(second.out).toContain('stopped; containers were removed');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    left.length = 0;
  });

  it('is two nodes or a control plane alone, as it is told by a file', async () => {
    const config = join(folder, 'config.yaml');
    writeFileSync(config, `store: memory\nruntime: simulated\nnodes: 2\ndata: ${join(folder, 'two')}\nkubeconfig: ${join(folder, 'two.kubeconfig')}\nlogFormat: json\nlog: info\n`);
    const two = await up('--config', config);
    expect((await kubectl(join(folder, 'two.kubeconfig')).run('get nodes -o name')).trim().split('\n')).toHaveLength(2);
    expect(two.out).toMatch(/^\{"time":"[^"]+","level":"info","message":"the Kubernetes API is served"/m);
    expect(await two.stop('SIGTERM')).toBe(0);
    const alone = await up('--config', config, '--nodes', '0');
    expect(await kubectl(join(folder, 'two.kubeconfig')).run('get nodes')).toContain('No resources found');
    expect(await alone.stop('SIGINT')).toBe(0);
  });
});

describe('orrery', () => {
  it('says what is wrong and ends with 2, and touches nothing of others', async () => {
    const foreign = join(folder, 'foreign');
    writeFileSync(foreign, 'apiVersion: v1\nkind: Config\nclusters: [{ name: work }]\n');
    for (const [args, says] of [
      [['up', '--store', 'mysql://x'], /^error: --store: must be memory, sqlite/],
      [['up', '--nodes', 'many'], /must be a whole number/],
      [['upp'], /Did you mean up\?/],
      [['up', '--data', join(folder, 'foreign-data'), '--store', 'memory', '--runtime', 'simulated', '--listen', '127.0.0.1:0', '--kubeconfig', foreign], /^error: --kubeconfig .*has other clusters in it/m],
    ] as const) {
      const run = runs.orrery(args);
      expect(await run.ended, run.out).toBe(2);
      expect(run.out).toMatch(says);
    }
    expect(readFileSync(foreign, 'utf8')).toContain('name: work');
    const help = runs.orrery(['--help']);
    expect([await help.ended, help.out]).toEqual([0, expect.stringContaining('up [options]')]);
  });
});
