import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContainerConfig } from '@orrery/core';
import { check } from '@orrery/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { bootId, isAlive, readStat, signalProcess } from './helper/proc.js';
import { createProcessRuntime } from './host/process-runtime.js';
import type { ProcessRuntime } from './host/process-runtime.js';
import type { ProcessRuntimeOptions } from './host/options.js';
import { leftoversOf, temporaryDirectory } from './test/context.js';

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;
const hostScript = fileURLToPath(new URL('./test/host.mjs', import.meta.url));

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const act of undo.splice(0).reverse()) await act();
});

function fresh(options: ProcessRuntimeOptions = {}): ProcessRuntime {
  const parent = temporaryDirectory();
  undo.push(() => rmSync(parent, { recursive: true, force: true }));
  return reopen({ stateDir: join(parent, 'state'), lingerSeconds: 5, ...options });
}

function reopen(options: ProcessRuntimeOptions): ProcessRuntime {
  const runtime = createProcessRuntime(options);
  undo.push(async () => {
    if (existsSync(runtime.stateDir)) await createProcessRuntime({ ...options, stateDir: runtime.stateDir }).destroy(never);
    await runtime[Symbol.asyncDispose]();
  });
  return runtime;
}

async function run(runtime: ProcessRuntime, command: readonly string[], over: Partial<ContainerConfig> = {}): Promise<string> {
  const { id: sandboxId } = await runtime.runSandbox(
    { pod: { namespace: 'test', name: 'pod', uid: 'uid' }, attempt: 0, hostname: 'pod', labels: {}, annotations: {}, hostNetwork: false, hostPorts: [] },
    never,
  );
  const base = { name: 'main', attempt: 0, image: 'test', args: [], env: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {} };
  const id = await runtime.createContainer(sandboxId, { ...base, command, ...over }, never);
  await runtime.startContainer(id, never);
  return id;
}

const exited = (runtime: ProcessRuntime, id: string) =>
  check.eventually('the container has exited', async () => {
    const status = await runtime.containerStatus(id, never);
    return status.state === 'exited' && status;
  });

async function lines(runtime: ProcessRuntime, id: string): Promise<string[]> {
  const all: string[] = [];
  for await (const { line } of runtime.logs(id, {}, never)) all.push(line);
  return all;
}

const firstLine = (runtime: ProcessRuntime, id: string) => check.eventually('the container has written', async () => (await lines(runtime, id))[0]);

/** The helper of a state directory, by its command line. */
function helperPid(stateDir: string): number {
  const pid = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/cmdline`)) return false;
    return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`"stateDir":"${stateDir}"`) && readStat(Number(name))?.state !== 'Z';
  });
  return check.present(pid === undefined ? undefined : Number(pid), `There is a helper for ${stateDir}.`);
}

function alive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.state !== 'Z';
}

/** Runs the host script as a process of its own. Gives the container's id and the process. */
async function otherHost(options: ProcessRuntimeOptions, command: readonly string[], as: { readonly uid?: number; readonly gid?: number } = {}) {
  const child = spawn(process.execPath, [hostScript, JSON.stringify({ options, command })], { stdio: ['ignore', 'pipe', 'inherit'], ...as });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  undo.push(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const id = await check.eventually('the host has started its container', () => said.includes('\n') && said.trim());
  return { id, child, gone };
}

describe('when the host dies', () => {
  it('containers run on, and the next host has their logs and exit codes', async () => {
    const stateDir = join(temporary(), 'state');
    const options = { stateDir, lingerSeconds: 5 };
    const { id, child, gone } = await otherHost(options, ['sh', '-c', 'echo $$; while [ ! -e "$0" ]; do sleep 0.02; done; echo after; exit 23', join(stateDir, 'go')]);
    child.kill('SIGKILL');
    await gone;
    const runtime = reopen(options);
    expect((await runtime.containerStatus(id, never)).state).toBe('running');
    writeFileSync(join(stateDir, 'go'), '');
    expect(await exited(runtime, id)).toMatchObject({ exitCode: 23, reason: 'Error' });
    expect((await lines(runtime, id))[1]).toBe('after');
  });

  it('its helper leaves by itself once nothing runs, and the next one knows how everything ended', async () => {
    const runtime = fresh({ lingerSeconds: 0.05 });
    const id = await run(runtime, ['sh', '-c', 'exit 3']);
    await exited(runtime, id);
    const pid = helperPid(runtime.stateDir);
    await runtime[Symbol.asyncDispose]();
    await check.eventually('the helper has left', () => !alive(pid));
    expect((await reopen({ stateDir: runtime.stateDir }).containerStatus(id, never)).exitCode).toBe(3);
  });
});

describe('when the helper is killed', () => {
  it('the next one adopts what runs, and no output is lost', async () => {
    const runtime = fresh();
    const id = await run(runtime, ['sh', '-c', 'echo $$; i=0; while [ ! -e go ]; do echo line $i; i=$((i+1)); sleep 0.01; done; echo last; exec sleep 1000'], { workingDir: temporary() });
    const pid = Number(await firstLine(runtime, id));
    const first = helperPid(runtime.stateDir);
    signalProcess(first, 'SIGKILL');
    await check.eventually('there is another helper', async () => {
      await runtime.ready(never);
      return helperPid(runtime.stateDir) !== first;
    });
    expect(await runtime.containerStatus(id, never)).toMatchObject({ state: 'running' });
    expect(alive(pid)).toBe(true);
    writeFileSync(join(readlinkSync(`/proc/${pid}/cwd`), 'go'), '');
    await check.eventually('the last line is logged', async () => (await lines(runtime, id)).includes('last'));
    const numbers = (await lines(runtime, id)).filter((line) => line.startsWith('line ')).map((line) => Number(line.slice(5)));
    expect(numbers).toEqual(numbers.map((_, index) => index));
    await runtime.stopContainer(id, 5_000, never);
    expect(await runtime.containerStatus(id, never)).toMatchObject({ state: 'exited', exitCode: 137, reason: 'ContainerStatusUnknown' });
    expect(alive(pid)).toBe(false);
  });

  it('a process that only has the same number is not taken for the container, and is not touched', async () => {
    const runtime = fresh();
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
    undo.push(() => void stranger.kill('SIGKILL'));
    const id = await run(runtime, ['sleep', '1000']);
    await runtime[Symbol.asyncDispose]();
    signalProcess(helperPid(runtime.stateDir), 'SIGKILL');
    const journal = join(runtime.stateDir, 'journal');
    const records = readFileSync(journal, 'utf8');
    const real = Number(/"pid":(\d+)/.exec(records)?.[1]);
    signalProcess(real, 'SIGKILL');
    await check.eventually('the container is gone', () => !alive(real));
    writeFileSync(journal, records.replaceAll(/"pid":\d+/g, `"pid":${String(stranger.pid)}`));
    const next = reopen({ stateDir: runtime.stateDir });
    expect(await exited(next, id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    await next.removeContainer(id, never);
    expect(alive(stranger.pid as number)).toBe(true);
  });

  it('the record of another boot is not believed', () => {
    const identity = { pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? '', bootId: bootId() };
    expect(isAlive(identity, bootId())).toBe(true);
    expect(isAlive({ ...identity, bootId: 'another' }, bootId())).toBe(false);
    expect(isAlive({ ...identity, startTicks: '1' }, bootId())).toBe(false);
  });
});

describe('ending', () => {
  it('takes along grandchildren, also those in sessions of their own', async () => {
    const runtime = fresh();
    const id = await run(runtime, ['sh', '-c', 'sleep 1000 & echo $!; setsid sh -c "echo \\$\\$; exec sleep 1000 >/dev/null 2>&1" & wait']);
    const pids = (await check.eventually('both have said who they are', async () => {
      const said = await lines(runtime, id);
      return said.length === 2 && said;
    })).map(Number);
    expect(pids.every(alive)).toBe(true);
    await runtime.stopContainer(id, 5_000, never);
    expect(pids.filter(alive)).toEqual([]);
  });

  it('of the main process takes along what it left behind', async () => {
    const runtime = fresh();
    const id = await run(runtime, ['sh', '-c', 'setsid sleep 1000 & echo $!; exit 0']);
    const pid = Number(await firstLine(runtime, id));
    expect(await exited(runtime, id)).toMatchObject({ exitCode: 0 });
    await check.eventually('the orphan is gone', () => !alive(pid));
  });

  it('destroy leaves no process, socket or file', async () => {
    const runtime = fresh();
    const id = await run(runtime, ['sh', '-c', 'echo $$; trap "" TERM; while :; do sleep 1000; done']);
    const pid = Number(await firstLine(runtime, id));
    const helper = helperPid(runtime.stateDir);
    await runtime.destroy(never);
    expect([alive(pid), alive(helper), existsSync(runtime.stateDir)]).toEqual([false, false, false]);
    expect(leftoversOf(runtime.stateDir, new Set([id]))).toEqual([]);
  });

  it('has no zombie behind it', async () => {
    const runtime = fresh();
    const id = await run(runtime, ['sh', '-c', 'echo $$; exec sleep 1000']);
    const pid = Number(await firstLine(runtime, id));
    await runtime.stopContainer(id, 5_000, never);
    expect(readStat(pid)).toBeUndefined();
  });
});

describe('logs', () => {
  it('are rotated by size and count, and read across files', async () => {
    const runtime = fresh({ logMaxBytes: 4_096, logMaxFiles: 3 });
    const id = await run(runtime, ['sh', '-c', 'i=0; while [ $i -lt 400 ]; do echo "line $i ........................"; i=$((i+1)); [ $((i % 20)) -ne 0 ] || sleep 0.01; done']);
    await exited(runtime, id);
    const files = readdirSync(join(runtime.stateDir, 'containers', id)).filter((name) => name.endsWith('.log'));
    expect(files.length).toBe(3);
    const numbers = (await lines(runtime, id)).map((line) => Number(line.split(' ')[1]));
    expect(numbers.at(-1)).toBe(399);
    expect(numbers).toEqual(numbers.map((_, index) => 400 - numbers.length + index));
    const tail: string[] = [];
    for await (const { line } of runtime.logs(id, { tailLines: 120 }, never)) tail.push(line);
    expect(tail.length).toBe(Math.min(120, numbers.length));
  });

  it('cut long lines into pieces that add up', async () => {
    const runtime = fresh();
    const id = await run(runtime, [process.execPath, '-e', 'process.stdout.write("ä".repeat(20000) + "\\nend")']);
    await exited(runtime, id);
    const entries = [];
    for await (const entry of runtime.logs(id, {}, never)) entries.push(entry);
    expect(entries.map(({ line, partial }) => line + (partial ? '' : '\n')).join('')).toBe(`${'ä'.repeat(20000)}\nend`);
    expect(entries.length).toBe(4);
  });
});

describe('a container', () => {
  it('sees its mounts below ORRERY_ROOTFS, works in its directory, and nothing is written elsewhere', async () => {
    const runtime = fresh();
    const volume = temporary();
    writeFileSync(join(volume, 'key'), 'value');
    mkdirSync(join(volume, 'sub'));
    const mounts = [{ hostPath: volume, containerPath: '/etc/config', readOnly: true }];
    const id = await run(runtime, ['sh', '-c', 'cat "$ORRERY_ROOTFS/etc/config/key"; echo; pwd; echo "$GREETING"'], {
      mounts, workingDir: '/etc/config/sub', env: [{ name: 'GREETING', value: 'a' }, { name: 'GREETING', value: '$(b) "c"' }],
    });
    await exited(runtime, id);
    expect(await lines(runtime, id)).toEqual(['value', join(volume, 'sub'), '$(b) "c"']);
    await runtime.removeContainer(id, never);
    expect(readFileSync(join(volume, 'key'), 'utf8')).toBe('value');
  });

  it('is refused mounts and directories that cannot be', async () => {
    const runtime = fresh();
    const nested = [{ hostPath: '/', containerPath: '/a', readOnly: true }, { hostPath: '/', containerPath: '/a/b', readOnly: true }];
    await expect(run(runtime, ['true'], { mounts: nested })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(run(runtime, ['true'], { mounts: [{ hostPath: 'relative', containerPath: '/a', readOnly: true }] })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(run(runtime, ['true'], { workingDir: '/no/such/directory' })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(run(runtime, ['true'], { stopSignal: 'SIGNONSENSE' })).rejects.toMatchObject({ code: 'INVALID' });
  });
});

describe('several hosts', () => {
  it('that start together on one directory share one helper', async () => {
    const first = fresh();
    const runtimes = [first, ...[1, 2, 3].map(() => reopen({ stateDir: first.stateDir }))];
    await Promise.all(runtimes.map((runtime) => runtime.ready(never)));
    const id = await run(first, ['sleep', '1000']);
    for (const runtime of runtimes) expect((await runtime.containerStatus(id, never)).state).toBe('running');
  });

  it('on two directories never share an address', async () => {
    const pod = { pod: { namespace: 'test', name: 'pod', uid: 'uid' }, attempt: 0, hostname: 'pod', labels: {}, annotations: {}, hostNetwork: false, hostPorts: [] };
    const one = fresh({ podCIDR: '127.201.0.0/16' });
    expect((await one.runSandbox(pod, never)).ips).toEqual(['127.201.0.1']);
    const other = createProcessRuntime({ stateDir: temporary(), podCIDR: '127.201.0.0/16' });
    await expect(other.runSandbox(pod, never)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('held by another') });
    await other[Symbol.asyncDispose]();
    const blocks = await Promise.all([fresh(), fresh()].map(async (runtime) => (await runtime.runSandbox(pod, never)).ips[0]?.split('.')[1]));
    expect(blocks[0]).not.toBe(blocks[1]);
  });

  it('are refused a state directory that others can enter', () => {
    const open = temporary();
    chmodSync(open, 0o755);
    expect(() => createProcessRuntime({ stateDir: open })).toThrow(/0700/);
  });

  it('may have a state directory whose path is too long for a socket', async () => {
    const runtime = fresh({ stateDir: join(temporary(), 'long'.repeat(40)) });
    const id = await run(runtime, ['true']);
    expect((await exited(runtime, id)).exitCode).toBe(0);
  });
});

describe('limits', () => {
  it.runIf(isRoot)('of memory are enforced, and told as OOMKilled', async (test) => {
    const runtime = fresh();
    const program = 'const held = []; for (;;) held.push(Buffer.alloc(8 * 1024 * 1024, 1));';
    const id = await run(runtime, [process.execPath, '-e', program], { resources: { memoryLimitBytes: 128 * 1024 * 1024, cpuQuota: 100_000, cpuPeriod: 100_000, cpuShares: 512 } });
    if (!readFileSync(join(runtime.stateDir, 'journal'), 'utf8').includes('"cgroups"')) {
      if (process.env['ORRERY_REQUIRE'] === 'all') throw new Error('no control groups can be made here');
      return test.skip('no control groups here');
    }
    expect(await exited(runtime, id)).toMatchObject({ exitCode: 137, signal: 9, reason: 'OOMKilled' });
    const groups = [...readFileSync(join(runtime.stateDir, 'journal'), 'utf8').matchAll(/"(\/sys\/fs\/cgroup[^"]*)"/g)].map(([, path]) => path as string);
    await runtime.removeContainer(id, never);
    expect(groups.filter((path) => existsSync(path))).toEqual([]);
  });
});

describe('without root', () => {
  it.runIf(isRoot)('everything works but limits', async () => {
    const home = mkdtempSync(join(tmpdir(), 'orrery-nobody-'));
    undo.push(() => rmSync(home, { recursive: true, force: true }));
    chownSync(home, 65534, 65534);
    const stateDir = join(home, 'state');
    const { id } = await otherHost({ stateDir, workingDir: '/', lingerSeconds: 0.05 }, ['sh', '-c', 'id -u; exit 6'], { uid: 65534, gid: 65534 });
    const log = join(stateDir, 'containers', id, '1.log');
    await check.eventually('its output is logged', () => existsSync(log) && readFileSync(log, 'utf8').includes('stdout F 65534'));
    await check.eventually('its exit is recorded', () => readFileSync(join(stateDir, 'journal'), 'utf8').includes('"exitCode":6'));
  });
});

function temporary(): string {
  const path = temporaryDirectory();
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
