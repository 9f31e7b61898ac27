import { ApiError, OrreryError, type FilterPlugin, type SchedulerProfile } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultProfile } from '../profile.js';
import { FakeCluster } from '../test-support/fake-cluster.js';
import { aNode, aPod } from '../test-support/objects.js';
import { settle } from '../test-support/virtual-clock.js';
import { fixedProfiles } from './profiles.js';

let cluster: FakeCluster;
let stop: (() => Promise<void>) | undefined;

const start = async (...args: Parameters<FakeCluster['start']>) => {
  const running = await cluster.start(...args);
  stop = running.stop;
  return running.engine;
};

beforeEach(() => {
  cluster = new FakeCluster();
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  expect(cluster.clock.pending, 'timers left behind').toBe(0);
  expect(cluster.oversubscribed).toEqual([]);
});

describe('SchedulerEngine', () => {
  it('binds a waiting pod to the node with most room and says so', async () => {
    cluster.putNode(aNode('small', { allocatable: { cpu: '1' } }));
    cluster.putNode(aNode('large', { allocatable: { cpu: '16', memory: '64Gi' } }));
    await start();
    cluster.put(aPod('web', { requests: { cpu: '500m', memory: '1Gi' } }));
    await cluster.clock.advance(10);
    expect(cluster.nodeOf('web')).toBe('large');
    expect(cluster.events).toEqual([{ about: 'default/web', reason: 'Scheduled', message: 'Successfully assigned default/web to large' }]);
  });

  it('never gives a node more than it has when 500 creates race and binds are slow', async () => {
    for (let i = 0; i < 5; i++) cluster.putNode(aNode(`n${i}`, { allocatable: { cpu: '4', pods: '30' } }));
    cluster.beforeBind = () => cluster.clock.sleep(50, new AbortController().signal);
    await start();
    for (let i = 0; i < 500; i++) cluster.put(aPod(`p${i}`, { requests: { cpu: '250m' } }));
    await cluster.clock.advance(5_000);
    expect(cluster.binds).toHaveLength(5 * 16);
    expect(new Set(cluster.binds.map(({ pod }) => pod)).size).toBe(80);
  });

  it('says why nothing fits, once, and binds when room appears', async () => {
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1' } }));
    cluster.putNode(aNode('n2', { spec: { unschedulable: true } }));
    await start();
    cluster.put(aPod('a', { requests: { cpu: '800m' } }));
    await cluster.clock.advance(10);
    cluster.put(aPod('b', { requests: { cpu: '800m' } }));
    await cluster.clock.advance(600_000);
    const message = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.';
    expect(cluster.patches).toEqual([{ pod: 'b', reason: 'Unschedulable', message }]);
    expect(cluster.events.filter(({ reason }) => reason === 'FailedScheduling')).toEqual([{ about: 'default/b', reason: 'FailedScheduling', message }]);
    cluster.remove('a');
    await cluster.clock.advance(10_000);
    expect(cluster.nodeOf('b')).toBe('n1');
  });

  it('does not try a pod again while nothing that could help has changed', async () => {
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1' } }));
    const engine = await start();
    cluster.put(aPod('big', { requests: { cpu: '8' } }));
    await cluster.clock.advance(100);
    const before = engine.stats.decided;
    for (let i = 0; i < 50; i++) cluster.put(aPod(`small${i}`, { requests: { cpu: '1m' } }));
    await cluster.clock.advance(100_000);
    expect(engine.stats.decided - before).toBe(50);
    // The sweep looks at it again whatever happened.
    await cluster.clock.advance(300_000);
    expect(engine.stats.decided - before).toBe(51);
  });

  it('backs off from one second to ten after refused binds', async () => {
    cluster.putNode(aNode('n1'));
    const at: number[] = [];
    cluster.beforeBind = () => {
      at.push(cluster.clock.monotonic());
      throw ApiError.conflict({ group: '', plural: 'pods' }, 'p', 'try again');
    };
    await start();
    cluster.put(aPod('p'));
    await cluster.clock.advance(60_000);
    const gaps = at.slice(1).map((time, i) => Math.round((time - (at[i] as number)) / 100) / 10);
    expect(gaps.slice(0, 5)).toEqual([1, 2, 4, 8, 10]);
  });

  it('keeps a pod counted while the outcome of its bind is unknown, and finds out', async () => {
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1' } }));
    let failed = false;
    cluster.pods.held = [];
    cluster.afterBind = () => {
      if (!failed) {
        failed = true;
        throw new OrreryError('OUTCOME_UNKNOWN', 'The connection was lost.');
      }
    };
    await start();
    cluster.put(aPod('a', { requests: { cpu: '1' } }));
    cluster.put(aPod('b', { requests: { cpu: '1' } }));
    cluster.pods.release();
    cluster.pods.held = [];
    await cluster.clock.advance(5_000);
    expect(cluster.binds).toEqual([{ pod: 'default/a', node: 'n1' }]);
    expect(cluster.nodeOf('b')).toBeUndefined();
    cluster.pods.release();
    await cluster.clock.advance(1_000);
    expect(cluster.events.filter(({ reason }) => reason === 'Scheduled')).toHaveLength(1);
  });

  it('gives the room back when the pod was deleted while its bind was on its way', async () => {
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1' } }));
    cluster.beforeBind = (pod) => (pod === 'default/a' ? cluster.clock.sleep(100, new AbortController().signal) : undefined);
    await start();
    cluster.put(aPod('a', { requests: { cpu: '1' } }));
    await cluster.clock.advance(10);
    cluster.remove('a');
    cluster.put(aPod('b', { requests: { cpu: '1' } }));
    await cluster.clock.advance(15_000);
    expect(cluster.nodeOf('b')).toBe('n1');
  });

  it('counts pods that others bind, and follows nodes that shrink, go and return', async () => {
    cluster.putNode(aNode('n1', { allocatable: { cpu: '2' } }));
    await start();
    cluster.put(aPod('theirs', { requests: { cpu: '1' }, spec: { schedulerName: 'other', nodeName: 'n1' } }));
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1500m' } }));
    cluster.put(aPod('mine', { requests: { cpu: '1' } }));
    await cluster.clock.advance(100);
    expect(cluster.nodeOf('mine')).toBeUndefined();
    cluster.removeNode('n1');
    await cluster.clock.advance(15_000);
    expect(cluster.patches.at(-1)?.message).toBe('0/1 nodes are available: 1 Insufficient cpu.');
    cluster.putNode(aNode('n1', { allocatable: { cpu: '1500m' } }));
    await cluster.clock.advance(15_000);
    expect(cluster.nodeOf('mine')).toBeUndefined();
    cluster.remove('theirs');
    await cluster.clock.advance(15_000);
    expect(cluster.nodeOf('mine')).toBe('n1');
  });

  it('leaves alone pods of others, finished, deleted and gated ones', async () => {
    cluster.putNode(aNode('n1'));
    await start();
    cluster.put(aPod('others', { spec: { schedulerName: 'other' } }));
    cluster.put({ ...aPod('finished'), status: { phase: 'Succeeded' } } as never);
    cluster.put(aPod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }));
    const gated = aPod('gated', { spec: { schedulingGates: [{ name: 'wait' }] } });
    cluster.put(gated);
    await cluster.clock.advance(1_000);
    expect(cluster.binds).toEqual([]);
    expect(cluster.patches).toEqual([{ pod: 'gated', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' }]);
    cluster.put({ ...gated, spec: { ...gated.spec, schedulingGates: [] } });
    await cluster.clock.advance(1_000);
    expect(cluster.nodeOf('gated')).toBe('n1');
  });

  it('takes pods of higher priority first', async () => {
    cluster.beforeBind = () => cluster.clock.sleep(10, new AbortController().signal);
    for (const [name, priority] of [['low', 0], ['high', 1000], ['middle', 10]] as const) cluster.put(aPod(name, { spec: { priority } }));
    cluster.putNode(aNode('n1'));
    await start();
    await cluster.clock.advance(100);
    expect(cluster.binds.map(({ pod }) => pod)).toEqual(['default/high', 'default/middle', 'default/low']);
  });

  it('exchanges filters at a decision boundary, and looks at parked pods again', async () => {
    cluster.putNode(aNode('n1'));
    const refuse: FilterPlugin = { name: 'Refuse', filter: () => ({ ok: false, reasons: ['never on Mondays'], retryWhen: 'never' }) };
    let tell = (): void => {};
    const changed = (listener: () => void): (() => void) => {
      tell = listener;
      return () => {};
    };
    const view = { version: 0, profiles: [{ ...defaultProfile(), filters: [refuse] }] as SchedulerProfile[], list: () => view.profiles, changed };
    await start(view);
    cluster.put(aPod('p'));
    await cluster.clock.advance(100);
    expect(cluster.patches.at(-1)?.message).toBe('0/1 nodes are available: 1 never on Mondays.');
    view.profiles = [defaultProfile()];
    view.version++;
    tell();
    await cluster.clock.advance(10_000);
    expect(cluster.nodeOf('p')).toBe('n1');
  });

  it.each([
    ['throws', { filter: () => { throw new Error('boom'); } }, 'Scheduler plugin "Bad" threw in filter for node n1: boom.'],
    ['gives nothing', { filter: () => undefined }, 'Scheduler plugin "Bad" gave no verdict.'],
    ['refuses without a reason', { filter: () => ({ ok: false, reasons: [], retryWhen: 'never' }) }, 'Scheduler plugin "Bad" refused without a reason.'],
  ])('fails the attempt by name when a filter %s, and goes on', async (_what, bad, message) => {
    cluster.putNode(aNode('n1'));
    const plugin = { name: 'Bad', ...bad, signature: (pod: { spec: { schedulerName?: string } }) => pod.spec.schedulerName ?? '' } as unknown as FilterPlugin;
    await start(fixedProfiles({ ...defaultProfile('with-bad'), filters: [plugin] }, defaultProfile()));
    cluster.put(aPod('p', { spec: { schedulerName: 'with-bad' } }));
    cluster.put(aPod('q'));
    await cluster.clock.advance(30_000);
    expect(cluster.nodeOf('p')).toBeUndefined();
    expect(cluster.nodeOf('q')).toBe('n1');
    expect(cluster.patches[0]).toMatchObject({ pod: 'p', reason: 'SchedulerError' });
    expect(cluster.patches[0]?.message).toContain(message);
  });

  it('fails the attempt by name when a score is no number', async () => {
    cluster.putNode(aNode('n1'));
    await start(fixedProfiles({ schedulerName: 'default-scheduler', filters: [], scores: [{ plugin: { name: 'Odd', score: () => NaN }, weight: 1 }] }));
    cluster.put(aPod('p'));
    await cluster.clock.advance(100);
    expect(cluster.patches[0]?.message).toContain('Scheduler plugin "Odd" scored node n1 with NaN');
  });

  it('explains every node with reasons and numbers, also for a bound pod as if it were not there', async () => {
    cluster.putNode(aNode('full', { allocatable: { cpu: '1' } }));
    cluster.putNode(aNode('free', { allocatable: { cpu: '4' } }));
    const engine = await start();
    cluster.put(aPod('bound', { requests: { cpu: '1' }, spec: { nodeName: 'full' } }));
    cluster.put(aPod('asked', { requests: { cpu: '2' }, spec: { schedulingGates: [{ name: 'wait' }] } }));
    await settle();
    const asked = await engine.explain({ namespace: 'default', name: 'asked' });
    expect(asked).toMatchObject({ state: 'not-queued', schedulerName: 'default-scheduler' });
    expect(asked.nodes.find(({ node }) => node === 'full')).toMatchObject({
      feasible: false,
      refusals: [{ plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], retryWhen: 'node-changes', numbers: { 'cpu.requested': 2000, 'cpu.used': 1000, 'cpu.allocatable': 1000 } }],
    });
    const free = asked.nodes.find(({ node }) => node === 'free');
    expect(free?.feasible).toBe(true);
    expect(free?.total).toBe(free?.scores.reduce((sum, { weighted }) => sum + weighted, 0));
    const bound = await engine.explain({ namespace: 'default', name: 'bound' });
    expect(bound).toMatchObject({ state: 'bound', node: 'full' });
    expect(bound.nodes.every(({ feasible }) => feasible)).toBe(true);
    await expect(engine.explain({ namespace: 'default', name: 'nobody' })).rejects.toSatisfy((error) => OrreryError.is(error, 'NOT_FOUND'));
  });
});
