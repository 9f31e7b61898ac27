import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../contracts/store.js';
import { OrreryError } from '../kernel/errors.js';
import { silentLogger } from '../kernel/logger.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { LeaderElection } from './leader-election.js';

const TIMES = { ttlMs: 3_000, renewMs: 1_000, retryMs: 750 } as const;

let clock: VirtualClock;
let store: MemoryStore;
const campaigns: { readonly stop: AbortController; readonly done: Promise<void> }[] = [];

beforeEach(() => {
  clock = new VirtualClock();
  store = new MemoryStore({ clock });
});
afterEach(async () => {
  for (const { stop } of campaigns) stop.abort();
  await Promise.all(campaigns.splice(0).map(({ done }) => done));
  await clock.settle();
  expect(clock.pending).toBe(0);
});

/** A candidate on the store, or on something that behaves like it. */
function campaign(holder: string, on: Pick<Store, 'acquireLease'> = store) {
  const said: string[] = [];
  const election = new LeaderElection({
    ...TIMES,
    store: on,
    clock,
    random: new SeededRandom(1),
    log: silentLogger,
    lease: 'leader',
    holder,
    changed: ({ leading, epoch }) => said.push(`${leading ? 'leads' : 'waits'} ${epoch}`),
  });
  const stop = new AbortController();
  const one = { election, said, stop, done: election.run(stop.signal) };
  campaigns.push(one);
  return one;
}

/** The store, of which a switch makes every lease call fail or hang. */
function unsteady() {
  const state = { mode: 'works' as 'works' | 'fails' | 'hangs' };
  const through = <T>(work: () => Promise<T>): Promise<T> => {
    if (state.mode === 'fails') return Promise.reject(new OrreryError('UNAVAILABLE', 'The store is away (test).'));
    return state.mode === 'hangs' ? new Promise<T>(() => {}) : work();
  };
  const acquireLease: Store['acquireLease'] = (name, options) =>
    through(async () => {
      const lease = await store.acquireLease(name, options);
      return lease && { ...lease, renew: (signal) => through(() => lease.renew(signal)), release: () => through(() => lease.release()) };
    });
  return { state, acquireLease };
}

describe('an election', () => {
  it('has one leader, who stays', async () => {
    const [a, b] = [campaign('a'), campaign('b')];
    await clock.advance(60_000);
    expect([a.election.leadership, b.election.leadership]).toEqual([{ leading: true, epoch: 1 }, { leading: false, epoch: 0 }]);
    expect([a.said, b.said]).toEqual([['leads 1'], []]);
    expect([a.election.decided, b.election.decided]).toEqual([true, true]);
  });

  it('passes to another at the next retry when the leader stops', async () => {
    const [a, b] = [campaign('a'), campaign('b')];
    await clock.advance(10_000);
    a.stop.abort();
    await clock.advance(TIMES.retryMs * 1.2);
    expect([a.said, b.said]).toEqual([['leads 1', 'waits 1'], ['leads 2']]);
  });

  it('passes to another within the time to live and one retry when the leader cannot reach the store, and the leader knows it before', async () => {
    const line = unsteady();
    const a = campaign('a', line);
    await clock.advance(1);
    const b = campaign('b');
    await clock.advance(10_000);
    line.state.mode = 'fails';
    let overAt: number | undefined;
    const began = clock.monotonic();
    a.election.term?.over.addEventListener('abort', () => (overAt = clock.monotonic()));
    await clock.advance(TIMES.ttlMs + TIMES.retryMs * 1.2);
    expect(b.election.leadership).toEqual({ leading: true, epoch: 2 });
    expect(a.said).toEqual(['leads 1', 'waits 1']);
    expect((overAt ?? Infinity) - began).toBeLessThanOrEqual(TIMES.ttlMs);
    line.state.mode = 'works';
  });

  it('ends a term in time when the store hangs', async () => {
    const line = unsteady();
    const a = campaign('a', line);
    await clock.advance(2_500);
    line.state.mode = 'hangs';
    await clock.advance(TIMES.ttlMs);
    expect(a.election.leadership.leading).toBe(false);
    line.state.mode = 'works';
    await clock.advance(2 * TIMES.ttlMs);
    expect(a.election.leadership.leading).toBe(true);
  });

  it('survives single failures of a renewal', async () => {
    const line = unsteady();
    const a = campaign('a', line);
    await clock.advance(1);
    for (let round = 0; round < 20; round += 1) {
      line.state.mode = 'fails';
      await clock.advance(TIMES.renewMs);
      line.state.mode = 'works';
      await clock.advance(TIMES.renewMs);
    }
    expect(a.said).toEqual(['leads 1']);
  });

  it('does not lead after standing still for its time to live, before any timer could tell it', async () => {
    const stalled = new VirtualClock();
    const own = new MemoryStore({ clock: stalled });
    const stop = new AbortController();
    let offset = 0;
    // Time goes on, but timers do not fire: as for a process that was stopped.
    const seen = { now: () => stalled.now(), monotonic: () => stalled.monotonic() + offset, timer: stalled.timer.bind(stalled), sleep: stalled.sleep.bind(stalled) };
    const election = new LeaderElection({ ...TIMES, store: own, clock: seen, random: new SeededRandom(1), log: silentLogger, lease: 'leader', holder: 'a' });
    const done = election.run(stop.signal);
    await stalled.advance(1);
    const { term } = election;
    expect(term?.holds()).toBe(true);
    offset = TIMES.ttlMs;
    expect(term?.holds()).toBe(false);
    expect(term?.over.aborted).toBe(false);
    expect(election.term).toBeUndefined();
    stop.abort();
    await done;
  });

  it('ends a term when the store refused its fence, and campaigns again', async () => {
    const a = campaign('a');
    await clock.advance(1);
    const { term } = a.election;
    term?.refused();
    expect([term?.over.aborted, a.election.leadership.leading]).toEqual([true, false]);
    await clock.advance(TIMES.retryMs * 1.2);
    expect(a.said).toEqual(['leads 1', 'waits 1', 'leads 2']);
  });

  it.each([
    ['its answer comes at once', 0],
    ['its answer comes after that of the first', 3 * TIMES.retryMs],
  ])('does not lead by a second question when the first takes effect later, and %s', async (_, answerMs) => {
    let asked = 0;
    const a = campaign('a', {
      acquireLease: async (name, options) => {
        const question = (asked += 1);
        if (question === 1) await clock.sleep(TIMES.ttlMs + 2 * TIMES.retryMs, new AbortController().signal);
        const lease = await store.acquireLease(name, options);
        if (question === 2) await clock.sleep(answerMs, new AbortController().signal);
        return lease;
      },
    });
    // The first has just taken effect, and been given back.
    await clock.advance(TIMES.ttlMs + 2 * TIMES.retryMs + 1);
    const b = campaign('b');
    for (let step = 0; step < 400; step += 1) {
      await clock.advance(10);
      expect([a, b].filter(({ election }) => election.term !== undefined).length).toBeLessThanOrEqual(1);
    }
    expect(a.said.slice(0, 2)).toEqual(answerMs === 0 ? ['leads 1', 'waits 1'] : []);
    expect([a, b].filter(({ election }) => election.leadership.leading)).toHaveLength(1);
  });

  it('fails when the store is closed', async () => {
    const { election } = campaign('a', { acquireLease: () => Promise.reject(new OrreryError('CLOSED', 'The store is closed (test).')) });
    await expect(campaigns.pop()?.done).rejects.toMatchObject({ code: 'CLOSED' });
    expect(election.leadership.leading).toBe(false);
  });

  it('never has two leaders whose writes the store takes, whatever fails', async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const chance = new SeededRandom(seed);
      const lines = [unsteady(), unsteady(), unsteady()];
      const candidates = lines.map((line, i) => campaign(`${seed}-${i}`, line));
      for (let step = 0; step < 60; step += 1) {
        for (const line of lines) line.state.mode = (['works', 'works', 'works', 'fails', 'hangs'] as const)[chance.int(5)] as 'works';
        await clock.advance(chance.int(1_500));
        const writers = await Promise.all(
          candidates.map(async ({ election }) => {
            const { term } = election;
            return term !== undefined && (await store.commit({ guards: [term.fence], writes: [] })).ok;
          }),
        );
        expect(writers.filter(Boolean).length).toBeLessThanOrEqual(1);
        expect(candidates.filter(({ election }) => election.term !== undefined).length).toBeLessThanOrEqual(1);
      }
      for (const line of lines) line.state.mode = 'works';
      for (const { stop } of candidates) stop.abort();
      await clock.advance(2 * TIMES.ttlMs);
      await Promise.all(campaigns.splice(0).map(({ done }) => done));
    }
  });
});
