import { MemoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import type { HistoryLoss, Store } from '../../contracts/store.js';
import { OrreryError } from '../../kernel/errors.js';
import { type AcknowledgedWrite, checkLinearizable, checkRevisionOrder, type KeyInput, type KeyOperation, type KeyOutput, type KeyState, keyModel } from '../history/index.js';
import { SeededRandom } from '../seeded-random.js';
import { VirtualClock } from '../virtual-clock.js';
import { type CommitFault, FaultyStore, type StoreFaults } from './faulty-store.js';

const CLIENTS = 4;
const CALLS = 25;
const NOBODY = new AbortController().signal;

/** How a client takes "outcome unknown"; only the first is right. */
type Reading = 'may have happened' | 'did not happen';

interface History {
  readonly operations: KeyOperation[];
  readonly writes: AcknowledgedWrite[];
  readonly unknown: number;
}

/** Every kind of fault but conflicts that are made up: those tell of a state that there was not. */
function faultsOf(random: SeededRandom): StoreFaults {
  const late = (): { beforeMs?: number; afterMs?: number } => ({ ...(random.chance(0.5) && { beforeMs: random.int(20) }), ...(random.chance(0.5) && { afterMs: random.int(20) }) });
  const outcomes: readonly CommitFault['outcome'][] = ['refused', 'written', 'lost'];
  return {
    commit: () => ({ ...late(), ...(random.chance(0.3) && { outcome: random.pick(outcomes) as 'lost' }) }),
    read: () => ({ ...late(), refused: random.chance(0.1) }),
  };
}

/** Clients that read and write a few keys over a faulty store, in virtual time; records what each was answered. */
async function record(seed: number, reading: Reading): Promise<History> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const store = new FaultyStore(new MemoryStore({ clock }), clock, faultsOf(random));
  const history = { operations: [] as KeyOperation[], writes: [] as AcknowledgedWrite[], unknown: 0 };
  const client = async (name: number): Promise<void> => {
    const known = new Map<string, number>();
    for (let n = 0; n < CALLS; n += 1) {
      await clock.sleep(random.int(10), NOBODY);
      const key = `/k${random.int(3)}`;
      const expected = random.chance(0.3) ? undefined : (known.get(key) ?? 0);
      const input: KeyInput = random.chance(0.4) ? { key, read: true } : { key, write: `${name}-${n}`, ...(expected !== undefined && { expected }) };
      const calledAt = clock.monotonic();
      try {
        const output = await perform(store, input);
        const at = clock.monotonic();
        history.operations.push({ client: name, input, calledAt, answer: { at, output } });
        if ('revision' in output) history.writes.push({ calledAt, answeredAt: at, revision: output.revision });
        known.set(key, 'revision' in output ? output.revision : ('found' in output ? output.found : output.conflict).modRevision);
      } catch (error) {
        // What was refused has surely not happened.
        if (OrreryError.is(error, 'UNAVAILABLE')) continue;
        if (!OrreryError.is(error, 'OUTCOME_UNKNOWN')) throw error;
        history.unknown += 1;
        if (reading === 'may have happened') history.operations.push({ client: name, input, calledAt });
      }
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)));
  await clock.advance(CALLS * 100);
  await clients;
  await store.close();
  return history;
}

async function perform(store: Store, input: KeyInput): Promise<KeyOutput> {
  if ('read' in input) return { found: stateOf(await store.get(input.key)) };
  const { key, write, expected } = input;
  const result = await store.commit({ guards: expected === undefined ? [] : [{ key, modRevision: expected }], writes: [{ key, value: { write } }] });
  return result.ok ? { revision: result.revision } : { conflict: stateOf(result.found) };
}

const stateOf = (entry: Awaited<ReturnType<Store['get']>>): KeyState => (entry === undefined ? { value: undefined, modRevision: 0 } : { value: String(entry.value['write']), modRevision: entry.modRevision });

describe('histories over a faulty store', () => {
  it('are linearizable when an outcome that is not known may have come about, 100 seeds', async () => {
    let unknown = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const history = await record(seed, 'may have happened');
      expect(checkLinearizable(history.operations, keyModel), `seed ${seed}`).toEqual({ verdict: 'linearizable' });
      expect(checkRevisionOrder(history.writes), `seed ${seed}`).toEqual([]);
      unknown += history.unknown;
    }
    expect(unknown).toBeGreaterThan(500);
  });

  it('are not, when it is taken for a failure', async () => {
    const verdicts = [];
    for (let seed = 1; seed <= 10; seed += 1) verdicts.push(checkLinearizable((await record(seed, 'did not happen')).operations, keyModel).verdict);
    expect(verdicts).toContain('violated');
  });
});

describe('a faulty store', () => {
  it('is shared, and tells of lost history, as the store within', () => {
    const clock = new VirtualClock();
    const memory = new MemoryStore({ clock });
    const plain = new FaultyStore(memory, clock, {});
    expect([plain.shared, plain.onHistoryLost]).toEqual([undefined, undefined]);
    const listeners: ((loss: HistoryLoss) => void)[] = [];
    const onHistoryLost = (listener: (loss: HistoryLoss) => void) => {
      listeners.push(listener);
      return () => void listeners.splice(0);
    };
    const losing: Store = Object.assign(Object.create(memory) as Store, { shared: true, onHistoryLost });
    const faulty = new FaultyStore(losing, clock, {});
    const told: HistoryLoss[] = [];
    const remove = faulty.onHistoryLost?.((loss) => told.push(loss));
    listeners[0]?.({ lastCommon: 1, seen: 2, reason: 'test' });
    remove?.();
    expect([faulty.shared, told, listeners]).toEqual([true, [{ lastCommon: 1, seen: 2, reason: 'test' }], []]);
  });

  it('refuses leases, and loses the answers of calls about them that took effect', async () => {
    const clock = new VirtualClock();
    const memory = new MemoryStore({ clock });
    let outcome: 'refused' | 'replyLost' | undefined = 'refused';
    const store = new FaultyStore(memory, clock, { lease: () => outcome && { outcome } });
    const take = () => store.acquireLease('leader', { holder: 'a', ttlMs: 1_000 });
    await expect(take()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    outcome = 'replyLost';
    await expect(take()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    outcome = undefined;
    const lease = await take();
    expect(lease?.epoch).toBe(2);
    await clock.advance(900);
    outcome = 'replyLost';
    await expect(lease?.renew(NOBODY)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await clock.advance(900);
    outcome = undefined;
    await lease?.renew(NOBODY);
    outcome = 'refused';
    await expect(lease?.renew(NOBODY)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await clock.advance(1_000);
    outcome = undefined;
    await expect(lease?.renew(NOBODY)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });
});
