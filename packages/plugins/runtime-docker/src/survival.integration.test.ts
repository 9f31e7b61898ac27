import type { LogEntry, RuntimeEvent } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { busyboxImage, engineApi, requireParts, startDockerd } from '@orrery/engines';
import type { DockerEngine } from '@orrery/engines';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDockerRuntime } from './docker-runtime.js';
import type { DockerRuntime } from './docker-runtime.js';
import { IMAGE, leftoversOf } from './test/context.js';
import { lossyProxy } from './test/lossy-proxy.js';
import { containerOf, eventually, never, sandboxOf, startPod } from './test/pods.js';

const { missing, note } = requireParts('dockerd', 'busybox', 'tar');
const PODS = 20;

/** An engine, and runtimes on it that are gone after each test. */
function onEngine(options: { readonly liveRestore: boolean }): { engine(): DockerEngine; open(over?: Parameters<typeof createDockerRuntime>[0]): DockerRuntime; id(): string } {
  let engine: DockerEngine;
  let opened: DockerRuntime[] = [];
  let serial = 0;
  beforeAll(async () => {
    engine = await startDockerd(options);
    await busyboxImage(engine.socketPath, IMAGE);
  });
  afterAll(() => engine?.stop());
  const id = (): string => `survival-${process.pid}-${serial}`;
  const open = (over = {}): DockerRuntime => {
    const runtime = createDockerRuntime({ id: id(), socketPath: engine.socketPath, network: 'none', ...over });
    opened.push(runtime);
    return runtime;
  };
  afterEach(async () => {
    await engine.kill('SIGCONT');
    await engine.start();
    const last = open();
    for (const each of opened) if (each !== last) await each[Symbol.asyncDispose]();
    await last.destroy(never);
    expect(await leftoversOf(engine, id())).toEqual([]);
    opened = [];
    serial += 1;
  });
  return { engine: () => engine, open, id };
}

const byHand = async (engine: DockerEngine, method: 'DELETE' | 'POST', path: string): Promise<void> => {
  const { status, text } = await engineApi(engine.socketPath, method, path);
  expect([status, text]).toEqual([204, '']);
};

describe.skipIf(missing)(`an engine that keeps containers while it is down${note}`, () => {
  const { engine, open, id } = onEngine({ liveRestore: true });

  it('kill -9 of the engine under 20 running pods: none is lost, none is duplicated', async () => {
    const runtime = open();
    const pods = await Promise.all(Array.from({ length: PODS }, (_, index) => startPod(runtime, `pod-${index}`, 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.2; done')));
    const before = new Map((await runtime.listContainers(never)).map(({ id: each, startedAt }) => [each, startedAt]));
    const abort = new AbortController();
    const heard: RuntimeEvent[] = [];
    const listening = (async () => {
      for await (const event of runtime.events(abort.signal)) heard.push(event);
    })();
    const lines: LogEntry[] = [];
    const following = (async () => {
      for await (const line of runtime.logs(pods[0]?.id ?? '', { follow: true }, abort.signal)) lines.push(line);
    })();
    await eventually('the follower reads', () => lines.length > 2);

    await engine().kill('SIGKILL');
    await expect(runtime.listContainers(never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await engine().start();

    const after = await runtime.listContainers(never);
    expect(new Map(after.map(({ id: each, startedAt }) => [each, startedAt]))).toEqual(before);
    expect(new Set(after.map(({ state }) => state))).toEqual(new Set(['running']));
    expect((await runtime.listSandboxes(never)).filter(({ state }) => state === 'ready')).toHaveLength(PODS);
    for (const [index, pod] of pods.entries()) {
      expect((await runtime.runSandbox(sandboxOf(`pod-${index}`), never)).id).toBe(pod.sandboxId);
      expect(await runtime.createContainer(pod.sandboxId, containerOf(), never)).toBe(pod.id);
      await runtime.startContainer(pod.id, never);
    }
    expect(await runtime.listContainers(never)).toHaveLength(PODS);
    await eventually('the gap is told', () => heard.some(({ type }) => type === 'resync'));
    const then = lines.length;
    await eventually('the follower goes on', () => lines.length > then + 2);
    expect(lines.map(({ line }) => Number(line))).toEqual(lines.map((_, index) => index));
    await runtime.stopContainer(pods[1]?.id ?? '', 100, never);
    expect(await runtime.containerStatus(pods[1]?.id ?? '', never)).toMatchObject({ state: 'exited', exitCode: 137 });
    abort.abort();
    await Promise.all([listening, following]);
  });

  it('an engine that is away for a while: calls say UNAVAILABLE, an exit meanwhile is told afterwards', async () => {
    const runtime = open();
    const { id: container, sandboxId } = await startPod(runtime, 'one', 'sleep 1; exit 3');
    await engine().kill('SIGKILL');
    for (const call of [runtime.ready(never), runtime.runSandbox(sandboxOf('two'), never), runtime.containerStatus(container, never), runtime.removeContainer(container, never)]) {
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    await engine().start();
    const status = await eventually('the exit is told', async () => {
      const now = await runtime.containerStatus(container, never);
      return now.state === 'exited' && now;
    });
    expect(status.exitCode).toBeTypeOf('number');
    await runtime.ready(never);
    expect((await runtime.runSandbox(sandboxOf('one'), never)).id).toBe(sandboxId);
    await startPod(runtime, 'two');
  });

  it('an engine that hangs: a call ends with TIMEOUT, and what hung goes on', async () => {
    const runtime = open({ callTimeoutMs: 700 });
    const { id: container } = await startPod(runtime, 'one');
    await engine().kill('SIGSTOP');
    await expect(runtime.listContainers(never)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(runtime.ready(never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await engine().kill('SIGCONT');
    await eventually('it answers again', async () => runtime.listContainers(never).then((all) => all.some((each) => each.id === container && each.state === 'running'), () => false));
  });

  it('killed, renamed and removed by hand: told as it is, known by its labels', async () => {
    const runtime = open();
    const one = await startPod(runtime, 'one');
    const two = await startPod(runtime, 'two');
    await byHand(engine(), 'POST', `/containers/${one.id}/rename?name=by-hand-${id()}`);
    await byHand(engine(), 'POST', `/containers/${one.sandboxId}/rename?name=by-hand-too-${id()}`);
    expect((await runtime.runSandbox(sandboxOf('one'), never)).id).toBe(one.sandboxId);
    expect(await runtime.createContainer(one.sandboxId, containerOf(), never)).toBe(one.id);

    await byHand(engine(), 'POST', `/containers/${one.id}/kill`);
    expect(await eventually('the kill is told', async () => {
      const [now] = await runtime.listContainers(never, one.sandboxId);
      return now?.state === 'exited' && now;
    })).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });

    await byHand(engine(), 'DELETE', `/containers/${two.id}?force=1`);
    await expect(runtime.containerStatus(two.id, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await runtime.listContainers(never)).map((each) => each.id)).toEqual([one.id]);
    const again = await runtime.createContainer(two.sandboxId, containerOf(), never);
    expect(again).not.toBe(two.id);

    await byHand(engine(), 'POST', `/containers/${two.sandboxId}/kill`);
    await eventually('the sandbox is told as not ready', async () => (await runtime.listSandboxes(never)).find((each) => each.id === two.sandboxId)?.state === 'notReady');
    await expect(runtime.createContainer(two.sandboxId, containerOf(undefined, { name: 'late' }), never)).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('a paused container is still running, and can be stopped', async () => {
    const runtime = open();
    const { id: container } = await startPod(runtime, 'one');
    await byHand(engine(), 'POST', `/containers/${container}/pause`);
    expect(await runtime.containerStatus(container, never)).toMatchObject({ state: 'running' });
    await runtime.stopContainer(container, 5_000, never);
    expect(await runtime.containerStatus(container, never)).toMatchObject({ state: 'exited', exitCode: 143 });
  });

  it('somebody else\'s containers are neither seen nor touched', async () => {
    const runtime = open();
    const other = open({ id: `${id()}-other` });
    const { id: container, sandboxId } = await startPod(other, 'one');
    expect([await runtime.listContainers(never), await runtime.listSandboxes(never)]).toEqual([[], []]);
    await runtime.stopContainer(container, 0, never);
    await runtime.removeContainer(container, never);
    await runtime.removeSandbox(sandboxId, never);
    await expect(runtime.exec(container, { command: ['id'], tty: false, stdin: false }, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await other.containerStatus(container, never)).toMatchObject({ state: 'running' });
    await other.destroy(never);
  });

  it('a lost reply to create or start: one container, started once', async () => {
    const proxy = await lossyProxy(engine().socketPath);
    try {
      const runtime = open({ socketPath: proxy.socketPath });
      const retry = async <T>(work: () => Promise<T>): Promise<T> => {
        for (let time = 1; ; time++) {
          try {
            return await work();
          } catch (error) {
            if (time === 4 || !OrreryError.is(error, 'UNAVAILABLE')) throw error;
          }
        }
      };
      proxy.loseReply(/^POST \/containers\/create/);
      proxy.loseReply(/^POST \/containers\/\w+\/start/);
      const { id: sandboxId } = await retry(() => runtime.runSandbox(sandboxOf('one'), never));
      // Both the call and the try that follows at once: what was made is then found by its labels.
      for (let time = 0; time < 2; time++) proxy.loseReply(/^POST \/containers\/create/);
      proxy.loseReply(/^POST \/containers\/\w+\/start/);
      const container = await retry(() => runtime.createContainer(sandboxId, containerOf('echo started'), never));
      await retry(() => runtime.startContainer(container, never));
      await eventually('it ends', async () => (await runtime.containerStatus(container, never)).state === 'exited');
      await runtime.startContainer(container, never);
      expect([(await runtime.listSandboxes(never)).length, (await runtime.listContainers(never)).length]).toEqual([1, 1]);
      const lines: string[] = [];
      for await (const { line } of runtime.logs(container, {}, never)) lines.push(line);
      expect(lines).toEqual(['started']);
      expect(proxy.count(/^POST \/containers\/create/)).toBe(4);
      await runtime[Symbol.asyncDispose]();
    } finally {
      await proxy.close();
    }
  });

  it('lists of what has not changed take one request, whatever their length', async () => {
    const proxy = await lossyProxy(engine().socketPath);
    try {
      await Promise.all(Array.from({ length: 5 }, (_, index) => startPod(open(), `pod-${index}`)));
      const runtime = open({ socketPath: proxy.socketPath });
      const first = await runtime.listContainers(never);
      expect(first).toHaveLength(5);
      const before = proxy.count(/./);
      expect(await runtime.listContainers(never)).toEqual(first);
      expect(proxy.count(/./)).toBe(before + 1);
      await runtime[Symbol.asyncDispose]();
    } finally {
      await proxy.close();
    }
  });
});

describe.skipIf(missing)(`an engine whose containers end with it${note}`, () => {
  const { engine, open } = onEngine({ liveRestore: false });

  it('kill -9 and restart under 20 running pods: every container is told once, with its end', async () => {
    const runtime = open();
    const pods = await Promise.all(Array.from({ length: PODS }, (_, index) => startPod(runtime, `pod-${index}`)));
    await engine().kill('SIGKILL');
    await engine().start();
    const containers = await runtime.listContainers(never);
    expect(containers.map(({ id }) => id).sort()).toEqual(pods.map(({ id }) => id).sort());
    const sandboxes = await runtime.listSandboxes(never);
    expect(sandboxes.map(({ id }) => id).sort()).toEqual(pods.map(({ sandboxId }) => sandboxId).sort());
    const states = containers.map(({ state, exitCode }) => `${state} ${exitCode ?? ''}`);
    // An engine without live restore asks what it finds running to end, and waits for it.
    expect(new Set(states)).toEqual(new Set(['exited 143']));
    expect(new Set(sandboxes.map(({ state }) => state))).toEqual(new Set(['notReady']));
    // The next attempt of each pod starts beside what is left of the last.
    const [first] = pods;
    const next = await runtime.runSandbox(sandboxOf('pod-0', { attempt: 1 }), never);
    expect(next.id).not.toBe(first?.sandboxId);
    const id = await runtime.createContainer(next.id, containerOf(), never);
    await runtime.startContainer(id, never);
    expect(await runtime.containerStatus(id, never)).toMatchObject({ state: 'running' });
  });
});
