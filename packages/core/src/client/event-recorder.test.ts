import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigMap, createOrchestrator, Event, type KubeObject, type Orchestrator, silentLogger } from '../index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { RecorderFactory } from './event-recorder.js';

let clock: VirtualClock;
let orchestrator: Orchestrator;
let recorders: RecorderFactory;
let warnings: string[];
let about: ConfigMap;

beforeEach(async () => {
  clock = new VirtualClock();
  orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock });
  await orchestrator.start();
  about = await orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } });
  warnings = [];
  recorders = new RecorderFactory({ client: orchestrator.client, clock, random: new SeededRandom(1), log: { ...silentLogger, warn: (message) => void warnings.push(message) } });
});
afterEach(async () => {
  await recorders.close();
  await orchestrator.stop();
  expect(clock.pending).toBe(0);
});

const events = async (): Promise<readonly Event[]> => {
  await clock.settle();
  return (await orchestrator.client.kind(Event).list()).items;
};

it('counts repeats on one Event, and begins anew when that has expired', async () => {
  const recorder = recorders.for('tester');
  for (let i = 0; i < 3; i += 1) {
    recorder.event(about, 'Warning', 'Broken', 'it broke');
    await clock.advance(10_000);
  }
  recorder.event(about, 'Warning', 'Broken', 'otherwise');
  const [first, second] = [...(await events())].sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
  expect(first).toMatchObject({ count: 3, type: 'Warning', reason: 'Broken', message: 'it broke', source: { component: 'tester' }, involvedObject: { kind: 'ConfigMap', name: 'm', uid: about.metadata.uid } });
  expect([first?.firstTimestamp, first?.lastTimestamp, second?.count]).toEqual(['2026-01-01T00:00:00Z', '2026-01-01T00:00:20Z', 1]);
  await orchestrator.client.kind(Event).delete({ namespace: 'default', name: first?.metadata.name ?? '' });
  recorder.event(about, 'Warning', 'Broken', 'it broke');
  expect((await events()).map(({ count }) => count)).toEqual([1, 1]);
  expect(warnings).toEqual([]);
});

it('holds back floods about one object, not about others or from others, and lets one through every five minutes', async () => {
  for (let i = 0; i < 100; i += 1) recorders.for('a').event(about, 'Normal', 'Noise', `number ${i}`);
  recorders.for('b').event(about, 'Normal', 'Other', 'from b');
  recorders.for('a').event({ ...about, metadata: { ...about.metadata, uid: 'another' } }, 'Normal', 'Other', 'about another');
  expect(await events()).toHaveLength(27);
  await clock.advance(300_000);
  for (let i = 0; i < 5; i += 1) recorders.for('a').event(about, 'Normal', 'Noise', `later ${i}`);
  expect(await events()).toHaveLength(28);
});

it('never throws: what cannot be written is told to the log, and the next is written', async () => {
  const lost = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'nowhere', uid: 'u' } } as KubeObject;
  recorders.for('a').event(lost, 'Normal', 'Lost', 'no such namespace');
  recorders.for('a').event(about, 'Normal', 'Fine', 'x'.repeat(5_000));
  const [only] = await events();
  expect([only?.reason, only?.message?.length, warnings]).toEqual(['Fine', 1024, ['an event could not be written']]);
});

it('closes cleanly: what is being written is finished, what waits is dropped, nothing is taken any more', async () => {
  for (let i = 0; i < 10; i += 1) recorders.for('a').event(about, 'Normal', 'Many', `number ${i}`);
  await recorders.close();
  const written = (await events()).length;
  expect(written).toBeLessThan(10);
  recorders.for('a').event(about, 'Normal', 'Late', 'too late');
  await recorders.close();
  expect(await events()).toHaveLength(written);
});

it('writes a thousand at once and then a thousand a second, so that telling of work does not hold it up; a pause ends with the recorder', async () => {
  const tell = (count: number): void => {
    for (let i = 0; i < count; i += 1) recorders.for('a').event({ ...about, metadata: { ...about.metadata, uid: `u${i}` } }, 'Normal', 'Burst', `number ${i}`);
  };
  tell(1_500);
  expect((await events()).length).toBeLessThanOrEqual(1_001);
  await clock.advance(250);
  const soon = (await events()).length;
  expect(soon).toBeGreaterThan(1_150);
  expect(soon).toBeLessThanOrEqual(1_300);
  await clock.advance(500);
  expect(await events()).toHaveLength(1_500);
  tell(1_500);
  await clock.settle();
  expect(clock.pending).toBeGreaterThan(0);
  await recorders.close();
  expect((await events()).length).toBeLessThan(3_000);
});
