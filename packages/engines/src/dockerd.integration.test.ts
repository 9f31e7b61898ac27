import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerEngine, engineApi, busyboxImage, imageOf, requireParts, startDockerd, startRegistry } from './index.js';
import { mustApi } from './api.js';
import { alive } from './dockerd.js';
import { startGuardian } from './guardian.js';

const never = new AbortController().signal;
const parts = requireParts('dockerd', 'busybox', 'ip');

/** Process ids whose arguments name the folder. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
    } catch {
      return false; // ended meanwhile
    }
  });
}
const mountsOf = (folder: string): string[] => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(`${folder}/`));
const bridges = (): string[] => readdirSync('/sys/class/net').filter((name) => /^od\d+x\d+$/.test(name));

async function until(wanted: () => boolean, what: string): Promise<void> {
  const limit = systemClock.monotonic() + 20_000;
  while (!wanted()) {
    if (systemClock.monotonic() > limit) throw new Error(`${what} did not come to hold`);
    await systemClock.sleep(20, never);
  }
}

/** Makes and starts a container; resolves with its id and the pid of its first process. */
async function run(engine: DockerEngine, image: string, command: readonly string[], network = 'none'): Promise<{ id: string; pid: number; ip: string }> {
  const { Id: id } = JSON.parse(await mustApi(engine.socketPath, 'POST', '/containers/create', { body: { Image: image, Cmd: command, StopSignal: 'SIGKILL', HostConfig: { NetworkMode: network } } })) as { Id: string };
  await mustApi(engine.socketPath, 'POST', `/containers/${id}/start`);
  const told = JSON.parse(await mustApi(engine.socketPath, 'GET', `/containers/${id}/json`)) as { State: { Pid: number }; NetworkSettings: { Networks: Record<string, { IPAddress: string }> } };
  return { id, pid: told.State.Pid, ip: told.NetworkSettings.Networks[network]?.IPAddress ?? '' };
}

describe.skipIf(parts.missing)(`startDockerd${parts.note}`, () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startDockerd({ bridge: true });
    await busyboxImage(engine.socketPath);
  });
  afterAll(() => engine.stop());

  it('runs containers from the machine\'s busybox, on a bridge of its own', async () => {
    const { id, ip } = await run(engine, 'busybox', ['sh', '-c', 'ls /tmp && exec sleep 1000'], 'bridge');
    expect(ip.split('.').slice(0, 3).join('.')).toBe(engine.subnet?.split('.').slice(0, 3).join('.'));
    expect((await engineApi(engine.socketPath, 'DELETE', `/containers/${id}?force=1`)).status).toBe(204);
  });

  it('makes an image of a program with its shared libraries', async () => {
    await imageOf(engine.socketPath, 'node:test', { programs: { '/usr/bin/node': process.execPath }, changes: ['ENTRYPOINT ["/usr/bin/node"]'] });
    const { id } = await run(engine, 'node:test', ['-e', 'process.exit(7)']);
    expect(JSON.parse(await mustApi(engine.socketPath, 'POST', `/containers/${id}/wait`))).toMatchObject({ StatusCode: 7 });
  });

  it('comes up again after kill -9, on the same data', async () => {
    const { id } = await run(engine, 'busybox', ['sleep', '1000']);
    const before = engine.pid;
    await engine.kill('SIGKILL');
    await engine.restart();
    expect(engine.pid).not.toBe(before);
    expect(JSON.parse(await mustApi(engine.socketPath, 'GET', `/containers/${id}/json`))).toMatchObject({ State: { Running: false } });
    await engine.restart();
    await busyboxImage(engine.socketPath, 'again');
  });

  it('takes a push into a registry with passwords, and tells the digest', async () => {
    requireParts('docker-registry', 'perl');
    await using registry = await startRegistry({ users: { anna: 'pa ss' } });
    const { reference, digest } = await registry.push(engine.socketPath, 'busybox', 'team/box:1');
    expect(reference).toBe(`${registry.host}/team/box:1`);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    await expect(registry.push(engine.socketPath, 'busybox', 'team/box:2', 'nobody')).rejects.toThrow(/no basic auth|authori/);
  });

  it('leaves no process, mount, interface or folder behind, not even of what it was killed under', async () => {
    const other = await startDockerd({ bridge: true, liveRestore: true });
    const name = `od${other.subnet?.split('.')[1]}x${other.subnet?.split('.')[2]}`;
    expect(bridges()).toContain(name);
    await busyboxImage(other.socketPath);
    const { id, pid } = await run(other, 'busybox', ['sleep', '1000'], 'bridge');
    await other.kill('SIGKILL');
    await other.start();
    expect(JSON.parse(await mustApi(other.socketPath, 'GET', `/containers/${id}/json`))).toMatchObject({ State: { Running: true, Pid: pid } });
    await other.kill('SIGKILL');
    expect(alive(pid)).toBe(true);
    await Promise.all([other.stop(), other.stop()]);
    expect(processesOf(other.folder)).toEqual([]);
    expect(alive(pid)).toBe(false);
    expect(mountsOf(other.folder)).toEqual([]);
    expect(bridges()).not.toContain(name);
    expect(existsSync(other.folder)).toBe(false);
    const groups = readdirSync('/sys/fs/cgroup').filter((controller) => existsSync(`/sys/fs/cgroup/${controller}/docker/${id}`));
    expect(groups).toEqual([]);
  });
});

describe('the guardian', () => {
  it('cleans up after a process that was killed', async () => {
    // A process that starts a guardian as this one would, and something in the guarded folder; then it dies.
    const script = `
      const { mkdtempSync } = require('node:fs'); const { spawn } = require('node:child_process');
      const folder = mkdtempSync('/tmp/og-');
      const guardian = spawn('/bin/sh', ['-c', process.argv[1], 'guardian', folder, ''], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
      spawn('sh', ['-c', 'while :; do sleep 1; done', folder + '/x'], { stdio: 'ignore', detached: true });
      console.log(folder); setInterval(() => guardian.pid, 1000);`;
    const child = spawn(process.execPath, ['-e', script, await guardianScript()], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const folder = chunk.toString().trim();
    await until(() => processesOf(folder).length === 1, 'the guarded process');
    child.kill('SIGKILL');
    await until(() => !existsSync(folder) && processesOf(folder).length === 0, 'the clean-up');
  });

  it('says what it could not remove', async () => {
    const guardian = startGuardian('/proc/self/fdinfo');
    await expect(guardian.sweep()).rejects.toThrow(/could not be cleaned up/);
  });
});

const guardianScript = async (): Promise<string> => (await import('./guardian.js')).GUARDIAN_SCRIPT;
