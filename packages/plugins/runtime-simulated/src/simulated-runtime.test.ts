import type { CancelTimer, Clock, ContainerConfig, SandboxConfig } from '@orrery/core';
import { OrreryError, systemRandom } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import type { SimulatedBehaviour } from './behaviour.js';
import { SimulatedMachine, simulatedProber } from './machine.js';
import { createSimulatedRuntime } from './simulated-runtime.js';

/** A clock that moves only when told. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; fire: () => void }[] = [];

  now = (): number => 1_700_000_000_000 + this.#now;
  monotonic = (): number => this.#now;
  timer(delayMs: number, fire: () => void): CancelTimer {
    const entry = { at: this.#now + Math.max(0, delayMs), fire };
    this.#timers.push(entry);
    return () => (this.#timers = this.#timers.filter((other) => other !== entry));
  }
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.timer(delayMs, resolve));
  }
  get pending(): number {
    return this.#timers.length;
  }
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const [next] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#now = next.at;
      this.#timers = this.#timers.filter((other) => other !== next);
      next.fire();
    }
    this.#now = until;
  }
}

const never = new AbortController().signal;
const sandboxConfig = (name: string): SandboxConfig => ({
  pod: { namespace: 'n', name, uid: `uid-${name}` }, attempt: 0, hostname: name, labels: {}, annotations: {}, hostNetwork: false, hostPorts: [],
});
const config: ContainerConfig = {
  name: 'main', attempt: 0, image: 'web', command: [], args: [], env: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {},
};

function setUp(behaviour: SimulatedBehaviour, podCIDR?: string) {
  const clock = new HandClock();
  const machine = new SimulatedMachine({ clock, random: systemRandom, behaviour: () => behaviour, ...(podCIDR === undefined ? {} : { podCIDR }) });
  return { clock, machine, runtime: createSimulatedRuntime({ machine }) };
}

async function start({ runtime }: ReturnType<typeof setUp>, name = 'pod') {
  const sandbox = await runtime.runSandbox(sandboxConfig(name), never);
  const id = await runtime.createContainer(sandbox.id, config, never);
  return { sandbox, id, started: runtime.startContainer(id, never) };
}

describe('a simulated container', () => {
  it('starts, becomes ready and ends when its behaviour says so', async () => {
    const world = setUp({ startDelayMs: 100, readyAfterMs: 50, unreadyAfterMs: 150, exitAfterMs: 200, exitCode: 4 });
    const { id, sandbox, started } = await start(world);
    const ready = () => simulatedProber(world.machine)({ pod: sandbox.pod, container: 'main', kind: 'readiness' });
    await world.clock.advance(99);
    expect((await world.runtime.containerStatus(id, never)).state).toBe('created');
    await world.clock.advance(1);
    await started;
    expect([(await world.runtime.containerStatus(id, never)).state, ready()]).toEqual(['running', false]);
    await world.clock.advance(50);
    expect(ready()).toBe(true);
    await world.clock.advance(100);
    expect(ready()).toBe(false);
    await world.clock.advance(50);
    expect(await world.runtime.containerStatus(id, never)).toMatchObject({ state: 'exited', exitCode: 4, reason: 'Error', finishedAt: 1_700_000_000_300 });
    expect(world.clock.pending).toBe(0);
  });

  it('takes its time to stop, and is killed when that is more than its grace', async () => {
    for (const [graceMs, exitCode, after] of [[1_000, 143, 300], [100, 137, 100]] as const) {
      const world = setUp({ stopMs: 300 });
      const { id, started } = await start(world);
      await started;
      const stopped = world.runtime.stopContainer(id, graceMs, never);
      await world.clock.advance(1_000);
      await stopped;
      expect(await world.runtime.containerStatus(id, never)).toMatchObject({ exitCode, finishedAt: 1_700_000_000_000 + after });
      expect(world.clock.pending).toBe(0);
    }
  });

  it('can run out of memory, fail to be created, and be unhealthy', async () => {
    const world = setUp({ oomKilled: true, exitAfterMs: 10, unhealthyAfterMs: 5 });
    const { id, started } = await start(world);
    await started;
    expect(world.machine.probe(id, 'liveness')).toBe(true);
    await world.clock.advance(5);
    expect(world.machine.probe(id, 'liveness')).toBe(false);
    await world.clock.advance(5);
    expect(await world.runtime.containerStatus(id, never)).toMatchObject({ exitCode: 137, signal: 9, reason: 'OOMKilled' });
    await expect(start(setUp({ failCreate: 'no disk' }))).rejects.toMatchObject({ code: 'INVALID' });
  });
});

describe('a simulated machine', () => {
  it('outlives the runtime opened on it, but not a power cut', async () => {
    const world = setUp({});
    const { id, started } = await start(world);
    await started;
    await world.runtime[Symbol.asyncDispose]();
    const next = createSimulatedRuntime({ machine: world.machine });
    expect((await next.containerStatus(id, never)).state).toBe('running');
    world.machine.powerCut();
    expect(await next.containerStatus(id, never)).toMatchObject({ state: 'exited', exitCode: 137 });
    expect((await next.listSandboxes(never)).map(({ state }) => state)).toEqual(['notReady']);
  });

  it('loses what was being started, too', async () => {
    const world = setUp({ startDelayMs: 1_000 });
    const { id } = await world.runtime.runSandbox(sandboxConfig('a'), never);
    const container = await world.runtime.createContainer(id, config, never);
    const starting = world.runtime.startContainer(container, never);
    world.machine.powerCut();
    await starting;
    await world.clock.advance(2_000);
    expect(await world.runtime.containerStatus(container, never)).toMatchObject({ state: 'exited', exitCode: 137 });
    expect(world.clock.pending).toBe(0);
  });

  it('gives each pod an address of its range, and says when there are none', async () => {
    const { runtime } = setUp({}, '10.1.0.0/29');
    const sandboxes = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => runtime.runSandbox(sandboxConfig(name), never)));
    expect(sandboxes.map(({ ips }) => ips[0])).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
    await expect(runtime.runSandbox(sandboxConfig('g'), never)).rejects.toMatchObject({ code: 'EXHAUSTED' });
    await runtime.removeSandbox(sandboxes[2]?.id ?? '', never);
    expect((await runtime.runSandbox(sandboxConfig('g'), never)).ips).toEqual(['10.1.0.3']);
  });

  it('carries thousands of containers', async () => {
    const world = setUp({ exitAfterMs: 1_000 });
    await Promise.all(Array.from({ length: 5_000 }, async (_, index) => (await start(world, `pod-${index}`)).started));
    await world.clock.advance(1_000);
    const containers = await world.runtime.listContainers(never);
    expect(containers.filter(({ state }) => state === 'exited').length).toBe(5_000);
    expect(world.clock.pending).toBe(0);
  });
});

describe('faults', () => {
  it('lose a reply after the work was done; the retry finds it done', async () => {
    const { machine } = setUp({});
    let lost = 0;
    const runtime = createSimulatedRuntime({
      machine,
      faults: { after: (operation) => { if (operation === 'runSandbox' && lost++ === 0) throw new OrreryError('UNAVAILABLE', 'The reply was lost.'); } },
    });
    await expect(runtime.runSandbox(sandboxConfig('a'), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await runtime.listSandboxes(never)).length).toBe(1);
    await runtime.runSandbox(sandboxConfig('a'), never);
    expect((await runtime.listSandboxes(never)).length).toBe(1);
  });

  it('make a call slow, refuse it, and drop events', async () => {
    const { machine, clock } = setUp({});
    const runtime = createSimulatedRuntime({
      machine,
      faults: {
        before: (operation) => (operation === 'listSandboxes' ? clock.sleep(500) : undefined),
        dropEvent: ({ type }) => type === 'sandboxChanged',
      },
    });
    const seen: string[] = [];
    const abort = new AbortController();
    const listening = (async () => {
      for await (const { type } of runtime.events(abort.signal)) seen.push(type);
    })();
    const { started } = await start({ machine, clock, runtime });
    await started;
    let listed = false;
    const listing = runtime.listSandboxes(never).then(() => (listed = true));
    await clock.advance(499);
    expect(listed).toBe(false);
    await clock.advance(1);
    await listing;
    abort.abort();
    await listening;
    expect(seen).toEqual(['containerStarted']);
  });
});
