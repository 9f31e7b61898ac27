import type { Container, Pod, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerOf, podOf, sandboxOf } from '../test/build.js';
import { afterRestart, type CrashEntry, restartAt } from './backoff.js';
import { CONTAINER_HASH, containerHash } from './container-hash.js';
import { type PlanInput, planPod, type PodAction, SANDBOX } from './plan.js';

const plan = (pod: Pod, sandboxes: SandboxStatus[], containers: RuntimeContainerStatus[], more: Partial<PlanInput> = {}): PodAction =>
  planPod({ pod, view: { sandboxes, containers }, now: 100_000, health: new Map(), crashes: new Map(), blockedUntil: new Map(), volumesReady: true, ending: false, ...more });
const started = (action: PodAction): string[] => (action.do === 'start' ? action.containers.map(({ container, attempt }) => `${container.name}-${attempt}`) : [action.do]);
const stopped = (action: PodAction): string[] => (action.do === 'stop' ? action.containers.map(({ id }) => id) : [action.do]);

const two = podOf({ containers: [{ name: 'a' }, { name: 'b' }] });
const inits = podOf({ initContainers: [{ name: 'i1' }, { name: 'side', restartPolicy: 'Always' }, { name: 'i2' }], containers: [{ name: 'main' }] });
const fit = { started: true, ready: true };

describe('one pod, one step', () => {
  it('volumes, then the sandbox, then all containers at once', () => {
    expect(plan(two, [], [], { volumesReady: false })).toEqual({ do: 'prepareVolumes' });
    expect(plan(two, [], [])).toEqual({ do: 'runSandbox', attempt: 0 });
    expect(started(plan(two, [sandboxOf()], []))).toEqual(['a-0', 'b-0']);
    expect(plan(two, [sandboxOf()], [containerOf('a', 0, 'running'), containerOf('b', 0, 'running')], { volumesReady: false })).toEqual({ do: 'nothing' });
  });

  it('a sandbox that could not be made is not made again before its time', () => {
    const blockedUntil = new Map([[SANDBOX, 100_001]]);
    expect(plan(two, [], [], { blockedUntil })).toEqual({ do: 'nothing', wakeAt: 100_001 });
    expect(plan(two, [], [], { blockedUntil, now: 100_001 })).toEqual({ do: 'runSandbox', attempt: 0 });
    expect(started(plan(two, [sandboxOf()], [], { blockedUntil }))).toEqual(['a-0', 'b-0']);
  });

  it('what still runs in a sandbox that has ended, or is gone, is stopped before anything is started', () => {
    const running = containerOf('main', 0, 'running');
    const ended = { ...sandboxOf(), state: 'notReady' as const };
    expect(stopped(plan(podOf({}), [ended], [running]))).toEqual([running.id]);
    expect(stopped(plan(podOf({}), [], [running]))).toEqual([running.id]);
    expect(stopped(plan(podOf({}), [{ ...sandboxOf(), id: 'next', attempt: 1 }], [running]))).toEqual([running.id]);
  });

  it.each([
    ['Always', 0, 'main-1'], ['Always', 1, 'main-1'], ['OnFailure', 1, 'main-1'], ['OnFailure', 0, 'stopSandbox'], ['Never', 0, 'stopSandbox'], ['Never', 1, 'stopSandbox'],
  ])('with restart policy %s and exit code %i: %s', (restartPolicy, exitCode, expected) => {
    expect(started(plan(podOf({ restartPolicy }), [sandboxOf()], [containerOf('main', 0, 'exited', { exitCode })]))).toEqual([expected]);
  });

  it('a container of its own policy and rules is restarted by them', () => {
    const ruled = (rules: object[]) => podOf({ restartPolicy: 'Never', containers: [{ name: 'main', restartPolicy: 'Never', restartPolicyRules: rules }] });
    const restarts = (rules: object[], exitCode: number) => started(plan(ruled(rules), [sandboxOf()], [containerOf('main', 0, 'exited', { exitCode })])).join();
    const on = (operator: string, ...values: number[]) => ({ action: 'Restart', exitCodes: { operator, values } });
    expect(restarts([on('In', 42, 43)], 42)).toBe('main-1');
    expect(restarts([on('In', 42)], 1)).toBe('stopSandbox');
    expect(restarts([on('NotIn', 0)], 1)).toBe('main-1');
    expect(restarts([on('NotIn', 0)], 0)).toBe('stopSandbox');
  });

  it('a running container whose image was changed is made anew', () => {
    const pod = podOf({ containers: [{ name: 'main', image: 'app:2' }, { name: 'other', image: 'x' }] });
    const made = (name: string, image: string) => containerOf(name, 0, 'running', { annotations: { [CONTAINER_HASH]: containerHash({ name, image }) } });
    expect(plan(pod, [sandboxOf()], [made('main', 'app:2'), made('other', 'x')])).toEqual({ do: 'nothing' });
    const action = plan(pod, [sandboxOf()], [made('main', 'app:1'), made('other', 'x')]);
    expect(stopped(action)).toEqual(['main-0']);
    expect(action).toMatchObject({ reason: 'Container main definition changed, will be restarted' });
    // It is not an end that the restart policy is asked about.
    const once = { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } } as Pod;
    const ended = { ...made('main', 'app:1'), ...containerOf('main', 0, 'exited', { exitCode: 143 }) };
    const remade = new Set(['main']);
    expect(started(plan(once, [sandboxOf()], [ended, made('other', 'x')], { remade }))).toEqual(['main-1']);
    expect(plan(once, [sandboxOf()], [ended, made('other', 'x')])).toEqual({ do: 'nothing' });
    expect(started(plan(once, [sandboxOf()], [ended, containerOf('other', 0, 'exited')], { remade }))).toEqual(['main-1']);
    // One that an older agent made does not tell what it was made from.
    expect(plan(pod, [sandboxOf()], [containerOf('main', 0, 'running'), made('other', 'x')])).toEqual({ do: 'nothing' });
  });

  it('waits in back-off, and says until when', () => {
    const crashes = new Map([['main', { delayMs: 20_000, since: 0 }]]);
    const exited = containerOf('main', 2, 'exited', { finishedAt: 90_000 });
    expect(plan(podOf({}), [sandboxOf()], [exited], { crashes })).toEqual({ do: 'nothing', wakeAt: 110_000 });
    expect(started(plan(podOf({}), [sandboxOf()], [exited], { crashes, now: 110_000 }))).toEqual(['main-3']);
    expect(plan(podOf({}), [sandboxOf()], [], { blockedUntil: new Map([['main', 105_000]]) })).toEqual({ do: 'nothing', wakeAt: 105_000 });
  });

  it('init containers one after the other; a sidecar counts when it has started', () => {
    const sandbox = [sandboxOf()];
    const i1 = containerOf('i1', 0, 'exited');
    const side = containerOf('side', 0, 'running');
    expect(started(plan(inits, sandbox, []))).toEqual(['i1-0']);
    expect(plan(inits, sandbox, [containerOf('i1', 0, 'running')])).toEqual({ do: 'nothing' });
    expect(started(plan(inits, sandbox, [i1]))).toEqual(['side-0']);
    expect(plan(inits, sandbox, [i1, side])).toEqual({ do: 'nothing' });
    const health = new Map([['side-0', fit]]);
    expect(started(plan(inits, sandbox, [i1, side], { health }))).toEqual(['i2-0']);
    expect(started(plan(inits, sandbox, [i1, side, containerOf('i2', 0, 'exited')], { health }))).toEqual(['main-0']);
  });

  it('an ephemeral container is started once, also beside init containers, and ends with the pod', () => {
    const debugged = podOf({ restartPolicy: 'Always', initContainers: [{ name: 'i1' }], ephemeralContainers: [{ name: 'debug', image: 'tools', targetContainerName: 'main' }] });
    expect(started(plan(debugged, [sandboxOf()], []))).toEqual(['debug-0', 'i1-0']);
    expect(started(plan(debugged, [sandboxOf()], [containerOf('i1', 0, 'running')]))).toEqual(['debug-0']);
    const rest = [containerOf('i1', 0, 'exited'), containerOf('main', 0, 'running')];
    expect(plan(debugged, [sandboxOf()], [...rest, containerOf('debug', 0, 'exited', { exitCode: 1 })])).toEqual({ do: 'nothing' });
    expect(plan(debugged, [sandboxOf()], rest, { blockedUntil: new Map([['debug', 105_000]]) })).toEqual({ do: 'nothing', wakeAt: 105_000 });
    expect(stopped(plan(debugged, [sandboxOf()], [...rest, containerOf('debug', 0, 'running')], { ending: true }))).toEqual(['main-0', 'debug-0']);
  });

  it('a pod with a failed init container is over if nothing is restarted, and else tries it again', () => {
    const failed = [containerOf('i1', 0, 'exited', { exitCode: 1 })];
    const never = { ...inits, spec: { ...inits.spec, restartPolicy: 'Never' } } as Pod;
    expect(plan(never, [sandboxOf()], failed).do).toBe('stopSandbox');
    expect(plan(never, [sandboxOf(0, 'notReady')], failed)).toEqual({ do: 'nothing' });
    expect(started(plan(inits, [sandboxOf()], failed))).toEqual(['i1-1']);
  });

  it('a sidecar in back-off keeps nobody waiting once the pod is initialised', () => {
    const containers = [containerOf('i1', 0, 'exited'), containerOf('side', 1, 'exited', { exitCode: 1, finishedAt: 99_000 }), containerOf('i2', 0, 'exited'), containerOf('main', 0, 'exited', { exitCode: 1 })];
    expect(started(plan(inits, [sandboxOf()], containers, { crashes: new Map([['side', { delayMs: 10_000, since: 0 }]]) }))).toEqual(['main-1']);
    expect(started(plan(inits, [sandboxOf()], containers))).toEqual(['side-2', 'main-1']);
  });

  it('restarts the unhealthy, with the grace of the probe', () => {
    const health = new Map([['main-0', { started: true, ready: false, unhealthy: 'why', graceSeconds: 3 }]]);
    expect(plan(podOf({}), [sandboxOf()], [containerOf('main', 0, 'running')], { health })).toMatchObject({ do: 'stop', reason: 'why', graceSeconds: 3 });
  });

  it('ends regular containers first, then sidecars from the last to the first, then the sandbox', () => {
    const pod = podOf({ initContainers: [{ name: 's1', restartPolicy: 'Always' }, { name: 's2', restartPolicy: 'Always' }] });
    const [s1, s2, main] = [containerOf('s1', 0, 'running'), containerOf('s2', 0, 'running'), containerOf('main', 0, 'running')];
    const ending = { ending: true };
    expect(stopped(plan(pod, [sandboxOf()], [s1, s2, main], ending))).toEqual(['main-0']);
    expect(stopped(plan(pod, [sandboxOf()], [s1, s2], ending))).toEqual(['s2-0']);
    expect(stopped(plan(pod, [sandboxOf()], [s1], ending))).toEqual(['s1-0']);
    expect(plan(pod, [sandboxOf()], [], ending).do).toBe('stopSandbox');
    expect(plan(pod, [sandboxOf(0, 'notReady')], [], ending)).toEqual({ do: 'finish' });
  });

  it('removes old attempts and sandboxes beyond the last ones', () => {
    const dead = [0, 1, 2].map((attempt) => containerOf('main', attempt, 'exited', { exitCode: 1 }));
    expect(plan(podOf({}), [sandboxOf()], dead)).toMatchObject({ do: 'removeContainer', container: { id: 'main-0' } });
    expect(plan(podOf({}), [sandboxOf(1), sandboxOf(0)], [])).toMatchObject({ do: 'stopSandbox', sandbox: { id: 's0' } });
    expect(plan(podOf({}), [sandboxOf(1), sandboxOf(0, 'notReady')], [])).toMatchObject({ do: 'removeSandbox', sandbox: { id: 's0' } });
  });

  it('a container of which nothing is known is ended before it is started again', () => {
    expect(stopped(plan(podOf({}), [sandboxOf()], [containerOf('main', 0, 'unknown')]))).toEqual(['main-0']);
  });

  it('containers of a sandbox that ended start anew in the next', () => {
    expect(plan(podOf({}), [sandboxOf(0, 'notReady')], [containerOf('main', 0, 'exited', { exitCode: 137 })])).toEqual({ do: 'runSandbox', attempt: 1 });
    const created = containerOf('main', 0, 'created');
    expect(started(plan(podOf({}), [sandboxOf(1), sandboxOf(0, 'notReady')], [created]))).toEqual(['main-1']);
    expect(started(plan(podOf({}), [sandboxOf()], [created]))).toEqual(['main-0']);
  });
});

/** A runtime as simple as can be, which does what is planned. */
class Model {
  readonly sandboxes: SandboxStatus[] = [];
  readonly containers: RuntimeContainerStatus[] = [];
  readonly crashes = new Map<string, CrashEntry>();
  volumesReady = false;
  now = 1_000;

  constructor(readonly pod: Pod, readonly codes: ReadonlyMap<string, number | undefined>) {}

  plan(ending: boolean): PodAction {
    const health = new Map(this.containers.map(({ id }) => [id, fit]));
    return planPod({ pod: this.pod, view: { sandboxes: [...this.sandboxes], containers: [...this.containers] }, now: this.now, health, crashes: this.crashes, blockedUntil: new Map(), volumesReady: this.volumesReady, ending });
  }

  apply(action: PodAction): void {
    this.now += 10;
    switch (action.do) {
      case 'prepareVolumes': this.volumesReady = true; break;
      case 'runSandbox': this.sandboxes.unshift({ ...sandboxOf(action.attempt) }); break;
      case 'stopSandbox': this.#set(this.sandboxes, action.sandbox.id, { state: 'notReady' }); break;
      case 'removeSandbox': this.sandboxes.splice(this.sandboxes.findIndex(({ id }) => id === action.sandbox.id), 1); break;
      case 'removeContainer': this.containers.splice(this.containers.findIndex(({ id }) => id === action.container.id), 1); break;
      case 'stop': for (const { id } of action.containers) this.end(id, 143); break;
      case 'start':
        for (const { container, attempt, previous } of action.containers) {
          const id = `${container.name}-${attempt}`;
          if (this.containers.some((c) => c.id === id)) throw new Error(`${id} is made twice`);
          if (this.containers.some((c) => c.name === container.name && c.state === 'running')) throw new Error(`${container.name} runs twice`);
          if (previous !== undefined) this.crashes.set(container.name, afterRestart(this.crashes.get(container.name), previous.finishedAt ?? this.now, this.now));
          this.containers.push(containerOf(container.name, attempt, 'running', { sandboxId: action.sandbox.id, startedAt: this.now }));
        }
        break;
      default:
    }
  }

  end(id: string, exitCode: number): void {
    this.#set(this.containers, id, { state: 'exited', finishedAt: this.now, exitCode });
  }

  #set<T extends { readonly id: string }>(list: T[], id: string, change: Partial<T>): void {
    const index = list.findIndex((one) => one.id === id);
    list[index] = { ...(list[index] as T), ...change };
  }
}

describe('any pod', () => {
  const container = fc.record({ sidecar: fc.boolean(), code: fc.constantFrom(undefined, 0, 1) });
  const anyPod = fc.record({ restartPolicy: fc.constantFrom('Always', 'OnFailure', 'Never'), init: fc.array(container, { maxLength: 3 }), regular: fc.array(container, { minLength: 1, maxLength: 3 }), faults: fc.array(fc.nat(20), { maxLength: 4 }) });

  it('comes to rest, never runs a container twice, keeps the order of initialisation, and ends without a rest', () => {
    fc.assert(
      fc.property(anyPod, ({ restartPolicy, init, regular, faults }) => {
        const initContainers = init.map(({ sidecar }, index) => ({ name: `i${index}`, ...(sidecar && { restartPolicy: 'Always' }) }) as Container);
        const containers = regular.map((_, index) => ({ name: `c${index}` }) as Container);
        const codes = new Map([...init.map(({ code }, index): [string, number | undefined] => [`i${index}`, code]), ...regular.map(({ code }, index): [string, number | undefined] => [`c${index}`, code])]);
        const model = new Model(podOf({ restartPolicy, initContainers, containers }), codes);
        const settle = (ending: boolean): PodAction => {
          for (let step = 0; step < 200; step += 1) {
            const action = model.plan(ending);
            if (action.do === 'start') {
              const names = action.containers.map(({ container: { name } }) => name);
              const isFirst = !model.containers.some(({ name, sandboxId }) => name.startsWith('c') && sandboxId === action.sandbox.id);
              const done = (c: Container): boolean => model.containers.some(({ name, state, exitCode, sandboxId }) => name === c.name && sandboxId === action.sandbox.id && (c.restartPolicy === 'Always' ? state === 'running' : state === 'exited' && exitCode === 0));
              if (isFirst && names.some((name) => name.startsWith('c'))) expect(initContainers.every(done)).toBe(true);
              if (isFirst && names[0]?.startsWith('i') === true) expect(initContainers.slice(0, Number(names[0].slice(1))).every(done)).toBe(true);
            }
            if (action.do === 'nothing' || action.do === 'finish') return action;
            model.apply(action);
          }
          throw new Error('it does not settle');
        };
        for (let round = 0; round < 8; round += 1) {
          const rest = settle(false);
          const running = model.containers.filter(({ state }) => state === 'running');
          if (rest.do === 'nothing' && rest.wakeAt !== undefined) model.now = rest.wakeAt;
          for (const { id, name } of running) if (codes.get(name) !== undefined) model.end(id, codes.get(name) as number);
          // The sandbox breaks down.
          const current = model.sandboxes[0];
          if (faults.includes(round) && current !== undefined) {
            for (const { id, state } of [...model.containers]) if (state === 'running') model.end(id, 137);
            model.sandboxes[0] = { ...current, state: 'notReady' };
          }
        }
        expect(settle(true)).toEqual({ do: 'finish' });
        expect(model.containers.filter(({ state }) => state === 'running')).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the back-off of restarts', () => {
  it('is 0, 10, 20, 40, 80, 160, 300, 300 s, and forgotten after ten minutes of running', () => {
    let entry: CrashEntry | undefined;
    let now = 0;
    const delays: number[] = [];
    for (let restart = 0; restart < 8; restart += 1) {
      const at = restartAt(entry, now);
      delays.push((at - now) / 1000);
      entry = afterRestart(entry, now, at);
      now = at + 1_000;
    }
    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(restartAt(entry, now + 500_000)).toBe(now + 800_000);
    expect(restartAt(entry, now + 600_000)).toBe(now + 600_000);
    expect(afterRestart(entry, now + 600_000, now + 600_000).delayMs).toBe(10_000);
  });
});
