import { type Controller, Controllers, definePlugin, Job, type ReconcileContext } from '@orrery/core';
import { afterEach, expect, it } from 'vitest';
import { garbageCollection } from '../garbage-collector/plugin.js';
import { jobs } from '../job/plugin.js';
import { make, World } from '../test-support/world.js';
import { ttlAfterFinishedController } from './controller.js';
import { ttlAfterFinished } from './plugin.js';

let world: World;
afterEach(() => world.stop());

const create = (name: string, ttlSecondsAfterFinished?: number): Promise<Job> =>
  world.client.kind(Job).create(
    make({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: 'default' },
      spec: { ...(ttlSecondsAfterFinished !== undefined && { ttlSecondsAfterFinished }), template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } },
    }),
  );
const names = async (): Promise<(string | undefined)[]> => (await world.client.kind(Job).list()).items.map(({ metadata }) => metadata.name).sort();
const finished = async (): Promise<boolean> => ((await world.client.kind(Job).list()).items as readonly Job[]).every(({ status }) => status?.completionTime !== undefined);

it('finished Jobs go with their pods when their time is over, and others stay', async () => {
  world = await World.start([jobs(), garbageCollection(), ttlAfterFinished()]);
  world.behaviour = () => ({ exitCode: 0 });
  await create('at-once', 0);
  await create('soon', 60);
  await create('later', 60);
  await create('never');
  await world.until(async () => (await names()).length === 3 && (await finished()));
  expect(await names()).toEqual(['later', 'never', 'soon']);
  await world.clock.advance(58_000);
  expect(await names()).toEqual(['later', 'never', 'soon']);
  // More time, given just before it was over.
  await world.client.kind(Job).patch({ namespace: 'default', name: 'later' }, 'merge', { spec: { ttlSecondsAfterFinished: 600 } });
  await world.clock.advance(5000);
  expect(await names()).toEqual(['later', 'never']);
  expect((await world.pods()).map(({ metadata }) => metadata.labels?.['job-name']).sort()).toEqual(['later', 'never']);
  await world.clock.advance(600_000);
  expect(await names()).toEqual(['never']);
});

it('a Job that is not finished stays, however long that takes', async () => {
  world = await World.start([jobs(), garbageCollection(), ttlAfterFinished()]);
  await create('runs', 0);
  await world.clock.advance(3_600_000);
  expect(await names()).toEqual(['runs']);
});

it('a Job whose time is not over after all, because the clock was set back while it was looked at, goes when it is', async () => {
  const controller = ttlAfterFinishedController();
  let jumps = 0;
  const start: Controller['start'] = (setup) => {
    const parts = controller.start(setup);
    const settingBack = (context: ReconcileContext): ReconcileContext['clock'] => {
      let asked = 0;
      // The second look at the clock within one pass.
      const now = (): number => {
        asked += 1;
        if (asked === 2 && jumps === 0) {
          jumps += 1;
          world.clock.jump(-30_000);
        }
        return context.clock.now();
      };
      return { now, monotonic: () => context.clock.monotonic(), timer: (...given) => context.clock.timer(...given), sleep: (...given) => context.clock.sleep(...given) };
    };
    return { ...parts, reconcile: (key, context) => parts.reconcile(key, { ...context, clock: settingBack(context) }) };
  };
  world = await World.start([jobs(), garbageCollection(), definePlugin({ name: 'set-back', core: '^0.1.0', setup: ({ add }) => add(Controllers, { ...controller, start }) })({})]);
  world.behaviour = () => ({ exitCode: 0 });
  await create('at-once', 0);
  await world.until(() => jumps === 1);
  expect(await names()).toEqual(['at-once']);
  await world.clock.advance(31_000);
  expect(await names()).toEqual([]);
});
