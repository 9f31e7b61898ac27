import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// Eight writers at once, values of all sizes, a short history so that compaction is part of it; says what was acknowledged once it was.
const WRITER = `
import { writeSync } from 'node:fs';
import { SqliteStore } from '@orrery/store-sqlite';
const [path, who] = process.argv.slice(1);
const store = await SqliteStore.open({ path, historyLimit: 2000, compactEveryMs: 20 });
await Promise.all(Array.from({ length: 8 }, async (_, w) => {
  for (let n = 0; ; n += 1) {
    const key = '/' + who + '/' + ((w * 7 + n) % 40);
    const { revision } = await store.commit({ guards: [], writes: [{ key, value: { id: who + w + '-' + n, filler: 'x'.repeat((n * 37) % 3000) } }] });
    writeSync(1, revision + ' ' + key + ' ' + who + w + '-' + n + '\\n');
  }
}));`;

interface Writer {
  readonly child: ChildProcess;
  /** What it said was acknowledged, whole lines: revision, key, id. */
  said(): (readonly [number, string, string])[];
}

function start(who: string): Writer {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, path, who], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const said = (): [number, string, string][] => {
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').slice(0, -1);
    return lines.map((line) => line.split(' ')).map(([revision, key = '', id = '']) => [Number(revision), key, id]);
  };
  return { child, said };
}

async function kill({ child }: Writer): Promise<void> {
  const gone = once(child, 'close');
  child.kill('SIGKILL');
  await gone;
}

/** Every change that is kept, by revision; fails where a revision is missing or told twice. */
async function history(store: SqliteStore): Promise<Map<number, { readonly key: string; readonly id: unknown }>> {
  const last = await store.revision();
  const changes = new Map<number, { readonly key: string; readonly id: unknown }>();
  let since = Math.max(0, last - 1_500);
  const abort = new AbortController();
  for await (const { events, revision } of store.watch('/', { since, signal: abort.signal })) {
    for (const { modRevision, key, value } of events) {
      expect(modRevision).toBe(since + 1);
      since = modRevision;
      changes.set(modRevision, { key, id: value['id'] });
    }
    if (revision >= last) abort.abort();
  }
  expect(since).toBe(last);
  return changes;
}

/** Each acknowledged commit is at its revision, and what is current is the newest. */
async function verify(acknowledged: readonly (readonly [number, string, string])[]): Promise<number> {
  const store = await SqliteStore.open({ path });
  const changes = await history(store);
  const first = Math.min(...changes.keys());
  for (const [revision, key, id] of acknowledged) if (revision >= first) expect(changes.get(revision), `revision ${revision}`).toEqual({ key, id });
  const newest = new Map(acknowledged.map(([revision, key, id]) => [key, { revision, id }]));
  for (const [key, { revision, id }] of newest) {
    const entry = await store.get(key);
    if (entry?.modRevision === revision) expect(entry.value['id']).toBe(id);
    else expect(entry?.modRevision).toBeGreaterThan(revision);
  }
  const last = await store.revision();
  await store.close();
  return last;
}

const forAWhile = (): Promise<void> => systemClock.sleep(systemRandom.int(60), new AbortController().signal);

describe('a process that is killed while it writes', () => {
  it('has lost nothing that was acknowledged, and left no gap, twenty times', async () => {
    let last = 0;
    for (let life = 1; life <= 20; life += 1) {
      const writer = start('a');
      await expect.poll(() => writer.said().length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(50);
      await forAWhile();
      await kill(writer);
      const revision = await verify(writer.said());
      expect(revision).toBeGreaterThanOrEqual(Math.max(...writer.said().map(([said]) => said)));
      expect(revision).toBeGreaterThan(last);
      last = revision;
    }
  });

  it('leaves another process on the same file unharmed, and a watcher in a third misses nothing', async () => {
    const store = await SqliteStore.open({ path, recheckMs: 60_000 });
    const told: number[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const { events } of store.watch('/', { since: 0, signal: abort.signal })) told.push(...events.map(({ modRevision }) => modRevision));
    })();
    const survivor = start('b');
    await expect.poll(() => survivor.said().length, { timeout: 30_000 }).toBeGreaterThan(50);
    let victims: (readonly [number, string, string])[] = [];
    for (let life = 1; life <= 5; life += 1) {
      const victim = start('a');
      await expect.poll(() => victim.said().length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(20);
      await forAWhile();
      await kill(victim);
      const before = survivor.said().length;
      await expect.poll(() => survivor.said().length, { timeout: 10_000 }).toBeGreaterThan(before + 20);
      victims = [...victims, ...victim.said()];
    }
    await kill(survivor);
    const last = await verify([...victims, ...survivor.said()].sort(([one], [other]) => one - other));
    // By the system's hints alone: the regular look is a minute away.
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe(last);
    expect(told).toEqual(Array.from({ length: last }, (_, n) => n + 1));
    abort.abort();
    await watching;
    await store.close();
  });
});

/** Whether this process holds a lock on a file, as Linux shows it. */
function holdsLock(file: string): boolean {
  const { ino } = statSync(file);
  return readFileSync('/proc/locks', 'utf8').split('\n').some((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `));
}

describe.skipIf(process.platform !== 'linux')('a process with the same file open twice', () => {
  it('keeps SQLite\'s locks when it opens it once more: closing any descriptor of a file lets go of all locks that the process has on it', async () => {
    const first = await SqliteStore.open({ path });
    await first.commit({ guards: [], writes: [{ key: '/first', value: {} }] });
    expect(holdsLock(path)).toBe(true);
    const second = await SqliteStore.open({ path });
    expect(holdsLock(path)).toBe(true);
    await first.close();
    await second.close();
  });
});
