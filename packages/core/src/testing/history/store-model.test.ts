import { MemoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../contracts/store.js';
import { SeededRandom } from '../seeded-random.js';
import { VirtualClock } from '../virtual-clock.js';
import { checkLinearizable } from './linearizability.js';
import { type AcknowledgedWrite, checkRevisionOrder, type KeyOperation, type KeyState, keyModel } from './store-model.js';

const NOWHERE = new AbortController().signal;

/** How an honest store is made to lie. */
type Fault = 'none' | 'unknown' | 'stale-read' | 'lost-write' | 'blind-guard';

/** Clients that read and write a few keys over a slow line; records what they were answered. */
async function record(seed: number, fault: Fault): Promise<{ readonly history: KeyOperation[]; readonly writes: AcknowledgedWrite[] }> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const store = new MemoryStore({ clock });
  const history: KeyOperation[] = [];
  const writes: AcknowledgedWrite[] = [];
  const old = new Map<string, KeyState>();
  const slow = (): Promise<void> => clock.sleep(random.int(5), NOWHERE);
  const client = async (name: number): Promise<void> => {
    const known = new Map<string, number>();
    for (let n = 0; n < 25; n += 1) {
      const key = `/k${random.int(3)}`;
      const calledAt = clock.monotonic();
      if (random.int(2) === 0) {
        await slow();
        const found = await look(store, key);
        await slow();
        const told = fault === 'stale-read' && random.int(6) === 0 ? (old.get(key) ?? found) : found;
        old.set(key, found);
        known.set(key, told.modRevision);
        history.push({ client: name, input: { key, read: true }, calledAt, answer: { at: clock.monotonic(), output: { found: told } } });
        continue;
      }
      const expected = random.int(3) === 0 ? undefined : (known.get(key) ?? 0);
      const write = random.int(6) === 0 ? undefined : `${name}-${n}`;
      const input = { key, write, ...(expected !== undefined && { expected }) };
      await slow();
      const lied = random.int(8) === 0;
      if (fault === 'lost-write' && lied && expected === undefined && write !== undefined) {
        history.push({ client: name, input, calledAt, answer: { at: clock.monotonic(), output: { revision: (await store.revision()) + 1 } } });
        continue;
      }
      const guards = expected === undefined || (fault === 'blind-guard' && lied) ? [] : [{ key, modRevision: expected }];
      const result = await store.commit({ guards, writes: [write === undefined ? { key, delete: true } : { key, value: { write } }] });
      await slow();
      if (result.ok) known.set(key, write === undefined ? 0 : result.revision);
      const output = result.ok ? { revision: result.revision } : { conflict: { value: result.found?.value['write'] as string | undefined, modRevision: result.found?.modRevision ?? 0 } };
      const isUnknown = fault === 'unknown' && lied;
      const at = clock.monotonic();
      history.push({ client: name, input, calledAt, ...(!isUnknown && { answer: { at, output } }) });
      // A delete of what is not there makes no revision.
      if (result.ok && !isUnknown && write !== undefined) writes.push({ calledAt, answeredAt: at, revision: result.revision });
    }
  };
  const clients = Promise.all([0, 1, 2, 3].map(client));
  await clock.advance(10_000);
  await clients;
  await store.close();
  return { history, writes };
}

async function look(store: Store, key: string): Promise<KeyState> {
  const entry = await store.get(key);
  if (entry === undefined) return { value: undefined, modRevision: 0 };
  return { value: String(entry.value['write']), modRevision: entry.modRevision };
}

describe('histories of a store', () => {
  it.each(['none', 'unknown'] as const)('that is honest are linearizable (faults: %s)', async (fault) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { history, writes } = await record(seed, fault);
      expect(checkLinearizable(history, keyModel)).toEqual({ verdict: 'linearizable' });
      expect(checkRevisionOrder(writes)).toEqual([]);
    }
  });

  it.each(['stale-read', 'lost-write', 'blind-guard'] as const)('that lies (%s) are found out', async (fault) => {
    const verdicts = new Set<string>();
    for (let seed = 1; seed <= 10; seed += 1) verdicts.add(checkLinearizable((await record(seed, fault)).history, keyModel).verdict);
    expect(verdicts).toContain('violated');
  });

  it('have each revision once, and in the order of time', () => {
    const write = (calledAt: number, answeredAt: number, revision: number): AcknowledgedWrite => ({ calledAt, answeredAt, revision });
    expect(checkRevisionOrder([write(0, 10, 2), write(1, 9, 1), write(11, 12, 3)])).toEqual([]);
    expect(checkRevisionOrder([write(0, 1, 1), write(2, 3, 1)])).toHaveLength(1);
    expect(checkRevisionOrder([write(0, 1, 5), write(2, 3, 4)])).toEqual(['revision 4 was made by a call that began after revision 5 was acknowledged']);
  });

});
