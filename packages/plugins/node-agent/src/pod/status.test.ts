import type { Pod, PodStatus, RuntimeContainerStatus } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { containerOf, podOf, sandboxOf } from '../test/build.js';
import { recall } from './recall.js';
import { podStatusOf, type StatusInput } from './status.js';

const statusOf = (pod: Pod, containers: RuntimeContainerStatus[], more: Partial<StatusInput> = {}): PodStatus =>
  podStatusOf({ pod, view: { sandboxes: [sandboxOf()], containers }, now: 60_000, health: new Map(), crashes: new Map(), failures: new Map(), runtime: 'test', hostIP: '10.0.0.1', terminal: false, ...more });
const main = (status: PodStatus) => status.containerStatuses?.[0];
const exited = (attempt: number, exitCode: number, finishedAt = 2_000): RuntimeContainerStatus => containerOf('main', attempt, 'exited', { exitCode, finishedAt, reason: exitCode === 0 ? 'Completed' : 'Error' });

describe('the status of a pod', () => {
  it('says what a container waits for', () => {
    expect(main(statusOf(podOf({}), []))?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    expect(main(statusOf(podOf({ initContainers: [{ name: 'init' }] }), []))?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    for (const reason of ['CreateContainerConfigError', 'ErrImagePull', 'CreateContainerError']) {
      expect(main(statusOf(podOf({}), [], { failures: new Map([['main', { reason, message: 'why' }]]) }))?.state).toEqual({ waiting: { reason, message: 'why' } });
    }
  });

  it.each([[10_000, '10s'], [40_000, '40s'], [80_000, '1m20s'], [300_000, '5m0s']])('tells a crash loop of %i ms as Kubernetes does', (delayMs, text) => {
    const status = statusOf(podOf({}), [exited(2, 1), exited(1, 7)], { crashes: new Map([['main', { delayMs, since: 0 }]]), now: 3_000 });
    expect(main(status)).toMatchObject({
      restartCount: 2, ready: false, started: false,
      state: { waiting: { reason: 'CrashLoopBackOff', message: `back-off ${text} restarting failed container=main pod=pod_default(u-1)` } },
      lastState: { terminated: { exitCode: 1, containerID: 'test://main-2' } },
    });
    expect(status.phase).toBe('Running');
  });

  it('shows how the last attempt ended while the next one runs', () => {
    const status = statusOf(podOf({}), [containerOf('main', 1, 'running', { startedAt: 5_000 }), exited(0, 3)], { health: new Map([['main-1', { started: true, ready: true }]]) });
    expect(main(status)).toMatchObject({ restartCount: 1, ready: true, started: true, containerID: 'test://main-1', state: { running: { startedAt: '1970-01-01T00:00:05Z' } }, lastState: { terminated: { exitCode: 3, reason: 'Error', finishedAt: '1970-01-01T00:00:02Z' } } });
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.9', hostIP: '10.0.0.1', startTime: '1970-01-01T00:01:00Z' });
  });

  it('keeps the times of conditions that did not change, those of others, and says which generation it has seen', () => {
    const first = statusOf(podOf({}), []);
    const gate = { type: 'example.com/gate', status: 'True' };
    const pod = podOf({}, { metadata: { name: 'pod', namespace: 'default', uid: 'u-1', generation: 4 }, status: { ...first, conditions: [...(first.conditions ?? []), gate] } });
    const second = statusOf(pod, [containerOf('main', 0, 'running')], { now: 90_000, health: new Map([['main-0', { started: true, ready: true }]]) });
    const time = (type: string): string | undefined => second.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
    expect(time('PodScheduled')).toBe('1970-01-01T00:01:00Z');
    expect(time('Ready')).toBe('1970-01-01T00:01:30Z');
    expect(second.conditions).toContainEqual(gate);
    expect(second.observedGeneration).toBe(4);
    expect(second.startTime).toBe('1970-01-01T00:01:00Z');
  });

  it('is not over while something of it runs', () => {
    const pod = podOf({ restartPolicy: 'Never' }, { status: { phase: 'Running' } });
    const verdict = { reason: 'DeadlineExceeded', message: 'too long' };
    expect(statusOf(pod, [containerOf('main', 0, 'running')], { verdict })).toMatchObject({ phase: 'Running' });
    expect(statusOf(pod, [containerOf('main', 0, 'running')], { verdict }).reason).toBeUndefined();
    expect(statusOf(pod, [exited(0, 143)], { verdict })).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' });
  });

  it('tells that a pod failed which is over before it began', () => {
    const lost = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' } };
    const never = statusOf(podOf({ restartPolicy: 'Never' }, { status: { phase: 'Pending' } }), [], { terminal: true, over: true });
    expect(never).toMatchObject({ phase: 'Failed', containerStatuses: [{ state: lost, ready: false }] });
    // Not before that: what waits may still be found.
    expect(statusOf(podOf({ restartPolicy: 'Never' }), [], { terminal: true }).phase).toBe('Pending');
    const initializing = statusOf(podOf({ initContainers: [{ name: 'one' }, { name: 'two' }] }), [], { terminal: true, over: true });
    expect(initializing.phase).toBe('Failed');
    expect(initializing.initContainerStatuses?.map(({ state }) => state)).toEqual([lost, { waiting: { reason: 'ContainerCreating' } }]);
    expect(main(initializing)?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    // What ended well stays so.
    expect(statusOf(podOf({ restartPolicy: 'Never' }), [exited(0, 0)], { terminal: true, over: true }).phase).toBe('Succeeded');
  });

  it('the address of a pod on the host network is the host\'s', () => {
    const view = { sandboxes: [{ ...sandboxOf(), ips: [] }], containers: [] };
    expect(statusOf(podOf({ hostNetwork: true }), [], { view }).podIPs).toEqual([{ ip: '10.0.0.1' }]);
  });
});

describe('what the runtime has forgotten', () => {
  const ran = (more: object = {}): Pod => podOf({ restartPolicy: 'Never', ...more }, { status: { phase: 'Running', containerStatuses: [{ name: 'main', image: 'none', imageID: '', ready: true, restartCount: 2, containerID: 'test://main-2', state: { running: { startedAt: '1970-01-01T00:00:01Z' } }, lastState: {} }] } });
  const nothing = { sandboxes: [], containers: [] };

  it('is told from the status: what ran is lost, and counted', () => {
    const lost = statusOf(ran(), [], { view: nothing });
    expect(lost.phase).toBe('Failed');
    expect(main(lost)).toMatchObject({ restartCount: 2, state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', containerID: 'test://main-2' } } });
    expect(recall(ran(), nothing).containers[0]).toMatchObject({ name: 'main', attempt: 2, state: 'exited', exitCode: 137 });
    const next = statusOf(ran({ restartPolicy: 'Always' }), [containerOf('main', 3, 'running')]);
    expect(main(next)).toMatchObject({ restartCount: 3, lastState: { terminated: { reason: 'ContainerStatusUnknown' } } });
    const later = statusOf({ ...ran(), status: next } as Pod, [containerOf('main', 3, 'running')]);
    expect(main(later)?.lastState).toEqual(main(next)?.lastState);
  });

  it('an end that was seen stays as it was', () => {
    const seen = statusOf(podOf({ restartPolicy: 'Never' }), [exited(1, 5)]);
    const again = statusOf(podOf({ restartPolicy: 'Never' }, { status: seen }), [], { view: nothing });
    expect(again.phase).toBe('Failed');
    expect(main(again)).toEqual(main(seen));
  });

  it('nothing is made up for what has not run yet', () => {
    const waiting = podOf({}, { status: { containerStatuses: [{ name: 'main', image: 'none', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }] } });
    expect(recall(waiting, nothing)).toBe(nothing);
    expect(recall(podOf({}), nothing)).toBe(nothing);
  });
});
