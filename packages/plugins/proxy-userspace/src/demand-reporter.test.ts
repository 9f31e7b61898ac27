import { createOrchestrator, DEMAND_LABEL, demandOf, Lease, type Orchestrator, Service, silentLogger } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DemandReporter } from './demand-reporter.js';

let orchestrator: Orchestrator;
let clock: VirtualClock;
let reporter: DemandReporter;
let failing = false;
/** How often it tried, and what it told of it. */
let [asked, warnings] = [0, 0];
let service: { readonly namespace: string; readonly name: string; readonly uid: string };

beforeEach(async () => {
  clock = new VirtualClock();
  failing = false;
  [asked, warnings] = [0, 0];
  orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock });
  await orchestrator.start();
  const made = await orchestrator.client.kind(Service).create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } } as unknown as Service);
  service = { namespace: 'default', name: 'web', uid: made.metadata.uid ?? '' };
  const client = () => {
    asked += 1;
    if (failing) throw new Error('no way to the server');
    return orchestrator.client;
  };
  reporter = new DemandReporter({ client, clock, log: { ...silentLogger, debug: () => {}, warn: () => void (warnings += 1) }, holder: 'n1', renewMs: 5_000 });
});

afterEach(async () => {
  reporter.close();
  await orchestrator.stop();
});

const demand = async () => {
  const [lease] = (await orchestrator.client.kind(Lease).list({ labelSelector: DEMAND_LABEL })).items;
  return lease && demandOf(lease);
};
const revision = async (): Promise<number> => Number((await orchestrator.client.kind(Lease).list()).metadata.resourceVersion);

it('tells the first use at once, goes on while it lasts, tells its end, and is then quiet', async () => {
  const begun = clock.now();
  reporter.began(service);
  await clock.until(async () => (await demand()) !== undefined);
  expect(await demand()).toEqual({ namespace: 'default', service: 'web', holder: 'n1', lastUse: begun, until: begun + 15_000 });
  for (let i = 0; i < 60; i += 1) {
    await clock.advance(1_000);
    expect(clock.now() - ((await demand())?.lastUse ?? 0)).toBeLessThanOrEqual(5_000);
  }
  reporter.ended(service);
  const ended = clock.now();
  await clock.advance(5_000);
  expect((await demand())?.lastUse).toBe(ended);
  const before = await revision();
  await clock.advance(3_600_000);
  expect(await revision()).toBe(before);
  reporter.began(service);
  await clock.until(async () => (await demand())?.lastUse === clock.now());
});

it('writes at most two times in its period, however many connections there are', async () => {
  const before = await revision();
  for (let i = 0; i < 600; i += 1) {
    reporter.began(service);
    await clock.advance(50);
    reporter.ended(service);
    await clock.advance(50);
  }
  expect((await revision()) - before).toBeLessThanOrEqual(2 * 12 + 2);
});

it('tries again what could not be written', async () => {
  failing = true;
  reporter.began(service);
  await clock.advance(3_500);
  expect(await demand()).toBeUndefined();
  failing = false;
  await clock.advance(1_000);
  expect(await demand()).toMatchObject({ holder: 'n1' });
  reporter.ended(service);
});

it('gives up to tell of a use that is over, when it cannot be told for longer than a Lease would tell of it', async () => {
  failing = true;
  reporter.began(service);
  await clock.advance(20_000);
  expect(asked).toBeGreaterThan(15);
  reporter.ended(service);
  await clock.advance(20_000);
  const before = asked;
  await clock.advance(60_000);
  expect(asked).toBe(before);
  expect(warnings).toBe(1);
});
