import { describe, expect, it } from 'vitest';
import type { Answer, Call, DeclaredLoss, History, Recorded, Session, Told } from '../history.js';
import { judge, type Promises } from './index.js';

const STRICT: Promises = { mayLose: false, gapless: true };
const LOSING: Promises = { mayLose: true, gapless: true };

type Body = Answer extends infer One ? (One extends Answer ? Omit<One, 'at'> : never) : never;
type Wanted = Call extends infer One ? (One extends Call ? Omit<One, 'client' | 'handle' | 'calledAt'> : never) : never;

/** A call of a client from one moment to another. */
const made = (client: string, calledAt: number, at: number, call: Wanted, answer?: Body): Recorded => ({
  call: { client, handle: `h-${client}`, calledAt, ...call } as Call,
  ...(answer !== undefined && { answer: { at, ...answer } as Answer }),
});
const commit = (id: string, keys: readonly string[], guards: readonly { readonly key: string; readonly modRevision: number }[] = [], epoch?: number): Wanted => ({
  kind: 'commit',
  id,
  changes: keys.map((key) => ({ key, delete: false })),
  guards,
  ...(epoch !== undefined && { epoch }),
});
const told = (revision: number, key: string, id: string | undefined, previousRevision = 0): Told => ({ revision, key, id, previousRevision });
const session = (batches: readonly Told[][], more: Partial<Session> = {}): Session => ({
  ...{ watcher: 'w', handle: 'h-w', prefix: '/', since: 0, startedAt: 0 },
  batches: batches.map((events) => ({ revision: events.at(-1)?.revision ?? 0, events })),
  ...more,
});

// a: /x at 1; a: /x and /log at 2; b: /y at 3; the delete of /y at 4; a refused write.
const changes: readonly Told[] = [told(1, '/g/x', 'a:1'), told(2, '/g/x', 'a:2', 1), told(2, '/log/a/2', 'a:2'), told(3, '/g/y', 'b:1'), told(4, '/g/y', undefined, 3)];
const calls: readonly Recorded[] = [
  made('a', 0, 10, commit('a:1', ['/g/x']), { kind: 'done', revision: 1 }),
  made('a', 20, 30, commit('a:2', ['/g/x', '/log/a/2'], [{ key: '/g/x', modRevision: 1 }]), { kind: 'done', revision: 2 }),
  made('b', 25, 40, commit('b:1', ['/g/y']), { kind: 'done', revision: 3 }),
  made('b', 41, 42, { kind: 'get', key: '/g/y' }, { kind: 'seen', seen: { id: 'b:1', modRevision: 3 } }),
  made('b', 43, 44, { kind: 'range', prefix: '/g/' }, { kind: 'page', revision: 3, more: false, entries: [{ key: '/g/x', id: 'a:2', modRevision: 2 }, { key: '/g/y', id: 'b:1', modRevision: 3 }] }),
  made('b', 50, 60, { kind: 'commit', id: 'b:2', changes: [{ key: '/g/y', delete: true }], guards: [{ key: '/g/y', modRevision: 3 }] }, { kind: 'done', revision: 4 }),
  made('a', 70, 80, commit('a:3', ['/g/y'], [{ key: '/g/y', modRevision: 3 }]), { kind: 'conflict', key: '/g/y', seen: { id: undefined, modRevision: 0 } }),
];
const honest: History = {
  ...{ calls, losses: [], risky: [], changes, irregular: [] },
  sessions: [session([[changes[0] as Told], changes.slice(1, 4), [changes[4] as Told]])],
  final: { revision: 4, entries: [{ key: '/g/x', id: 'a:2', modRevision: 2 }, { key: '/log/a/2', id: 'a:2', modRevision: 2 }] },
};
const violations = (change: Partial<History>, promises = STRICT): readonly string[] => judge({ ...honest, ...change }, promises).violations;
const withCall = (...more: readonly Recorded[]): Partial<History> => ({ calls: [...calls, ...more] });
const replaced = (place: number, change: (recorded: Recorded) => Recorded): Partial<History> => ({ calls: calls.map((one, i) => (i === place ? change(one) : one)) });

describe('a history', () => {
  it('that is right passes, and is counted', () => {
    expect(judge(honest, STRICT)).toMatchObject({ violations: [], operations: 7, acknowledged: 4, refused: 1, unknown: 0, lostAcknowledged: 0, revisions: 4, watchEvents: 5, undecided: 0 });
  });

  it('may have calls that failed, and calls without an answer, done or not', () => {
    expect(violations(withCall(made('c', 0, 5, commit('c:1', ['/g/x']), { kind: 'failed', code: 'UNAVAILABLE' }), made('c', 6, 0, commit('c:2', ['/g/x'])), made('c', 50, 0, { kind: 'get', key: '/g/x' })))).toEqual([]);
    expect(violations(replaced(2, ({ call }) => ({ call })))).toEqual([]);
    expect(violations(replaced(5, ({ call }) => ({ call })))).toEqual([]);
  });

  it('passes on what went wrong while it was recorded', () => {
    expect(violations({ irregular: ['odd'] })).toEqual(['odd']);
  });
});

describe('a commit', () => {
  const gone: Partial<History> = withCall(made('a', 90, 95, commit('a:4', ['/g/z', '/log/a/4']), { kind: 'done', revision: 5 }));
  const loss: DeclaredLoss = { handle: 'h-a', at: 100, lastCommon: 4, seen: 5, reason: 'planted' };

  it('that was acknowledged and is gone is found, in every mode, unless its store declared it', () => {
    expect(violations(gone)).toHaveLength(2);
    expect(violations(gone, LOSING)).toEqual(['a:4 was acknowledged at revision 5 and is gone, and h-a did not declare a loss']);
    expect(judge({ ...honest, ...gone, losses: [loss] }, LOSING)).toMatchObject({ violations: [], lostAcknowledged: 1, declaredLosses: 1 });
    expect(violations({ ...gone, losses: [{ ...loss, handle: 'h-b' }] }, LOSING)).toHaveLength(1);
    expect(violations({ ...gone, losses: [{ ...loss, lastCommon: 5, seen: 9 }] }, LOSING)).toHaveLength(1);
    expect(violations({ ...gone, losses: [loss] })).toHaveLength(2);
  });

  it('a delete that was acknowledged under a guard and is gone is found', () => {
    expect(violations(withCall(made('a', 90, 95, { kind: 'commit', id: 'a:4', changes: [{ key: '/g/x', delete: true }], guards: [{ key: '/g/x', modRevision: 2 }] }, { kind: 'done', revision: 5 })), LOSING).join()).toMatch(/a:4 was acknowledged at revision 5 and is gone/);
  });

  it('that was told to have failed, or was refused, and happened is found', () => {
    expect(violations(replaced(2, ({ call }) => ({ call, answer: { at: 40, kind: 'failed', code: 'UNAVAILABLE' } })))).toContain('b:1 was said not to have happened (failed), and happened at revision 3');
    expect(violations(replaced(2, ({ call }) => ({ call, answer: { at: 40, kind: 'conflict', seen: { id: undefined, modRevision: 0 } } }))).join()).toMatch(/b:1 was said not to have happened \(conflict\)/);
  });

  it('at another revision than was told is found', () => {
    expect(violations(replaced(2, ({ call }) => ({ call, answer: { at: 40, kind: 'done', revision: 7 } }))).join()).toMatch(/b:1 was acknowledged at revision 7, and happened at 3/);
  });

  it('that happened half is found, acknowledged or not', () => {
    const half = changes.filter(({ key }) => key !== '/log/a/2');
    expect(violations({ changes: half })).toContain('a:2 happened at revision 2, but without its write of /log/a/2');
    expect(violations({ changes: half, ...replaced(1, ({ call }) => ({ call })) })).toContain('a:2 happened at revision 2, but without its write of /log/a/2');
  });

  it('with something foreign in its revision, one that happened twice, and one of nobody are found', () => {
    expect(violations({ changes: [...changes.slice(0, 4), told(3, '/g/q', 'b:1'), changes[4] as Told] })).toContain('revision 3 is of b:1, which did not write /g/q');
    expect(violations({ changes: [...changes, told(5, '/g/y', 'b:1')] })).toContain('b:1 happened twice, at revisions 3 and 5');
    expect(violations({ changes: [...changes, told(5, '/g/y', 'z:1')] })).toContain('revision 5 holds z:1, which nobody wrote');
  });
});

describe('the changes', () => {
  it('with a gap, out of order, or not following on each other are found', () => {
    expect(violations({ changes: [...changes, told(6, '/g/x', 'a:9', 2)] })).toContain('revision 4 is followed by 6');
    expect(judge({ ...honest, changes: [...changes, told(6, '/g/x', 'a:9', 2)] }, { mayLose: false, gapless: false }).violations).not.toContain('revision 4 is followed by 6');
    expect(violations({ changes: [...changes.slice(0, 1), ...changes.slice(3, 4), ...changes.slice(1, 3), ...changes.slice(4)] })).toContain('revision 2 comes after 3');
    expect(violations({ changes: changes.map((one) => (one.revision === 2 && one.key === '/g/x' ? { ...one, previousRevision: 0 } : one)) })).toContain('revision 2 changes /g/x as it was at revision 0, but it was last changed at 1');
  });

  it('that do not lead to what is there at the end are found', () => {
    const entries = honest.final.entries;
    expect(violations({ final: { revision: 4, entries: entries.slice(1) } })).toEqual(['/g/x should hold a:2 of revision 2 at the end, and is not there']);
    expect(violations({ final: { revision: 4, entries: [...entries, { key: '/g/y', id: 'b:1', modRevision: 3 }] } })).toEqual(['/g/y holds b:1 of revision 3 at the end; its changes left nothing']);
    expect(violations({ final: { revision: 5, entries } })).toEqual(['the store is at revision 5, its last change at 4']);
  });
});

describe('a read', () => {
  it('of an old value after a new one is not linearizable, unless it was in a risky time', () => {
    const stale = made('c', 35, 36, { kind: 'get', key: '/g/x' }, { kind: 'seen', seen: { id: 'a:1', modRevision: 1 } });
    expect(violations(withCall(stale)).join()).toMatch(/\/g\/x is not linearizable/);
    expect(violations({ ...withCall(stale), risky: [{ from: 36, to: 40 }] })).toEqual([]);
    expect(violations({ ...withCall(stale), risky: [{ from: 37, to: 40 }] })).toHaveLength(1);
  });

  it('of what was never there is found', () => {
    expect(violations(withCall(made('c', 35, 36, { kind: 'get', key: '/g/q' }, { kind: 'seen', seen: { id: 'z', modRevision: 2 } })))).toContain('/g/q was read as z of revision 2, which was never there');
  });

  it('a conflict with what was not there is not linearizable', () => {
    expect(violations(withCall(made('c', 85, 86, commit('c:1', ['/g/x'], [{ key: '/g/x', modRevision: 1 }]), { kind: 'conflict', key: '/g/x', seen: { id: 'a:1', modRevision: 1 } }))).join()).toMatch(/\/g\/x is not linearizable/);
  });

  it('revisions against the order of time are found', () => {
    const late = { calls: calls.map((one, i) => (i === 0 ? { ...one, call: { ...one.call, calledAt: 35 }, answer: { ...one.answer, at: 36 } as Answer } : one)) };
    expect(violations(late).join()).toMatch(/revision 1 was made by a call that began after revision 2 was acknowledged/);
  });

  it('a range that is old, ahead of its time, torn, or cut wrongly is found', () => {
    const range = (calledAt: number, revision: number, entries: readonly (readonly [string, string, number])[], more = false, limit?: number): Recorded =>
      made('c', calledAt, calledAt + 1, { kind: 'range', prefix: '/g/', ...(limit !== undefined && { limit }) }, { kind: 'page', revision, more, entries: entries.map(([key, id, modRevision]) => ({ key, id, modRevision })) });
    expect(violations(withCall(range(45, 2, [['/g/x', 'a:2', 2]])))).toEqual(['a range showed revision 2 after revision 3 had been acknowledged']);
    expect(violations(withCall(range(45, 4, [['/g/x', 'a:2', 2]])))).toEqual(['a range showed revision 4 before revision 4 was asked for']);
    expect(violations(withCall(range(45, 3, [['/g/x', 'a:1', 1], ['/g/y', 'b:1', 3]]))).join()).toMatch(/a range of \/g\/ at revision 3 showed/);
    expect(violations(withCall(range(45, 3, [['/g/x', 'a:2', 2]], true, 1)))).toEqual([]);
    expect(violations(withCall(range(45, 3, [['/g/x', 'a:2', 2]], false, 1))).join()).toMatch(/a range of/);
    expect(violations({ ...withCall(range(45, 2, [['/g/x', 'a:2', 2]])), risky: [{ from: 44, to: 47 }] })).toEqual([]);
  });
});

describe('a watch', () => {
  const watch = (batches: readonly Told[][], more: Partial<Session> = {}): Partial<History> => ({ sessions: [session(batches, more)] });
  const [one, two, log, three, four] = changes as [Told, Told, Told, Told, Told];

  it('that was resumed, or of a part of the keys, passes', () => {
    expect(violations({ sessions: [session([[one], [two, log]], { end: 'UNAVAILABLE' }), session([[three, four]], { since: 2 })] })).toEqual([]);
    expect(violations(watch([[log]], { prefix: '/log/' }))).toEqual([]);
    expect(violations(watch([]))).toEqual([]);
  });

  it('with a gap, a repetition, a lie, or out of order is found', () => {
    expect(violations(watch([[one], [three]])).join()).toMatch(/missed 2 \/g\/x a:2 1/);
    expect(violations(watch([[one, one], [two, log]])).join()).toMatch(/was told 1 \/g\/x a:1 0 twice/);
    expect(violations(watch([[one], [one, two, log]])).join()).toMatch(/an event of revision 1 after 1/);
    expect(violations(watch([[told(1, '/g/x', 'lie')]])).join()).toMatch(/was told 1 \/g\/x lie 0, which did not happen/);
    expect(violations(watch([[two, log, one]])).join()).toMatch(/an event of revision 1 after 2/);
    expect(violations({ sessions: [session([[two, log]], { since: 2 })] }).join()).toMatch(/an event of revision 2 after 2/);
  });

  it('that splits a revision, or goes back, is found', () => {
    expect(violations(watch([[one], [two], [log]])).join()).toMatch(/an event of revision 2 after 2/);
    expect(violations({ sessions: [{ ...session([]), batches: [{ revision: 4, events: [one, two, log, three, four] }, { revision: 3, events: [] }] }] }).join()).toMatch(/a batch of revision 3 after 4/);
    expect(violations({ sessions: [{ ...session([]), batches: [{ revision: 1, events: [one, two, log] }] }] }).join()).toMatch(/an event of revision 2/);
  });

  it('may end as ahead of the store, and have shown what is gone, only when a loss was declared', () => {
    const losses: readonly DeclaredLoss[] = [{ handle: 'h-w', at: 5, lastCommon: 3, seen: 6, reason: 'planted' }];
    const ahead = watch([[one, two, log, three, told(4, '/g/x', 'gone', 2)]], { end: 'REVISION_AHEAD' });
    expect(violations({ ...ahead, losses }, LOSING)).toEqual([]);
    expect(violations(ahead, LOSING).join()).toMatch(/ended with REVISION_AHEAD, although no loss was declared/);
    expect(violations(ahead, LOSING).join()).toMatch(/was told 4 \/g\/x gone 2, which did not happen/);
  });
});

describe('a lease', () => {
  const acquire = (client: string, calledAt: number, epoch: number | undefined): Recorded => made(client, calledAt, calledAt + 1, { kind: 'acquire', lease: 'l', ttlMs: 1_000 }, epoch === undefined ? { kind: 'refused' } : { kind: 'held', epoch });
  const fenced = (id: string, calledAt: number, revision: number, epoch: number): Recorded => made('a', calledAt, calledAt + 1, commit(id, ['/g/f'], [], epoch), { kind: 'done', revision });
  const fencedChanges = { changes: [...changes, told(5, '/g/f', 'a:8'), told(6, '/g/f', 'a:9', 5)], final: { revision: 6, entries: [...honest.final.entries, { key: '/g/f', id: 'a:9', modRevision: 6 }] } };

  it('that is passed on in turn passes', () => {
    expect(violations({ ...withCall(acquire('p', 100, 1), acquire('q', 200, undefined), acquire('q', 1_150, 2), fenced('a:8', 2_000, 5, 1), fenced('a:9', 2_010, 6, 2)), ...fencedChanges })).toEqual([]);
    expect(violations(withCall(acquire('p', 100, 1), made('p', 150, 160, { kind: 'release', lease: 'l', epoch: 1 }), acquire('q', 170, 2)))).toEqual([]);
    const late = made('p', 2_500, 2_501, { kind: 'release', lease: 'l', epoch: 1 }, { kind: 'ok' });
    expect(violations(withCall(acquire('p', 100, 1), acquire('q', 1_200, 2), late))).toEqual([]);
  });

  it('whose epochs do not grow, or that has two holders at once, is found', () => {
    expect(violations(withCall(acquire('p', 100, 3), acquire('q', 2_000, 2)))).toContain('q was given epoch 2 after epoch 3 had been given');
    expect(violations(withCall(made('p', 100, 200, { kind: 'acquire', lease: 'l', ttlMs: 1 }, { kind: 'held', epoch: 3 }), made('q', 100, 200, { kind: 'acquire', lease: 'l', ttlMs: 1 }, { kind: 'held', epoch: 3 })))).toContain('epoch 3 was given to p and to q');
    expect(violations(withCall(acquire('p', 100, 1), acquire('q', 600, 2))).join()).toMatch(/q was given the lease 399 ms before the time of p \(epoch 1\) was over/);
    const renewed = made('p', 900, 901, { kind: 'renew', lease: 'l', epoch: 1 }, { kind: 'ok' });
    expect(violations(withCall(acquire('p', 100, 1), renewed, acquire('q', 1_200, 2))).join()).toMatch(/before the time of p/);
  });

  it('under which a commit is taken after one of a newer epoch is found', () => {
    expect(violations({ ...withCall(fenced('a:8', 2_000, 5, 2), fenced('a:9', 2_010, 6, 1)), ...fencedChanges })).toEqual(['a:9 was accepted at revision 6 under epoch 1, after epoch 2 had been used']);
  });
});
