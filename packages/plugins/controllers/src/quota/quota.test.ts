import { amountsOf, type ApiError, noAmounts, PersistentVolumeClaim, Pod, ResourceQuota, Service } from '@orrery/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { make, World } from '../test-support/world.js';
import { missingRequests, planCharge, planRecount } from './plan.js';
import { resourceQuotas } from './plugin.js';
import { isInScope } from './scopes.js';
import { usageOf } from './usage.js';

let world: World;
afterEach(() => world?.stop());

const pod = (name: string, resources: object = {}, spec: object = {}): Pod =>
  make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec } });
const quota = (hard: Record<string, string>, spec: object = {}): ResourceQuota => make<ResourceQuota>({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'default' }, spec: { hard, ...spec } });
const used = async (): Promise<Record<string, string> | undefined> => (await world.client.kind(ResourceQuota).get({ namespace: 'default', name: 'q' })).status?.used;
const start = async (hard: Record<string, string>, spec: object = {}): Promise<void> => {
  world = await World.start([resourceQuotas()]);
  await world.client.kind(ResourceQuota).create(quota(hard, spec));
  await world.until(async () => (await used()) !== undefined, 'counted once');
};

describe('ResourceQuota', () => {
  it('lets in as many at the same time as there is room for, and says what is missing to the rest', async () => {
    await start({ pods: '20', 'requests.cpu': '10' });
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => world.client.kind(Pod).create(pod(`p${i}`, { requests: { cpu: '500m' } }))));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as ApiError] : []));
    expect(refused[0]).toMatchObject({ reason: 'Forbidden', message: 'pods "p20" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=20,requests.cpu=10, limited: pods=20,requests.cpu=10' });
    expect(await used()).toEqual({ pods: '20', 'requests.cpu': '10' });
  });

  it('gives back what is deleted or has ended, and what was charged for a write that failed', async () => {
    await start({ pods: '2' });
    world.behaviour = () => 'pending';
    await world.client.kind(Pod).create(pod('a'));
    await expect(world.client.kind(Pod).create(pod('a'))).rejects.toMatchObject({ reason: 'AlreadyExists' });
    expect(await used()).toEqual({ pods: '2' });
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
    await world.until(async () => (await used())?.['pods'] === '0', 'given back', 10_000);
    await world.client.kind(Pod).create(pod('b'));
    await world.client.kind(Pod).patch({ namespace: 'default', name: 'b' }, 'merge', { status: { phase: 'Succeeded' } }, { subresource: 'status' });
    await world.until(async () => (await used())?.['pods'] === '0', 'ended', 10_000);
  });

  it('shows what is used, and no more, soon after all is quiet: also when something came while something went', async () => {
    await start({ pods: '10' });
    world.behaviour = () => 'pending';
    const create = (name: string): Promise<Pod> => world.client.kind(Pod).create(pod(name));
    for (const name of ['a', 'b', 'c']) await create(name);
    await world.clock.advance(3_000);
    expect(await used()).toEqual({ pods: '3' });
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
    await world.clock.advance(500);
    for (const name of ['d', 'e', 'f', 'g']) await create(name);
    await world.clock.advance(3_000);
    expect(await used()).toEqual({ pods: '6' });
    for (const name of ['h', 'i', 'j', 'k']) await create(name);
    await expect(create('l')).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  it('refuses pods that leave open what is counted, and changes nothing as a dry run', async () => {
    await start({ 'limits.memory': '1Gi', 'requests.cpu': '1' });
    await expect(world.client.kind(Pod).create(pod('a', { requests: { cpu: '1' } }))).rejects.toMatchObject({ message: 'pods "a" is forbidden: failed quota: q: must specify limits.memory for: c' });
    const whole = { requests: { cpu: '1' }, limits: { memory: '512Mi' } };
    await world.client.kind(Pod).create(pod('a', whole), { dryRun: true });
    expect(await used()).toEqual({ 'limits.memory': '0', 'requests.cpu': '0' });
    await world.client.kind(Pod).create(pod('a', whole));
    expect(await used()).toEqual({ 'limits.memory': '512Mi', 'requests.cpu': '1' });
  });

  it('counts node ports, classes of storage and objects of any kind; a changed limit holds at once', async () => {
    await start({ 'services.nodeports': '1', 'gold.storageclass.storage.k8s.io/requests.storage': '5Gi', 'count/configmaps': '0' });
    const service = (name: string, ports: number): Service => make<Service>({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { type: 'NodePort', ports: Array.from({ length: ports }, (_, i) => ({ name: `p${i}`, port: 80 + i })) } });
    await expect(world.client.kind(Service).create(service('s', 2))).rejects.toMatchObject({ reason: 'Forbidden' });
    await world.client.kind(Service).create(service('s', 1));
    const claim = make<PersistentVolumeClaim>({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { storageClassName: 'gold', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '6Gi' } } } });
    await expect(world.client.kind(PersistentVolumeClaim).create(claim)).rejects.toMatchObject({ reason: 'Forbidden' });
    await expect(world.client.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } })).rejects.toMatchObject({ reason: 'Forbidden' });
    const current = await world.client.kind(ResourceQuota).get({ namespace: 'default', name: 'q' });
    await world.client.kind(ResourceQuota).update({ ...current, spec: { ...current.spec, hard: { ...current.spec.hard, 'count/configmaps': '1' } } });
    await world.until(async () => (await world.client.kind(ResourceQuota).get({ namespace: 'default', name: 'q' })).status?.hard?.['count/configmaps'] === '1');
    await world.client.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } });
  });

  it('refuses quotas that make no sense', async () => {
    world = await World.start([resourceQuotas()]);
    for (const spec of [{ hard: { pods: '-1' } }, { hard: { nonsense: '1' } }, { hard: { pods: '1.5' } }, { hard: { cpu: '1' }, scopes: ['BestEffort'] }, { hard: {}, scopes: ['BestEffort', 'NotBestEffort'] }]) {
      await expect(world.client.kind(ResourceQuota).create({ ...quota({}), spec: spec as never })).rejects.toMatchObject({ reason: 'Invalid' });
    }
  });
});

describe('scopes', () => {
  const kind = { plural: 'pods', group: '' };
  it.each([
    [{ scopes: ['BestEffort'] }, pod('p'), true],
    [{ scopes: ['BestEffort'] }, pod('p', { requests: { cpu: '1' } }), false],
    [{ scopes: ['NotBestEffort', 'Terminating'] }, pod('p', { requests: { cpu: '1' } }, { activeDeadlineSeconds: 5 }), true],
    [{ scopes: ['NotTerminating'] }, pod('p', {}, { activeDeadlineSeconds: 5 }), false],
    [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }, pod('p', {}, { priorityClassName: 'high' }), true],
    [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }] } }, pod('p', {}, { priorityClassName: 'high' }), false],
  ])('%j', (spec, object, expected) => expect(isInScope(spec, kind, object)).toBe(expected));
});

describe('plans', () => {
  it('never charge beyond the limit, and give the same total in any order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 }), (limit, wishes) => {
        let state = make<ResourceQuota>({ metadata: { name: 'q' }, spec: { hard: { pods: `${limit}` } }, status: { hard: { pods: `${limit}` }, used: { pods: '0' } } });
        let taken = 0;
        for (const pods of wishes) {
          const decision = planCharge(state, { pods });
          if (decision !== 'not concerned' && 'quota' in decision) {
            state = decision.quota;
            taken += pods;
          } else expect(taken + pods).toBeGreaterThan(limit);
        }
        expect(taken).toBeLessThanOrEqual(limit);
        expect(state.status?.used?.['pods']).toBe(`${taken}`);
      }),
    );
  });

  it('a recount never shows less than is used, wherever it falls between charges and writes', () => {
    // Each object is charged first and written later; the count sees some prefix of the writes of what was charged after it began, and all before.
    fc.assert(
      fc.property(fc.nat(10), fc.nat(10), fc.nat(10), (settled, charged, visible) => {
        const at = (pods: number): ResourceQuota => make<ResourceQuota>({ metadata: { name: 'q' }, spec: { hard: { pods: '100' } }, status: { hard: { pods: '100' }, used: { pods: `${pods}` } } });
        const seenInCount = settled + Math.min(visible, charged);
        const status = planRecount(at(settled + charged), at(settled), { pods: seenInCount });
        expect(Number(status.used?.['pods'])).toBeGreaterThanOrEqual(settled + charged);
        const quiet = planRecount(at(settled + charged), at(settled + charged), { pods: settled + charged });
        expect(quiet.used?.['pods']).toBe(`${settled + charged}`);
      }),
    );
  });

  it('name containers that leave something open', () => {
    expect(missingRequests(pod('p', { requests: { cpu: '1' } }), { 'requests.cpu': '1', memory: '1Gi', pods: '1' })).toBe('must specify memory for: c');
    expect(missingRequests(pod('p', { requests: { cpu: '1', memory: '1Gi' } }), { cpu: '1', memory: '1Gi' })).toBeUndefined();
  });

  it('count what a pod asks for, and nothing but its entry when it has ended', () => {
    const running = pod('p', { requests: { cpu: '250m', memory: '1Mi', 'example.com/gpu': '2' }, limits: { cpu: '1', 'example.com/gpu': '2' } });
    expect(usageOf({ plural: 'pods', group: '' }, running, 0)).toMatchObject({ pods: 1, 'count/pods': 1, cpu: 250, 'requests.cpu': 250, 'limits.cpu': 1000, 'requests.memory': 1_048_576, 'requests.example.com/gpu': 2 });
    expect({ ...usageOf({ plural: 'pods', group: '' }, { ...running, status: { phase: 'Failed' } } as Pod, 0) }).toEqual({ 'count/pods': 1 });
    expect({ ...noAmounts(), ...amountsOf({ cpu: '1' }) }).toEqual({ cpu: 1000 });
  });
});
