import { randomBytes } from 'node:crypto';
import { CodedStore, type Store } from '@orrery/core';
import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EncryptionCodec } from './encryption-codec.js';
import { reencrypt } from './reencrypt.js';

const [one, two] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('base64')) as [string, string];
const codecOf = (...names: ('one' | 'two' | 'identity')[]): EncryptionCodec =>
  new EncryptionCodec({
    resources: [{ resources: ['secrets'], providers: names.map((name) => (name === 'identity' ? { identity: {} } : { aesgcm: { name, secret: name === 'one' ? one : two } })) }],
  });
const key = (n: number): string => `/registry/core/secrets/default/s${String(n).padStart(3, '0')}`;
const { signal } = new AbortController();

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});
afterEach(() => store.close());

async function write(codec: EncryptionCodec, from: number, to: number): Promise<void> {
  const coded = new CodedStore(store, codec);
  for (let n = from; n < to; n += 1) await coded.commit({ guards: [], writes: [{ key: key(n), value: { n } }] });
}

const keyNames = async (): Promise<unknown[]> => (await store.range('/')).entries.map((entry) => entry.value['key']);

describe('rewriting what is under an old key', () => {
  it('leaves nothing under it, changes no value, and has nothing to do the second time', async () => {
    await write(codecOf('identity', 'one'), 0, 5);
    await write(codecOf('one', 'identity'), 5, 250);
    await store.commit({ guards: [], writes: [{ key: '/registry/core/configmaps/default/c', value: { plain: true } }] });
    const codec = codecOf('two', 'one', 'identity');
    await write(codec, 250, 260);
    expect(await reencrypt({ store, codec, signal })).toEqual({ seen: 261, rewritten: 250, current: 11, overtaken: 0, unreadable: [] });
    expect((await keyNames()).filter((name) => name !== 'two')).toEqual([undefined]);
    // The old key is not needed any more.
    const values = (await new CodedStore(store, codecOf('two')).range('/registry/core/secrets/')).entries.map((entry) => entry.value['n']);
    expect(values).toEqual(Array.from({ length: 260 }, (_, n) => n));
    expect(await reencrypt({ store, codec, signal })).toMatchObject({ rewritten: 0, current: 261 });
  });

  it('never undoes what others write meanwhile', async () => {
    await write(codecOf('one'), 0, 4);
    const codec = codecOf('two', 'one');
    const coded = new CodedStore(store, codec);
    // Just before each is rewritten, somebody else is faster: with the new key, with the old one, by a delete.
    const racing: Store = Object.create(store, {
      range: { value: store.range.bind(store) },
      commit: {
        value: async (change: Parameters<Store['commit']>[0]) => {
          const [first] = change.writes;
          const before = await store.get(first?.key ?? '');
          if (before?.createRevision === before?.modRevision) {
            if (first?.key === key(0)) await coded.commit({ guards: [], writes: [{ key: key(0), value: { n: 'new' } }] });
            if (first?.key === key(1)) await new CodedStore(store, codecOf('one')).commit({ guards: [], writes: [{ key: key(1), value: { n: 'late' } }] });
            if (first?.key === key(2)) await coded.commit({ guards: [], writes: [{ key: key(2), delete: true }] });
          }
          return store.commit(change);
        },
      },
    }) as Store;
    expect(await reencrypt({ store: racing, codec, signal })).toEqual({ seen: 4, rewritten: 2, current: 0, overtaken: 2, unreadable: [] });
    expect((await coded.range('/')).entries.map((entry) => entry.value['n'])).toEqual(['new', 'late', 3]);
    expect(await keyNames()).toEqual(['two', 'two', 'two']);
  });

  it('names what cannot be read and deletes it only when asked to', async () => {
    const codec = codecOf('two', 'one');
    await write(codecOf('one'), 0, 3);
    await write(codec, 3, 5);
    // The ciphertexts of two are moved to other keys.
    for (const [from, to] of [[0, 1], [3, 4]] as const) await store.commit({ guards: [], writes: [{ key: key(to), value: (await store.get(key(from)))?.value ?? {} }] });
    const report = await reencrypt({ store, codec, signal });
    expect(report).toMatchObject({ seen: 5, rewritten: 2, current: 1 });
    expect(report.unreadable).toEqual([1, 4].map((n) => ({ key: key(n), reason: expect.stringContaining(key(n)) as string, deleted: false })));
    expect((await reencrypt({ store, codec, signal, deleteUnreadable: true })).unreadable.map(({ deleted }) => deleted)).toEqual([true, true]);
    expect((await store.range('/')).entries.map((entry) => entry.key)).toEqual([0, 2, 3].map(key));
  });

  it('stops when asked to, and when a key is missing, without harm', async () => {
    await write(codecOf('one'), 0, 3);
    await expect(reencrypt({ store, codec: codecOf('two', 'one'), signal: AbortSignal.abort() })).rejects.toThrow(/ABORTED/);
    await expect(reencrypt({ store, codec: codecOf('two'), signal })).rejects.toThrow(/encrypted with the key "one".*UNAVAILABLE/);
    expect(await keyNames()).toEqual(['one', 'one', 'one']);
  });
});
