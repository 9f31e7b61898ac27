import { createOrchestrator, OrreryError } from '@orrery/core';
import type { HistoryLoss } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { EtcdFailure, STATUS, toOrreryError } from './failure.js';
import { HistoryGuard } from './history-guard.js';
import { EtcdStore, etcdStore } from './index.js';
import { parseEndpoint } from './members.js';

const header = (clusterId: number, revision: number) => ({ clusterId, memberId: 1, revision, raftTerm: 2 });

describe('endpoints and prefixes', () => {
  it('are read in three forms', () => {
    expect(parseEndpoint('https://etcd.example:2379', false)).toEqual({ target: 'etcd.example:2379', tls: true });
    expect(parseEndpoint('http://10.0.0.1:2379/', true)).toEqual({ target: '10.0.0.1:2379', tls: false });
    expect(parseEndpoint('[::1]:2379', true)).toEqual({ target: '[::1]:2379', tls: true });
  });

  it('are refused when malformed, without repeating what may be a password', () => {
    for (const endpoint of ['', 'etcd', 'http://user:hush@host:1', 'unix:/x', 'ftp://a:1', 'a:1/path']) {
      expect(() => new EtcdStore({ endpoints: [endpoint] })).toThrow(expect.toSatisfy((error: unknown) => OrreryError.is(error, 'INVALID') && !String(error).includes('hush')));
    }
    for (const prefix of ['', 'orrery', '/a b/', '/ä/', `/${'x'.repeat(300)}/`]) expect(() => new EtcdStore({ endpoints: ['a:1'], prefix })).toThrow(/prefix/);
    expect(() => new EtcdStore({ endpoints: [] })).toThrow(/endpoint/);
  });

  it('and options are checked when an orchestrator is assembled', async () => {
    const assembled = createOrchestrator({ plugins: [etcdStore({ endpoints: ['127.0.0.1:1'], password: 'hush' })] });
    const error = await Promise.resolve(assembled).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('a password needs a user');
    expect(String(error)).not.toContain('hush');
  });
});

describe('what a failure means', () => {
  it.each([
    [STATUS.UNAVAILABLE, 'No connection established. Last error: connect ECONNREFUSED', 'none'],
    [STATUS.UNAVAILABLE, 'Connection dropped', 'unknown'],
    [STATUS.UNAVAILABLE, 'etcdserver: leader changed', 'unknown'],
    [STATUS.UNAVAILABLE, 'etcdserver: request timed out', 'unknown'],
    [STATUS.DEADLINE_EXCEEDED, 'no answer', 'unknown'],
    [STATUS.UNKNOWN, 'raft: proposal dropped', 'unknown'],
    [STATUS.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'none'],
    [STATUS.RESOURCE_EXHAUSTED, 'Received message larger than max', 'unknown'],
    [STATUS.INVALID_ARGUMENT, 'etcdserver: request is too large', 'none'],
    [STATUS.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'none'],
  ] as const)('%i %s: effect %s', (status, details, effect) => {
    expect(new EtcdFailure(status, details, 'm').effect).toBe(effect);
  });

  it('an etcd that is overloaded is asked again; one that is full is not', () => {
    expect(new EtcdFailure(STATUS.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', 'm').passing).toBe(true);
    const full = new EtcdFailure(STATUS.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'm');
    expect([full.passing, toOrreryError(full).code]).toEqual([false, 'UNAVAILABLE']);
  });
});

describe('the guard of the history', () => {
  it('knows a loss from answers that overtake each other', () => {
    const guard = new HistoryGuard();
    const losses: HistoryLoss[] = [];
    guard.listen((loss) => losses.push(loss));
    const early = guard.stamp();
    expect(guard.admits(guard.stamp(), header(7, 10))).toBe(true);
    // Asked before the other was answered: being older is its right.
    expect(guard.admits(early, header(7, 8))).toBe(true);
    expect([losses, guard.highest]).toEqual([[], 10]);
    const late = guard.stamp();
    expect(guard.admits(guard.stamp(), header(7, 9))).toBe(true);
    expect(losses).toEqual([{ lastCommon: 0, seen: 10, reason: expect.stringContaining('from revision 10 to 9') }]);
    // The old history's answer to what was asked before does not count any more, and is no second loss.
    expect(guard.admits(late, header(7, 11))).toBe(false);
    expect([losses.length, guard.highest]).toEqual([1, 9]);
  });

  it('knows another cluster by its id, however far it is', () => {
    const guard = new HistoryGuard();
    const losses: HistoryLoss[] = [];
    const remove = guard.listen((loss) => losses.push(loss));
    guard.admits(guard.stamp(), header(7, 10));
    guard.admits(guard.stamp(), header(8, 500));
    expect(losses).toMatchObject([{ seen: 10, reason: expect.stringContaining('another cluster') }]);
    remove();
    guard.admits(guard.stamp(), header(9, 600));
    expect(losses).toHaveLength(1);
  });
});
