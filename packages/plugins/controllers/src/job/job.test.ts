import { type Event as KubeEvent, Event, Job, type JobSpec, type Pod, Pod as PodKind, ResourceQuota } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { garbageCollection } from '../garbage-collector/plugin.js';
import { podGc } from '../pod-gc/plugin.js';
import { resourceQuotas } from '../quota/plugin.js';
import { make, World } from '../test-support/world.js';
import { jobs } from './plugin.js';
import { INDEX_KEY, TRACKING_FINALIZER } from './pod-facts.js';

let world: World;
afterEach(() => world.stop());

const start = async (...more: Parameters<typeof World.start>[0]): Promise<void> => {
  world = await World.start([jobs(), ...more]);
};

const job = (spec: Partial<JobSpec> = {}, podSpec: object = {}): Job =>
  make({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default' },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }], ...podSpec } }, ...spec },
  });

const ref = { namespace: 'default', name: 'j' };
const create = (spec: Partial<JobSpec> = {}, podSpec: object = {}): Promise<Job> => world.client.kind(Job).create(job(spec, podSpec));
const get = (): Promise<Job> => world.client.kind(Job).get(ref);
const patch = (spec: object) => world.client.kind(Job).patch(ref, 'merge', { spec });
const is = ({ status }: Job, type: string): boolean => status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
const finished = async (): Promise<boolean> => {
  const now = await get();
  return is(now, 'Complete') || is(now, 'Failed');
};
const reasonOf = ({ status }: Job, type: string): string | undefined => status?.conditions?.find((one) => one.type === type)?.reason;
const events = async (): Promise<string[]> => ((await world.client.kind(Event).list()).items as readonly KubeEvent[]).map(({ reason, message }) => `${reason}: ${message}`);
const seconds = (from: string | undefined, to: string | undefined): number => (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;
const indexOf = (pod: Pod): number => Number(pod.metadata.annotations?.[INDEX_KEY]);
const active = async (): Promise<readonly Pod[]> => (await world.pods()).filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed');

/** Nothing is written any more, however long one waits. */
async function staysQuiet(): Promise<void> {
  await world.clock.advance(60_000);
  const before = await world.revision();
  await world.clock.advance(1_200_000);
  expect(await world.revision()).toBe(before);
}

describe('a Job', () => {
  it('runs as many pods at once as it may until enough succeeded, says so, and is then quiet', async () => {
    await start();
    let most = 0;
    world.behaviour = () => ({ exitCode: 0 });
    await create({ completions: 7, parallelism: 3 });
    await world.until(async () => {
      most = Math.max(most, (await active()).length);
      return finished();
    });
    const done = await get();
    expect(most).toBeLessThanOrEqual(3);
    expect(done.status).toMatchObject({ succeeded: 7, ready: 0, terminating: 0, uncountedTerminatedPods: {}, completionTime: expect.any(String), startTime: expect.any(String) });
    expect(done.status?.active).toBeUndefined();
    expect(reasonOf(done, 'SuccessCriteriaMet')).toBe('CompletionsReached');
    const pods = await world.pods();
    expect(pods).toHaveLength(7);
    expect(pods.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
    for (const pod of pods) expect(pod.metadata.name).toMatch(/^j-[a-z0-9]{5}$/);
    await staysQuiet();
    expect(await events()).toContain('Completed: Job completed');
  });

  it('that asks for no number of completions is over with the first success, once all its pods ended', async () => {
    await start();
    world.behaviour = (pod) => (pod.metadata.annotations?.['end'] === 'yes' ? { exitCode: 0 } : 'run');
    await create({ parallelism: 3 });
    await world.until(async () => (await get()).status?.ready === 3);
    const [first, ...rest] = await world.pods();
    const end = (pod: Pod | undefined) => world.client.kind(PodKind).patch({ namespace: 'default', name: pod?.metadata.name ?? '' }, 'merge', { metadata: { annotations: { end: 'yes' } } });
    await end(first);
    await world.until(async () => (await get()).status?.succeeded === 1);
    expect((await get()).status).toMatchObject({ active: 2, ready: 2 });
    for (const pod of rest) await end(pod);
    await world.until(finished);
    expect((await get()).status?.succeeded).toBe(3);
  });

  it('takes the name that the server generates into the labels of its pods', async () => {
    await start();
    world.behaviour = () => ({ exitCode: 0 });
    const made = await world.client.kind(Job).create(make({ ...job(), metadata: { generateName: 'g-', namespace: 'default' } }));
    await world.until(async () => (await world.pods(`job-name=${made.metadata.name}`)).length === 1);
    expect(made.metadata.name).toMatch(/^g-[a-z0-9]{5}$/);
  });
});

describe('an Indexed Job', () => {
  it('has one pod for each index, which knows it by annotation, label, host name and variable', async () => {
    await start();
    world.behaviour = () => ({ exitCode: 0 });
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed' });
    await world.until(finished);
    const pods = await world.pods();
    expect(pods.map(indexOf).sort()).toEqual([0, 1, 2, 3]);
    for (const pod of pods) {
      const index = indexOf(pod);
      expect(pod.metadata.name).toMatch(new RegExp(`^j-${index}-[a-z0-9]{5}$`));
      expect(pod.metadata.labels).toMatchObject({ [INDEX_KEY]: String(index) });
      expect(pod.spec.hostname).toBe(`j-${index}`);
      expect(pod.spec.containers[0]?.env).toEqual([{ name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${INDEX_KEY}']` } } }]);
    }
    expect((await get()).status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
  });

  it('grows and shrinks with its parallelism', async () => {
    await start();
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed' });
    await world.until(async () => (await get()).status?.ready === 4);
    await patch({ completions: 2, parallelism: 2 });
    await world.until(async () => (await active()).length === 2);
    expect((await active()).map(indexOf).sort()).toEqual([0, 1]);
    await patch({ completions: 5, parallelism: 5 });
    await world.until(async () => (await get()).status?.ready === 5);
    expect((await active()).map(indexOf).sort()).toEqual([0, 1, 2, 3, 4]);
    expect((await get()).status?.failed).toBeUndefined();
  });

  it('tries each index as often as it may and gives up those that fail, but no others', async () => {
    await start();
    world.behaviour = (pod) => ({ exitCode: indexOf(pod) % 2 });
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed', backoffLimitPerIndex: 1 });
    await world.until(finished);
    const done = await get();
    expect(done.status).toMatchObject({ completedIndexes: '0,2', failedIndexes: '1,3', succeeded: 2, failed: 4 });
    expect(reasonOf(done, 'Failed')).toBe('FailedIndexes');
    const tries = (await world.pods()).filter((pod) => indexOf(pod) === 1).map(({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-index-failure-count']);
    expect(tries.sort()).toEqual(['0', '1']);
    // The second try comes no earlier than ten seconds after the first.
    expect(seconds(done.status?.startTime, done.status?.conditions?.find(({ type }) => type === 'Failed')?.lastTransitionTime)).toBeGreaterThanOrEqual(10);
  });

  it('fails when more indexes failed than it may have', async () => {
    await start();
    world.behaviour = (pod) => (indexOf(pod) < 2 ? { exitCode: 1 } : 'run');
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed', backoffLimitPerIndex: 0, maxFailedIndexes: 1 });
    await world.until(finished);
    expect(reasonOf(await get(), 'Failed')).toBe('MaxFailedIndexesExceeded');
    expect(await active()).toEqual([]);
  });

  it('is a success as soon as its success policy is met', async () => {
    await start();
    world.behaviour = (pod) => (indexOf(pod) === 1 ? { exitCode: 0 } : 'run');
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '1-2', succeededCount: 1 }] } });
    await world.until(finished);
    const done = await get();
    expect(done.status?.conditions).toMatchObject([
      { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: 'Matched rules at index 0' },
      { type: 'Complete', reason: 'SuccessPolicy', message: 'Matched rules at index 0' },
    ]);
    expect(done.status).toMatchObject({ succeeded: 1, completedIndexes: '1', terminating: 0 });
    expect(await active()).toEqual([]);
  });
});

describe('pods that fail', () => {
  it('are made again ever later, until there were too many', async () => {
    await start();
    world.behaviour = () => ({ exitCode: 1 });
    await create({ backoffLimit: 2 });
    await world.until(finished);
    const done = await get();
    expect(done.status?.failed).toBe(3);
    expect(done.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded']);
    const times = (await world.pods()).map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '')).sort((a, b) => a - b);
    expect(times.map((time) => (time - (times[0] ?? 0)) / 1000)).toEqual([0, 10, 30]);
    expect(await events()).toContain('BackoffLimitExceeded: Job has reached the specified backoff limit');
    await staysQuiet();
  });

  it('end the Job at once, do not count, or count, as its policy says', async () => {
    await start();
    const codes = [42, 42, 7, 3];
    const given = new Map<string, number>();
    world.behaviour = ({ metadata: { uid = '' } }) => {
      if (!given.has(uid)) given.set(uid, codes[given.size] ?? 0);
      return { exitCode: given.get(uid) ?? 0 };
    };
    const rule = (action: string, value: number) => ({ action, onExitCodes: { operator: 'In', values: [value] } });
    await create({ backoffLimit: 1, podFailurePolicy: { rules: [rule('Ignore', 42), rule('Count', 7), rule('FailJob', 3)] } });
    await world.until(finished);
    const done = await get();
    expect(done.status?.failed).toBe(2);
    expect(reasonOf(done, 'Failed')).toBe('PodFailurePolicy');
    expect(done.status?.conditions?.at(-1)?.message).toMatch(/^Container c for pod default\/j-\w{5} failed with exit code 3 matching FailJob rule at index 2$/);
    expect(await world.pods()).toHaveLength(4);
  });

  it('are replaced when they begin to end, or only once they have', async () => {
    await start();
    await create({ parallelism: 1, completions: 1, podReplacementPolicy: 'Failed' });
    await world.until(async () => (await get()).status?.ready === 1);
    const [pod] = await world.pods();
    world.alive.clear();
    await world.client.kind(PodKind).delete({ namespace: 'default', name: pod?.metadata.name ?? '' });
    await world.clock.advance(60_000);
    expect((await get()).status).toMatchObject({ terminating: 1, ready: 0 });
    expect(await world.pods()).toHaveLength(1);
    world.alive.add('n1').add('n2');
    const gone = (await world.pods())[0] as Pod;
    await world.client.kind(PodKind).updateStatus({ ...gone, status: { ...gone.status, phase: 'Failed' } });
    await world.until(async () => (await get()).status?.ready === 1);
    expect((await get()).status).toMatchObject({ failed: 1, active: 1 });
  });
});

describe('a Job that is', () => {
  it('suspended has no pods, and begins anew when it goes on', async () => {
    await start();
    await create({ parallelism: 2, completions: 2, suspend: true, activeDeadlineSeconds: 100 });
    await world.until(async () => is(await get(), 'Suspended'));
    expect((await get()).status?.startTime).toBeUndefined();
    await patch({ suspend: false });
    await world.until(async () => (await get()).status?.ready === 2);
    const first = (await get()).status?.startTime;
    await world.clock.advance(60_000);
    await patch({ suspend: true });
    await world.until(async () => (await world.pods()).length === 0 && is(await get(), 'Suspended'));
    expect((await get()).status?.failed).toBeUndefined();
    await world.clock.advance(60_000);
    await patch({ suspend: false });
    await world.until(async () => (await get()).status?.ready === 2);
    expect(seconds(first, (await get()).status?.startTime)).toBeGreaterThanOrEqual(120);
    const told = await events();
    expect(told).toContain('Suspended: Job suspended');
    expect(told).toContain('Resumed: Job resumed');
    // The deadline counts from the second beginning.
    await world.until(finished);
    const done = await get();
    expect(reasonOf(done, 'Failed')).toBe('DeadlineExceeded');
    expect(seconds(done.status?.startTime, done.status?.conditions?.at(-1)?.lastTransitionTime)).toBeGreaterThanOrEqual(100);
    expect(await active()).toEqual([]);
  });

  it('managed by another controller is left alone', async () => {
    await start();
    await create({ managedBy: 'example.com/mine' });
    await world.clock.advance(60_000);
    expect((await get()).status).toBeUndefined();
    expect(await world.pods()).toEqual([]);
  });

  it('deleted leaves its pods behind unless the request says otherwise, and no finalizer', async () => {
    await start(garbageCollection());
    await create({ parallelism: 2, completions: 2 });
    await world.until(async () => (await get()).status?.ready === 2);
    await world.client.kind(Job).delete(ref);
    await world.until(async () => (await world.client.kind(Job).find(ref)) === undefined && (await world.pods()).every(({ metadata }) => metadata.finalizers === undefined));
    const left = await world.pods();
    expect(left).toHaveLength(2);
    expect(left.flatMap(({ metadata }) => metadata.ownerReferences ?? [])).toEqual([]);

    await create({ parallelism: 2, completions: 2 });
    await world.until(async () => (await get()).status?.ready === 2);
    await world.client.kind(Job).delete(ref, { propagationPolicy: 'Foreground' });
    await world.until(async () => (await world.client.kind(Job).find(ref)) === undefined);
    expect(await world.pods()).toHaveLength(2);
  });

  it('told which pods are its own adopts those that were there, and counts them', async () => {
    await start();
    world.behaviour = (pod) => (pod.metadata.ownerReferences === undefined ? 'pending' : { exitCode: 0 });
    await world.client.kind(PodKind).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mine', namespace: 'default', labels: { app: 'x' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } }));
    await world.client.kind(Job).create(
      make({ ...job(), spec: { manualSelector: true, selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } } }),
    );
    await world.until(finished);
    expect((await world.pods()).map(({ metadata }) => metadata.name)).toEqual(['mine']);
    expect((await get()).status?.succeeded).toBe(1);
  });
});

describe('finalizers', () => {
  it('of pods whose Job is over are taken off, and of pods whose Job is not, are not', async () => {
    await start();
    await create({ parallelism: 1, completions: 1 });
    await world.until(async () => (await get()).status?.ready === 1);
    const [pod] = await world.pods();
    expect(pod?.metadata.finalizers).toEqual([TRACKING_FINALIZER]);
    const stray = (await world.client.kind(PodKind).create(
      make({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stray', namespace: 'default', finalizers: [TRACKING_FINALIZER] }, spec: { containers: [{ name: 'c', image: 'x' }] } }),
    )) as Pod;
    await world.until(async () => (await world.client.kind(PodKind).get({ namespace: 'default', name: stray.metadata.name ?? '' })).metadata.finalizers === undefined);
    expect((await world.pods('job-name=j'))[0]?.metadata.finalizers).toEqual([TRACKING_FINALIZER]);
  });

  it('are taken off what is counted, also while other pods are refused; then it is tried again each minute', async () => {
    await start(resourceQuotas());
    world.behaviour = () => ({ exitCode: 0 });
    await world.client.kind(ResourceQuota).create(make({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'one', namespace: 'default' }, spec: { hard: { 'count/pods': '1' } } }));
    await world.until(async () => (await world.client.kind(ResourceQuota).get({ namespace: 'default', name: 'one' })).status?.used !== undefined);
    await create({ parallelism: 2, completions: 2, completionMode: 'Indexed' });
    await world.until(async () => (await get()).status?.completedIndexes !== undefined);
    await world.clock.advance(1_000);
    expect((await world.pods()).map(({ metadata }) => metadata.finalizers)).toEqual([undefined]);
    // Long enough for any back-off to have grown.
    await world.clock.advance(3_600_000);
    await world.client.kind(ResourceQuota).delete({ namespace: 'default', name: 'one' });
    await world.clock.advance(62_000);
    expect(is(await get(), 'Complete')).toBe(true);
  });

  it('are taken off a pod that was deleted before it had a node: it failed, and another one takes its place', async () => {
    await start(podGc());
    world.alive.clear();
    await create({ parallelism: 1, completions: 1, podReplacementPolicy: 'Failed' });
    await world.until(async () => (await active()).length === 1);
    const [pod] = await active();
    await world.client.kind(PodKind).delete({ namespace: 'default', name: pod?.metadata.name ?? '' });
    await world.until(async () => (await get()).status?.failed === 1 && (await active()).length === 1);
    expect((await world.pods()).map(({ metadata }) => metadata.name)).not.toContain(pod?.metadata.name);
  });
});
