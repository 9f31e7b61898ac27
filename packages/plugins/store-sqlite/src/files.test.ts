import { chmodSync, closeSync, existsSync, linkSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDriver } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (store: SqliteStore, key: string, n: number) => store.commit({ guards: [], writes: [{ key, value: { n, filler: 'x'.repeat(500) } }] });

/** A closed database with some content. */
async function filled(): Promise<void> {
  const store = await SqliteStore.open({ path });
  for (let n = 0; n < 200; n += 1) await put(store, `/k${n}`, n);
  await store.close();
}

describe('who may reach the file', () => {
  it('is its owner only, the files beside it too', async () => {
    const inner = join(folder, 'a', 'b', 'state.db');
    const store = await SqliteStore.open({ path: inner });
    await put(store, '/a', 1);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(inner + suffix).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    await store.close();
    // Everything is in the one file then; an empty log may lie beside it until the driver lets go of it.
    expect(statSync(`${inner}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  it('refuses a file that others can read, a link, a second name, and what is no file', async () => {
    await filled();
    chmodSync(path, 0o640);
    await expect(SqliteStore.open({ path })).rejects.toThrow(/can be read or written by other users.*chmod 600.*INVALID/);
    chmodSync(path, 0o600);
    symlinkSync(path, join(folder, 'link.db'));
    await expect(SqliteStore.open({ path: join(folder, 'link.db') })).rejects.toThrow(/symbolic link/);
    linkSync(path, join(folder, 'second.db'));
    await expect(SqliteStore.open({ path })).rejects.toThrow(/hard link/);
    rmSync(join(folder, 'second.db'));
    rmSync(`${path}-wal`, { force: true });
    symlinkSync(join(folder, 'elsewhere'), `${path}-wal`);
    await expect(SqliteStore.open({ path })).rejects.toThrow(/-wal is a symbolic link/);
    await expect(SqliteStore.open({ path: folder })).rejects.toThrow(/is not a file/);
  });

  it('refuses a folder in which others could exchange the file', async () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    await expect(SqliteStore.open({ path: join(open, 'state.db') })).rejects.toThrow(/can be written by other users/);
    expect(existsSync(join(open, 'state.db'))).toBe(false);
  });
});

describe('a file that is not what it should be', () => {
  it('is refused and left as it is', async () => {
    await filled();
    const sound = readFileSync(path);
    const page = (n: number): Buffer => {
      const bytes = Buffer.from(sound);
      bytes.fill(0x5a, (n - 1) * 4096, n * 4096);
      return bytes;
    };
    const broken: [string, Buffer][] = [
      ['text', Buffer.from('this is not a database, and longer than a header of one hundred bytes would be; so it goes on for a while.')],
      ['half a file', sound.subarray(0, Math.floor(sound.length / 2))],
      ['a page of the tables', page(4)],
      ['a page in the middle', page(20)],
    ];
    for (const [what, bytes] of broken) {
      writeFileSync(path, bytes);
      await expect(SqliteStore.open({ path }), what).rejects.toThrow(/is damaged or not a database.*it was left as it is.*UNAVAILABLE/);
      expect(readFileSync(path).equals(bytes), what).toBe(true);
    }
  });

  it('is told even when the damage comes while it is in use', async () => {
    await filled();
    const store = await SqliteStore.open({ path, check: false });
    const fd = openSync(path, 'r+');
    for (let page = 2; page * 4096 < statSync(path).size; page += 1) writeSync(fd, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
    closeSync(fd);
    await expect(store.range('/')).rejects.toThrow(/is damaged.*UNAVAILABLE/);
    await expect(put(store, '/a', 1)).rejects.toThrow(/is damaged/);
    await store.close();
  });

  it('is refused when it belongs to another program or to a newer version', async () => {
    const open = await loadDriver('auto');
    const other = open(path);
    other.exec('CREATE TABLE recipes (name TEXT)');
    other.close();
    chmodSync(path, 0o600);
    await expect(SqliteStore.open({ path })).rejects.toThrow(/database of another program.*INVALID/);
    rmSync(path);
    await filled();
    const newer = open(path);
    newer.exec('PRAGMA user_version = 2');
    newer.close();
    await expect(SqliteStore.open({ path })).rejects.toThrow(/newer @orrery\/store-sqlite \(format 2; this one knows 1\).*UNSUPPORTED/);
  });

  it('is noticed when it is taken away or exchanged while in use', async () => {
    const store = await SqliteStore.open({ path, recheckMs: 20 });
    await put(store, '/a', 1);
    renameSync(path, `${path}.old`);
    await expect.poll(() => store.revision().then(() => 'fine', (error: Error) => error.message)).toMatch(/was removed while it was in use.*UNAVAILABLE/);
    await store.close();
  });
});

describe('what a file keeps', () => {
  it('is opened again by as many as want to, in any order, even when new', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => SqliteStore.open({ path })));
    const results = await Promise.all(stores.map((store, n) => put(store, `/k${n}`, n)));
    expect(results.map((result) => result.ok && result.revision).sort()).toEqual([1, 2, 3, 4, 5]);
    for (const store of stores) {
      expect(await store.revision()).toBe(5);
      await store.close();
    }
  });

  it('values are bounded, and only JSON objects', async () => {
    const store = await SqliteStore.open({ path, maxValueBytes: 1_000 });
    const commit = (value: unknown) => store.commit({ guards: [], writes: [{ key: '/a', value: value as never }] });
    await expect(commit({ text: 'ä'.repeat(500) })).rejects.toThrow(/value of \/a has 1011 bytes; at most 1000.*INVALID/);
    for (const bad of [1, 'x', null, undefined, { n: 1n }]) await expect(commit(bad)).rejects.toThrow(/INVALID/);
    const odd = { nul: '\0', lone: '\ud800', quote: '"', list: [], deep: { ['__proto__x']: null } };
    await commit(odd);
    await store.close();
    const again = await SqliteStore.open({ path });
    expect((await again.get('/a'))?.value).toEqual(odd);
    expect(Object.isFrozen((await again.get('/a'))?.value['deep'])).toBe(true);
    await again.close();
  });
});
