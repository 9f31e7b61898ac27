import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from './memory-store.js';

let folder: string;
let journal: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-journal-'));
  journal = join(folder, 'journal');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const value = (n: number) => ({ n }) as never;
const put = (store: MemoryStore, key: string, n: number) => store.commit({ guards: [], writes: [{ key, value: value(n) }] });

describe('the journal of a memory store', () => {
  it('brings everything back: values, revisions, what was deleted, epochs', async () => {
    const first = new MemoryStore({ journal });
    await put(first, '/a', 1);
    await put(first, '/b', 1);
    await put(first, '/a', 2);
    await first.commit({ guards: [], writes: [{ key: '/b', delete: true }, { key: '/c', value: value(3) }] });
    const lease = await first.acquireLease('leader', { holder: 'x', ttlMs: 1000 });
    const before = await first.range('/');
    await first.close();
    const second = new MemoryStore({ journal });
    expect(await second.range('/')).toEqual(before);
    expect(await second.get('/a')).toMatchObject({ createRevision: 1, modRevision: 3 });
    expect(Object.isFrozen((await second.get('/a'))?.value)).toBe(true);
    expect((await second.acquireLease('leader', { holder: 'y', ttlMs: 1000 }))?.epoch).toBe((lease?.epoch ?? 0) + 1);
    expect(await put(second, '/d', 1)).toEqual({ ok: true, revision: 5 });
    // A watcher from before must list again: it is told so, never left in the dark.
    await expect(second.watch('/', { since: 2, signal: new AbortController().signal }).next()).rejects.toThrow(/EXPIRED/);
    await second.close();
  });

  it('forgets a last line that was not finished, and nothing else', async () => {
    const first = new MemoryStore({ journal });
    await put(first, '/a', 1);
    await first.close();
    appendFileSync(journal, '{"commit":2,"puts":[["/a",{"n"');
    const second = new MemoryStore({ journal });
    expect(await second.revision()).toBe(1);
    await put(second, '/a', 2);
    await second.close();
    const third = new MemoryStore({ journal });
    expect((await third.get('/a'))?.value).toEqual({ n: 2 });
    await third.close();
  });

  it('refuses a file that is damaged or something else, and leaves it as it is', async () => {
    const first = new MemoryStore({ journal });
    for (let n = 1; n <= 3; n += 1) await put(first, '/a', n);
    await first.close();
    const lines = readFileSync(journal, 'utf8').split('\n');
    for (const text of [[lines[0], lines[2], lines[3], ''].join('\n'), [lines[0], 'nonsense', lines[3], ''].join('\n'), 'hello\n', lines.slice(1).join('\n')]) {
      writeFileSync(journal, text);
      expect(() => new MemoryStore({ journal })).toThrow(/is not a journal that can be read/);
      expect(readFileSync(journal, 'utf8')).toBe(text);
    }
  });

  it('is for its owner only, and stays short', async () => {
    const store = new MemoryStore({ journal, journalGrowthBytes: 1_000 });
    for (let n = 1; n <= 2_000; n += 1) await put(store, `/${n % 5}`, n);
    await store.close();
    expect(statSync(journal).mode & 0o777).toBe(0o600);
    expect(statSync(journal).size).toBeLessThan(4_000);
    const again = new MemoryStore({ journal });
    expect(await again.revision()).toBe(2_000);
    expect((await again.range('/')).entries).toHaveLength(5);
    await again.close();
  });

  it('is the same store after any history of commits and restarts', async () => {
    const step = fc.oneof(
      fc.record({ put: fc.constantFrom('/a', '/b', '/c'), n: fc.integer() }),
      fc.record({ delete: fc.constantFrom('/a', '/b', '/c') }),
      fc.constant({ restart: true } as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        rmSync(journal, { force: true });
        const model = new MemoryStore();
        let store = new MemoryStore({ journal, journalGrowthBytes: 100 });
        for (const one of steps) {
          if ('restart' in one) {
            await store.close();
            store = new MemoryStore({ journal, journalGrowthBytes: 100 });
          } else {
            const writes = 'put' in one ? [{ key: one.put, value: value(one.n) }] : [{ key: one.delete, delete: true as const }];
            expect(await store.commit({ guards: [], writes })).toEqual(await model.commit({ guards: [], writes }));
          }
        }
        expect(await store.range('/')).toEqual(await model.range('/'));
        await store.close();
      }),
      { numRuns: 50 },
    );
  });
});
