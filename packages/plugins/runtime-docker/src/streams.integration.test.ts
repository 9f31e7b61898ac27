import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogEntry } from '@orrery/core';
import { systemClock } from '@orrery/core';
import { busyboxImage, engineApi, requireParts, startDockerd } from '@orrery/engines';
import type { DockerEngine } from '@orrery/engines';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDockerRuntime } from './docker-runtime.js';
import type { DockerRuntime } from './docker-runtime.js';
import { IMAGE } from './test/context.js';
import { containerOf, eventually, never, sandboxOf, startPod } from './test/pods.js';

const { missing, note } = requireParts('dockerd', 'busybox', 'tar', 'ip');

describe.skipIf(missing)(`what a real engine must be held to${note}`, () => {
  let engine: DockerEngine;
  let runtime: DockerRuntime;
  let serial = 0;
  const folder = mkdtempSync(join(tmpdir(), 'orrery-streams-'));
  beforeAll(async () => {
    engine = await startDockerd({ bridge: true });
    await busyboxImage(engine.socketPath, IMAGE);
  });
  afterAll(async () => {
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => runtime?.destroy(never));
  const open = (over: Parameters<typeof createDockerRuntime>[0] = {}): DockerRuntime =>
    (runtime = createDockerRuntime({ id: `streams-${process.pid}-${serial++}`, socketPath: engine.socketPath, network: 'none', ...over }));
  const read = async (id: string, options = {}): Promise<LogEntry[]> => {
    const all: LogEntry[] = [];
    for await (const entry of runtime.logs(id, options, never)) all.push(entry);
    return all;
  };
  const ended = (id: string): Promise<unknown> => eventually('it ends', async () => (await runtime.containerStatus(id, never)).state === 'exited');
  const text = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };

  it('a log that was rotated reads through: whole while it fits, its last lines when it does not; a follower reaches the end and sees no line twice', async () => {
    open({ logMaxBytes: 16_384, logMaxFiles: 4 });
    const { id } = await startPod(runtime, 'one', 'read go; i=0; while [ $i -lt 600 ]; do echo "line $i"; i=$((i+1)); done; sleep 0.5; i=600; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done', { stdin: true, stdinOnce: true });
    const following = read(id, { follow: true });
    const session = await runtime.attach(id, { stdin: true, tty: false }, never);
    await session.stdin.write(Buffer.from('go\n'));
    await eventually('some is written', async () => (await read(id)).length >= 600);
    // 600 lines of some 80 bytes of JSON are three files: nothing is lost yet.
    expect((await read(id)).slice(0, 600).map(({ line }) => line)).toEqual(Array.from({ length: 600 }, (_, index) => `line ${index}`));
    await ended(id);
    const kept = (await read(id)).map(({ line }) => line);
    expect(kept.length).toBeLessThan(3_000);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `line ${3_000 - kept.length + index}`));
    expect((await read(id, { tailLines: 2 })).map(({ line }) => line)).toEqual(['line 2998', 'line 2999']);
    const followed = (await following).map(({ line }) => line);
    const numbers = followed.map((line) => Number(line.slice('line '.length)));
    // What was rotated away before it could be read is missing; nothing else may be.
    expect(numbers).toEqual([...new Set(numbers)].sort((one, two) => one - two));
    expect(numbers.at(-1)).toBe(2_999);
  });

  it('a follower reads each of 5,000 lines once and in order across many rotations', async () => {
    open({ logMaxBytes: 8_192, logMaxFiles: 200 });
    const { id } = await startPod(runtime, 'many', 'i=0; while [ $i -lt 5000 ]; do echo "$i"; echo "$i" >&2; i=$((i+1)); done', {});
    const followed = await read(id, { follow: true });
    for (const stream of ['stdout', 'stderr']) {
      expect(followed.filter((entry) => entry.stream === stream).map(({ line }) => Number(line))).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
    }
  });

  it('a follower that wants no old line, or only the last, begins there', async () => {
    open();
    const { id } = await startPod(runtime, 'tail', 'echo old >&2; read a; echo new; read go; while :; do echo after; sleep 0.1; done', { stdin: true, stdinOnce: true });
    const session = await runtime.attach(id, { stdin: true, tty: false }, never);
    await eventually('the first is written', async () => (await read(id)).length === 1);
    await session.stdin.write(Buffer.from('\n'));
    await eventually('the second is written', async () => (await read(id)).length === 2);
    const abort = new AbortController();
    const [none, last] = [0, 1].map((tailLines) => runtime.logs(id, { follow: true, tailLines }, abort.signal)[Symbol.asyncIterator]());
    const next = async (lines: AsyncIterator<LogEntry> | undefined): Promise<string> => ((await lines?.next())?.value as LogEntry).line;
    const afterNone = next(none);
    expect(await next(last)).toBe('new');
    await session.stdin.write(Buffer.from('\n'));
    expect([await afterNone, await next(last)]).toEqual(['after', 'after']);
    abort.abort();
    await Promise.all([none?.return?.(), last?.return?.()]);
    await session.close();
  });

  it('a long line comes in pieces that make the line, with and without a terminal', async () => {
    open();
    for (const tty of [false, true]) {
      const { id } = await startPod(runtime, `tty-${tty}`, 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo short', { tty });
      await ended(id);
      const entries = await read(id);
      expect(entries.map(({ partial }) => partial)).toEqual([true, true, false, false]);
      expect(entries.slice(0, 3).map(({ line }) => line).join('').trimEnd()).toBe('x'.repeat(40_000));
      expect(entries[3]?.line.trimEnd()).toBe('short');
    }
  });

  it('a port of a pod without an address is reached from inside, and what the server says first arrives', async () => {
    open();
    const { sandboxId } = await startPod(runtime, 'one', 'nc -ll -p 7000 -e sh -c "echo welcome; cat" & wait');
    const stream = await eventually('the port answers', () => runtime.portForward(sandboxId, 7_000, never).catch(() => undefined));
    const said = text(stream.readable);
    await stream.write(Buffer.from('hello\n'));
    stream.end();
    expect(await said).toBe('welcome\nhello\n');
    await stream.close();
    await expect(runtime.portForward(sandboxId, 7_001, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('a published port is reached on the node, and one that is taken is told', async () => {
    open({ network: 'bridge' });
    const port = 20_000 + (process.pid % 20_000);
    const hostPorts = [{ protocol: 'TCP' as const, containerPort: 7_000, hostPort: port, hostIP: '127.0.0.1' }];
    const sandbox = await runtime.runSandbox(sandboxOf('one', { hostPorts }), never);
    const id = await runtime.createContainer(sandbox.id, containerOf('nc -ll -p 7000 -e echo published & wait'), never);
    await runtime.startContainer(id, never);
    await eventually('the port answers', async () => (await text(connect(port, '127.0.0.1')).catch(() => '')) === 'published\n');
    const second = sandboxOf('two', { hostPorts });
    await expect(runtime.runSandbox(second, never)).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('already allocated') });
    expect((await runtime.listSandboxes(never)).map(({ pod, state }) => `${pod.name} ${state}`).sort()).toEqual(['one ready', 'two notReady']);
    await runtime.removeSandbox(sandbox.id, never);
    expect((await runtime.runSandbox(second, never)).state).toBe('ready');
  });

  it('closing a session ends its command', async () => {
    open();
    const { id } = await startPod(runtime, 'one');
    const session = await runtime.exec(id, { command: ['sh', '-c', 'echo begun; exec sleep 987'], tty: false, stdin: false }, never);
    for await (const chunk of session.stdout) if (Buffer.from(chunk).toString().includes('begun')) break;
    const running = async (): Promise<boolean> => {
      const look = await runtime.exec(id, { command: ['sh', '-c', 'ps | grep -q "[s]leep 987"'], tty: false, stdin: false }, never);
      return (await look.exitCode) === 0;
    };
    expect(await running()).toBe(true);
    await session.close();
    await eventually('the command has ended', async () => !(await running()));
    expect((await runtime.containerStatus(id, never)).state).toBe('running');
  });

  it('a command that does not exist is told: by an error, or by 126 or 127', async () => {
    open();
    const { id } = await startPod(runtime, 'one');
    const outcome = await runtime.exec(id, { command: ['/no/such'], tty: false, stdin: false }, never).then(({ exitCode }) => exitCode, (error: { code: string }) => error.code);
    expect(['INVALID', 126, 127]).toContain(outcome);
  });

  it('statistics count memory, processes, logs and what is written beside volumes', async () => {
    open();
    const { id } = await startPod(runtime, 'one', 'head -c 3000000 /dev/zero > /big; head -c 20000 /dev/zero | tr "\\0" y; echo; echo done; sleep 100 & sleep 100 & wait');
    await eventually('it has written', async () => (await read(id)).some(({ line }) => line === 'done'));
    const stats = await eventually('the processes are there', async () => (await runtime.stats(never)).find(({ processes = 0 }) => processes >= 3));
    expect(stats).toMatchObject({ containerId: id, name: 'main' });
    expect(stats.logBytes).toBeGreaterThan(20_000);
    expect(stats.writableLayerBytes).toBeGreaterThan(2_900_000);
    expect(stats.workingSetBytes).toBeGreaterThan(0);
  });

  it('a profile of the node filters system calls', async () => {
    mkdirSync(join(folder, 'seccomp'), { recursive: true });
    writeFileSync(join(folder, 'seccomp', 'no-mkdir.json'), JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }] }));
    open({ seccompProfileRoot: join(folder, 'seccomp') });
    const { id } = await startPod(runtime, 'one', 'mkdir /x; echo $?', { security: { seccomp: { type: 'Localhost', profile: 'no-mkdir.json' } } });
    await ended(id);
    expect((await read(id)).filter(({ stream }) => stream === 'stdout').map(({ line }) => line)).toEqual(['1']);
  });

  it('nothing is left of an image\'s volumes', async () => {
    await busyboxImage(engine.socketPath, 'with-volume:1', ['VOLUME /data', 'CMD ["sh"]']);
    open();
    const volumes = async (): Promise<number> => ((JSON.parse((await engineApi(engine.socketPath, 'GET', '/volumes')).text) as { Volumes: unknown[] | null }).Volumes ?? []).length;
    const before = await volumes();
    const { id, sandboxId } = await startPod(runtime, 'one', 'touch /data/x', { image: 'with-volume:1' });
    await ended(id);
    expect(await volumes()).toBe(before + 1);
    await runtime.removeSandbox(sandboxId, never);
    expect(await volumes()).toBe(before);
  });

  it('what was begun and cannot be finished is collected, and only that', async () => {
    open();
    const one = await startPod(runtime, 'one');
    const two = await startPod(runtime, 'two');
    await engineApi(engine.socketPath, 'DELETE', `/containers/${two.sandboxId}?force=1`);
    expect(await runtime.collectOrphans(never)).toEqual([]);
    // An hour later, by another clock.
    const later = createDockerRuntime({ id: `streams-${process.pid}-${serial - 1}`, socketPath: engine.socketPath, network: 'none', clock: { ...systemClock, now: () => systemClock.now() + 3_600_000 } });
    expect(await later.collectOrphans(never)).toEqual([two.id]);
    await later[Symbol.asyncDispose]();
    expect((await runtime.listContainers(never)).map(({ id }) => id)).toEqual([one.id]);
  });
});
