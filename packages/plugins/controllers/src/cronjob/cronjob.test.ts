import { ApiError, type Client, type Controller, Controllers, CronJob, type CronJobSpec, definePlugin, type Event as KubeEvent, Event, Job, type Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { garbageCollection } from '../garbage-collector/plugin.js';
import { jobs } from '../job/plugin.js';
import { make, World } from '../test-support/world.js';
import { cronJobController } from './controller.js';
import { cronJobs } from './plugin.js';

let world: World;
afterEach(() => world.stop());

const MINUTE = 60_000;
const start = async (): Promise<void> => {
  world = await World.start([cronJobs(), jobs(), garbageCollection()]);
  world.behaviour = () => ({ exitCode: 0 });
};

const ref = { namespace: 'default', name: 'c' };
const create = (spec: Partial<CronJobSpec>, annotations?: Record<string, string>): Promise<CronJob> =>
  world.client.kind(CronJob).create(
    make({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'c', namespace: 'default' },
      spec: {
        schedule: '* * * * *',
        jobTemplate: { metadata: { labels: { of: 'c' }, ...(annotations && { annotations }) }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } } } },
        ...spec,
      },
    }),
  );
const get = (): Promise<CronJob> => world.client.kind(CronJob).get(ref);
const patch = (spec: object) => world.client.kind(CronJob).patch(ref, 'merge', { spec });
const made = async (): Promise<readonly Job[]> => (await world.client.kind(Job).list()).items as readonly Job[];
const names = async (): Promise<string[]> => (await made()).map(({ metadata }) => metadata.name ?? '').sort();
const events = async (): Promise<string[]> => ((await world.client.kind(Event).list()).items as readonly KubeEvent[]).map(({ reason, message }) => `${reason}: ${message}`);
const isOver = (job: Job): boolean => job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
/** 2026-01-01T00:00:00Z, when the virtual clock begins, in minutes since the epoch. */
const ZERO = 29_453_760;

describe('a CronJob', () => {
  it('makes a Job at each time of its schedule, notes what became of it, and keeps the last few', async () => {
    await start();
    await create({});
    await world.clock.advance(MINUTE + 1000);
    expect(await names()).toEqual([`c-${ZERO + 1}`]);
    const [job] = await made();
    expect(job?.metadata).toMatchObject({ labels: { of: 'c' }, annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:01:00Z' }, ownerReferences: [{ kind: 'CronJob', name: 'c', controller: true }] });
    await world.until(async () => (await get()).status?.lastSuccessfulTime !== undefined);
    expect((await get()).status).toEqual({ lastScheduleTime: '2026-01-01T00:01:00Z', lastSuccessfulTime: expect.stringMatching(/^2026-01-01T00:01:0/) });
    await world.clock.advance(9 * MINUTE);
    expect(await names()).toEqual([8, 9, 10].map((minute) => `c-${ZERO + minute}`));
    await world.until(async () => (await world.pods()).length === 3);
    const told = await events();
    expect(told).toContain(`SuccessfulCreate: Created job c-${ZERO + 1}`);
    expect(told).toContain(`SawCompletedJob: Saw completed job: c-${ZERO + 1}, condition: Complete`);
    expect(told).toContain(`SuccessfulDelete: Deleted job c-${ZERO + 1}`);
  });

  it('means the time of its zone, and says so on the Job', async () => {
    await start();
    await create({ schedule: '30 9 * * *', timeZone: 'Asia/Kolkata' });
    await world.clock.advance(4 * 60 * MINUTE + 1000);
    const [job] = await made();
    expect(job?.metadata.annotations).toEqual({ 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T09:30:00+05:30' });
    expect((await get()).status?.lastScheduleTime).toBe('2026-01-01T04:00:00Z');
  });

  it.each([
    ['Allow', [1, 2, 3], 3],
    ['Forbid', [1], 1],
    ['Replace', [3], 1],
  ] as const)('that says %s has so many Jobs at once', async (concurrencyPolicy, minutes, active) => {
    await start();
    world.behaviour = () => 'run';
    await create({ concurrencyPolicy });
    await world.clock.advance(3 * MINUTE + 5000);
    expect(await names()).toEqual(minutes.map((minute) => `c-${ZERO + minute}`));
    expect((await get()).status?.active).toHaveLength(active);
    const told = await events();
    expect(told.some((event) => event.startsWith('JobAlreadyActive'))).toBe(concurrencyPolicy === 'Forbid');
    // Once for each time that was left out.
    if (concurrencyPolicy === 'Forbid') expect(((await world.client.kind(Event).list()).items as readonly KubeEvent[]).filter(({ reason }) => reason === 'JobAlreadyActive').reduce((sum, { count = 1 }) => sum + count, 0)).toBe(2);
  });

  it('makes up for one of the times it was suspended, unless they are too old', async () => {
    await start();
    await create({ schedule: '0 * * * *', suspend: true });
    await world.clock.advance(5 * 60 * MINUTE + 20 * MINUTE);
    expect(await names()).toEqual([]);
    await patch({ startingDeadlineSeconds: 600, suspend: false });
    await world.clock.advance(MINUTE);
    expect(await names()).toEqual([]);
    await patch({ startingDeadlineSeconds: null });
    await world.clock.advance(MINUTE);
    expect(await names()).toEqual([`c-${ZERO + 300}`]);
  });

  it('with a new schedule does not make up for what that would have done before', async () => {
    await start();
    await create({ schedule: '0 3 * * *' });
    await world.clock.advance(2 * 60 * MINUTE);
    await patch({ schedule: '30 1,4 * * *' });
    await world.clock.advance(2 * 60 * MINUTE);
    expect(await names()).toEqual([]);
    await world.clock.advance(60 * MINUTE);
    expect(await names()).toEqual([`c-${ZERO + 4 * 60 + 30}`]);
  });

  it('tells of Jobs that it did not make, and of those that are gone', async () => {
    await start();
    world.behaviour = () => 'run';
    const { metadata } = await create({ schedule: '0 * * * *' });
    const { jobTemplate } = (await get()).spec;
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'c', uid: metadata.uid, controller: true };
    await world.client.kind(Job).create(make({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'by-hand', namespace: 'default', ownerReferences: [owner] }, spec: jobTemplate.spec }));
    await world.clock.advance(10_000);
    expect(await events()).toContain('UnexpectedJob: Saw a job that the controller did not create or forgot: by-hand');
    await world.clock.advance(61 * MINUTE);
    expect((await get()).status?.active?.map(({ name }) => name)).toEqual([`c-${ZERO + 60}`]);
    await world.client.kind(Job).delete({ namespace: 'default', name: `c-${ZERO + 60}` }, { propagationPolicy: 'Background' });
    await world.until(async () => (await get()).status?.active === undefined);
    await world.clock.advance(1000);
    expect(await events()).toContain(`MissingJob: Active job went missing: c-${ZERO + 60}`);
    expect(await names()).toEqual(['by-hand']);
  });

  it('leaves a Job alone that has the name of one of its own', async () => {
    await start();
    world.behaviour = () => 'run';
    await create({ schedule: '0 * * * *' });
    const { jobTemplate } = (await get()).spec;
    await world.client.kind(Job).create(make({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: `c-${ZERO + 60}`, namespace: 'default' }, spec: jobTemplate.spec }));
    await world.clock.advance(61 * MINUTE);
    expect((await get()).status?.active).toBeUndefined();
    await world.clock.advance(60 * MINUTE);
    expect((await get()).status?.active?.map(({ name }) => name)).toEqual([`c-${ZERO + 120}`]);
  });

  it('is quiet between its times', async () => {
    await start();
    await create({ schedule: '0 6 * * *' });
    await world.clock.advance(MINUTE);
    const before = await world.revision();
    await world.clock.advance(5 * 60 * MINUTE);
    expect(await world.revision()).toBe(before);
    // Until the events have expired, too.
    await world.clock.advance(150 * MINUTE);
    expect((await made()).map(isOver)).toEqual([true]);
    const after = await world.revision();
    await world.clock.advance(10 * 60 * MINUTE);
    expect(await world.revision()).toBe(after);
    expect((await world.pods()).map((pod: Pod) => pod.status?.phase)).toEqual(['Succeeded']);
  });

  it('makes its Job at once when another one of that name is gone by the time it is looked for', async () => {
    const once = { refused: 0 };
    const refusing = (client: Client): Client => ({
      ...client,
      kind: (kind) => {
        const verbs = client.kind(kind);
        if (kind.plural !== 'jobs' || once.refused > 0) return verbs;
        const create = async (): Promise<never> => {
          once.refused += 1;
          throw ApiError.alreadyExists(kind, `c-${ZERO + 1}`);
        };
        return Object.assign(Object.create(verbs) as typeof verbs, { create, find: (...given: Parameters<typeof verbs.find>) => verbs.find(...given) });
      },
    });
    const controller = cronJobController();
    const start: Controller['start'] = (setup) => {
      const parts = controller.start(setup);
      return { ...parts, reconcile: (key, context) => parts.reconcile(key, { ...context, client: refusing(context.client) }) };
    };
    world = await World.start([definePlugin({ name: 'refused-once', core: '^0.1.0', setup: ({ add }) => add(Controllers, { ...controller, start }) })({})]);
    await create({});
    await world.clock.advance(MINUTE + 1000);
    expect(once.refused).toBe(1);
    expect(await names()).toEqual([`c-${ZERO + 1}`]);
  });
});
