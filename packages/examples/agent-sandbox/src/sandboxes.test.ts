import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { controllerOf, createOrchestrator, Namespace, type Orchestrator, Pod } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { nodeAgent } from '@orrery/node-agent';
import { SimulatedMachine, simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planPool, Sandbox, SandboxClaim, SandboxPool, sandboxes } from './sandboxes.js';

let clock: VirtualClock;
let machine: SimulatedMachine;
let orchestrator: Orchestrator;
let rootDir: string;

const start = async (): Promise<void> => {
  const plugins = [memoryStore({ journal: join(rootDir, 'journal') }), scheduler(), workloadControllers(), simulatedRuntime({ machine }), nodeAgent({ name: 'n1', rootDir, capacity: { cpu: '1000', memory: '1Ti', pods: '2000' } }), sandboxes()];
  orchestrator = await createOrchestrator({ plugins, clock, random: new SeededRandom(1) });
  await orchestrator.start();
};
beforeEach(async () => {
  clock = new VirtualClock();
  rootDir = mkdtempSync(join(tmpdir(), 'orrery-sandboxes-'));
  machine = new SimulatedMachine({ clock, random: new SeededRandom(2), behaviour: () => ({ startDelayMs: 500 }) });
  await start();
});
afterEach(async () => {
  await orchestrator.stop();
  rmSync(rootDir, { recursive: true, force: true });
});

const template = { image: 'none', command: ['agent'], env: {}, requests: {} };
const pool = (spec: Partial<SandboxPool['spec']> = {}): SandboxPool => ({ apiVersion: SandboxPool.apiVersion, kind: 'SandboxPool', metadata: { name: 'py', namespace: 'default' }, spec: { warm: 5, template, ...spec } });
const claim = (name: string, spec: object = {}): SandboxClaim => ({ apiVersion: SandboxClaim.apiVersion, kind: 'SandboxClaim', metadata: { name, namespace: 'default' }, spec: { pool: 'py', ...spec } });
const pools = () => orchestrator.client.kind(SandboxPool);
const claims = () => orchestrator.client.kind(SandboxClaim);
const all = async () => (await orchestrator.client.kind(Sandbox).list()).items;
const ready = (count: number): Promise<void> => clock.until(async () => (await pools().get({ name: 'py' })).status?.ready === count, 60_000, `${count} are ready`);
const phases = async (): Promise<string[]> => (await claims().list()).items.map(({ status }) => status?.phase ?? 'none').sort();

describe('sandboxes', () => {
  it('a claim gets a warm one at once, and the pool fills up again', async () => {
    await pools().create(pool());
    await ready(5);
    const before = clock.now();
    await claims().create(claim('c'));
    await clock.until(async () => (await claims().get({ name: 'c' })).status?.phase === 'Bound', 10_000);
    expect(clock.now() - before).toBe(0);
    const { status } = await claims().get({ name: 'c' });
    expect(status).toMatchObject({ warm: true, address: expect.any(String) as string });
    await ready(5);
    expect(await all()).toHaveLength(6);
  });

  it('five hundred claims at the same time get a sandbox each, none the same, within the maximum; the rest waits its turn', async () => {
    await pools().create(pool({ warm: 50, max: 400 }));
    await ready(50);
    await Promise.all(Array.from({ length: 500 }, (_, i) => claims().create(claim(`c${i}`))));
    await clock.until(async () => (await phases()).filter((phase) => phase === 'Bound').length === 400, 120_000, 'all that fit are bound');
    await clock.advance(5_000);
    const bound = (await claims().list()).items.filter(({ status }) => status?.phase === 'Bound');
    expect(new Set(bound.map(({ status }) => status?.sandbox)).size).toBe(400);
    expect(await all()).toHaveLength(400);
    expect((await phases()).filter((phase) => phase === 'Waiting')).toHaveLength(100);
    for (const sandbox of await all()) expect(controllerOf(sandbox)?.kind).toBe('SandboxClaim');
    for (const { metadata } of bound.slice(0, 60)) await claims().delete({ name: metadata.name ?? '' }, { propagationPolicy: 'Background' });
    await clock.until(async () => (await phases()).filter((phase) => phase === 'Bound').length === 400, 120_000, 'those that waited take over');
  });

  it('what a claim had goes with it: by deletion, or when its time is over', async () => {
    await pools().create(pool({ warm: 2 }));
    await ready(2);
    await claims().create(claim('long'));
    await claims().create(claim('short', { ttlSeconds: 30 }));
    await clock.until(async () => (await phases()).join() === 'Bound,Bound', 10_000);
    await clock.advance(29_000);
    expect(await claims().find({ name: 'short' })).toBeDefined();
    await clock.until(async () => (await claims().find({ name: 'short' })) === undefined, 5_000, 'its time is over');
    await claims().delete({ name: 'long' }, { propagationPolicy: 'Background' });
    await pools().delete({ name: 'py' }, { propagationPolicy: 'Background' });
    await clock.until(async () => (await all()).length === 0 && (await orchestrator.client.kind(Pod).list()).items.length === 0, 120_000, 'nothing is left');
    expect(machine.containers().filter(({ state }) => state === 'running')).toHaveLength(0);
  });

  it('one that ends while warm is replaced; one that ends while claimed is told and not', async () => {
    await pools().create(pool({ warm: 2 }));
    await ready(2);
    await claims().create(claim('c'));
    await clock.until(async () => (await phases())[0] === 'Bound', 10_000);
    await ready(2);
    const mine = (await claims().get({ name: 'c' })).status?.sandbox;
    for (const container of machine.containers()) container.exit({ exitCode: 1, reason: 'Error' });
    await clock.until(async () => (await phases())[0] === 'Ended', 60_000, 'the claim says so');
    await ready(2);
    expect((await all()).filter(({ status }) => status?.phase !== 'Ended')).toHaveLength(2);
    expect((await claims().get({ name: 'c' })).status?.sandbox).toBe(mine);
  });

  it('a new template replaces warm ones as their successors are ready, and leaves claimed ones alone', async () => {
    await pools().create(pool({ warm: 3 }));
    await ready(3);
    await claims().create(claim('c'));
    await clock.until(async () => (await phases())[0] === 'Bound', 10_000);
    await ready(3);
    await pools().patch({ name: 'py' }, 'merge', { spec: { template: { command: ['agent', 'v2'] } } });
    let least = 3;
    await clock.until(async () => {
      const warm = (await all()).filter((sandbox) => controllerOf(sandbox)?.kind === 'SandboxPool');
      least = Math.min(least, warm.filter(({ status, metadata }) => status?.phase === 'Ready' && metadata.deletionTimestamp === undefined).length);
      return warm.length === 3 && warm.every(({ spec, status }) => spec.template.command.length === 2 && status?.phase === 'Ready');
    }, 120_000, 'all are new');
    expect(least).toBe(3);
    expect((await claims().get({ name: 'c' })).status?.phase).toBe('Bound');
  });

  it('claims outlive their pool: they wait for one of that name, in their namespace', async () => {
    await pools().create(pool({ warm: 1, max: 1 }));
    await ready(1);
    await claims().create(claim('first'));
    await clock.until(async () => (await phases()).join() === 'Bound', 10_000);
    await claims().create(claim('second'));
    await orchestrator.client.kind(Namespace).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' }, spec: {} });
    await claims().create({ ...claim('third'), metadata: { name: 'third', namespace: 'elsewhere' } });
    await clock.advance(1_000);
    await pools().delete({ name: 'py' }, { propagationPolicy: 'Background' });
    await clock.advance(60_000);
    expect(await phases()).toEqual(['Bound', 'Waiting', 'Waiting']);
    expect(await all()).toHaveLength(1);
    await pools().create(pool({ warm: 0, max: 2 }));
    await clock.until(async () => (await phases()).join() === 'Bound,Bound,Waiting', 60_000, 'the one that waited here has one');
    expect((await claims().get({ namespace: 'elsewhere', name: 'third' })).status?.phase).toBe('Waiting');
  });

  it('names may be as long as names are', async () => {
    const name = 'p'.repeat(63);
    await expect(pools().create({ ...pool(), metadata: { name: 'p'.repeat(64), namespace: 'default' } })).rejects.toMatchObject({ reason: 'Invalid' });
    await pools().create({ ...pool({ warm: 1 }), metadata: { name, namespace: 'default' } });
    await clock.until(async () => (await pools().get({ name })).status?.ready === 1, 60_000, 'one is ready');
    await pools().patch({ name }, 'merge', { spec: { warm: 0 } });
    await clock.until(async () => (await all()).length === 0, 60_000, 'none is kept warm');
    // New ones are named after their claims.
    for (const long of ['a', 'c'.repeat(253), `${'c'.repeat(199)}.${'c'.repeat(40)}`]) await claims().create(claim(long, { pool: name }));
    await clock.until(async () => (await phases()).join() === 'Bound,Bound,Bound', 60_000, 'all have one');
  });

  it('a restart in the middle of claims loses none and binds none twice', async () => {
    await pools().create(pool({ warm: 10 }));
    await ready(10);
    const asked = Promise.allSettled(Array.from({ length: 30 }, (_, i) => claims().create(claim(`c${i}`))));
    await orchestrator.stop();
    const made = (await asked).filter(({ status }) => status === 'fulfilled').length;
    expect(made).toBeGreaterThan(0);
    await start();
    await clock.until(async () => (await phases()).every((phase) => phase === 'Bound'), 120_000, 'all are bound');
    const names = (await claims().list()).items.map(({ status }) => status?.sandbox);
    expect(names.length).toBeGreaterThanOrEqual(made);
    expect(new Set(names).size).toBe(names.length);
    await ready(10);
    expect(await all()).toHaveLength(names.length + 10);
  });
});

describe('planPool', () => {
  const sandbox = fc.record({ phase: fc.constantFrom('Starting', 'Ready', 'Ended', undefined), isOld: fc.boolean(), deleting: fc.boolean() });
  const objectOf = ({ phase, isOld, deleting }: { phase: string | undefined; isOld: boolean; deleting: boolean }, i: number): Sandbox =>
    ({ metadata: { name: `s${i}`, ...(deleting && { deletionTimestamp: 'x' }) }, spec: { template: { ...template, ...(isOld && { command: ['old'] }) } }, ...(phase !== undefined && { status: { phase } }) }) as unknown as Sandbox;

  it('never asks for more than the maximum, keeps enough ready ones while it replaces, and settles', () => {
    fc.assert(
      fc.property(fc.array(sandbox, { maxLength: 12 }), fc.nat(8), fc.option(fc.nat(15), { nil: undefined }), fc.nat(6), (states, warm, max, claimed) => {
        const object = pool({ warm, ...(max !== undefined && { max }) });
        let world = states.map(objectOf);
        const first = planPool({ pool: object, unclaimed: world, claimed });
        expect(first.create === 0 || world.length + claimed + first.create <= (max ?? Number.POSITIVE_INFINITY)).toBe(true);
        for (let round = 0; round < 40; round += 1) {
          const { create, remove } = planPool({ pool: object, unclaimed: world, claimed });
          // What is removed is gone, what is made becomes ready, what is being deleted goes.
          world = [...world.filter((one) => !remove.includes(one) && one.metadata.deletionTimestamp === undefined), ...Array.from({ length: create }, (_, i) => objectOf({ phase: 'Ready', isOld: false, deleting: false }, 1000 * (round + 1) + i))].map((one) =>
            one.status?.phase === 'Starting' || one.status === undefined ? ({ ...one, status: { phase: 'Ready' } } as Sandbox) : one);
        }
        expect(planPool({ pool: object, unclaimed: world, claimed })).toMatchObject({ create: 0, remove: [] });
        expect(world).toHaveLength(Math.min(warm, Math.max(0, (max ?? Number.POSITIVE_INFINITY) - claimed)));
        expect(world.every(({ spec }) => spec.template.command[0] === 'agent')).toBe(true);
      }),
    );
  });
});
