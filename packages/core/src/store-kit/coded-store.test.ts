import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryLoss, Store, StoredValue, StoreEvent } from '../contracts/store.js';
import type { ValueCodec } from '../contracts/value-codec.js';
import { OrreryError } from '../kernel/errors.js';
import { CodedStore } from './coded-store.js';

/** Wraps values; `bad` ones are unreadable, `locked` ones need what is not there. */
class Boxes implements ValueCodec {
  decoded = 0;
  constructor(private readonly later: boolean) {}

  encode(_key: string, value: StoredValue): StoredValue | Promise<StoredValue> {
    return this.#later({ box: value });
  }

  decode(key: string, stored: StoredValue): StoredValue | Promise<StoredValue> {
    this.decoded += 1;
    const { box } = stored as { box: StoredValue };
    const error = box['bad'] === true ? new OrreryError('UNREADABLE', `bad ${key}`) : box['locked'] === true ? new OrreryError('UNAVAILABLE', `locked ${key}`) : undefined;
    if (error === undefined) return this.#later(box);
    if (this.later) return Promise.reject(error);
    throw error;
  }

  isCurrent(): boolean {
    return true;
  }

  #later<T>(value: T): T | Promise<T> {
    return this.later ? Promise.resolve(value) : value;
  }
}

describe.each([['at once', false], ['later', true]])('a store whose codec answers %s', (_, later) => {
  let memory: MemoryStore;
  let codec: Boxes;
  let store: CodedStore;
  let told: string[];
  beforeEach(() => {
    memory = new MemoryStore({ bookmarkMs: 50 });
    codec = new Boxes(later);
    told = [];
    store = new CodedStore(memory, codec, (key, error) => told.push(`${key}: ${error.code}`));
  });
  afterEach(() => store.close());

  /** Writes as another process would: what is stored was not encoded here. */
  const put = (key: string, value: StoredValue) => memory.commit({ guards: [], writes: [{ key, value: { box: value } }] });

  async function events(prefix: string, since: number): Promise<StoreEvent[]> {
    const abort = new AbortController();
    const found: StoreEvent[] = [];
    const last = await store.revision();
    for await (const batch of store.watch(prefix, { since, signal: abort.signal })) {
      found.push(...batch.events);
      if (batch.revision >= last) abort.abort();
    }
    return found;
  }

  it('leaves an unreadable value out of lists, tells of it once, and names it in a read', async () => {
    for (const key of ['/a', '/c', '/d']) await put(key, { key });
    await put('/b', { bad: true });
    for (let n = 0; n < 3; n += 1) expect((await store.range('/')).entries.map(({ key }) => key)).toEqual(['/a', '/c', '/d']);
    expect(told).toEqual(['/b: UNREADABLE']);
    await expect(store.get('/b')).rejects.toThrow(/bad \/b.*UNREADABLE/);
    await expect(store.commit({ guards: [{ key: '/b', modRevision: 0 }], writes: [] })).rejects.toThrow(/bad \/b/);
    await put('/b', { bad: true });
    await store.range('/');
    expect(told).toHaveLength(2);
  });

  it('fills pages in spite of unreadable values, so that who pages gets on', async () => {
    for (let n = 10; n < 40; n += 1) await put(`/${n}`, n % 10 < 8 ? { bad: true } : { n });
    const got: unknown[] = [];
    let after = '';
    for (let more = true; more; ) {
      const page = await store.range('/', { limit: 2, after });
      if (page.more) expect(page.entries).toHaveLength(2);
      got.push(...page.entries.map(({ value }) => value['n']));
      after = page.entries.at(-1)?.key ?? after;
      more = page.more;
    }
    expect(got).toEqual([18, 19, 28, 29, 38, 39]);
  });

  it('shows a value that becomes unreadable as deleted, and one that becomes readable as created', async () => {
    const ok = { n: 1 };
    await put('/a', ok);
    await put('/a', { bad: true });
    await put('/a', { bad: true });
    await put('/a', ok);
    await memory.commit({ guards: [], writes: [{ key: '/a', delete: true }] });
    await put('/b', { bad: true });
    await memory.commit({ guards: [], writes: [{ key: '/b', delete: true }] });
    const base = { key: '/a', createRevision: 1, value: ok };
    expect(await events('/', 0)).toEqual([
      { ...base, type: 'put', modRevision: 1, previousRevision: 0 },
      { ...base, type: 'delete', modRevision: 2, previousRevision: 1, previous: ok },
      { ...base, type: 'put', modRevision: 4, previousRevision: 0 },
      { ...base, type: 'delete', modRevision: 5, previousRevision: 4, previous: ok },
    ]);
  });

  it('fails as a whole where what is needed is missing: nothing looks deleted', async () => {
    await put('/a', { n: 1 });
    await put('/b', { locked: true });
    await put('/c', { bad: true });
    await expect(store.range('/')).rejects.toThrow(/locked \/b.*UNAVAILABLE/);
    await expect(events('/', 0)).rejects.toThrow(/locked \/b/);
    expect((await store.range('/a')).entries).toHaveLength(1);
  });

  it('decodes each version once, and what was written here not at all', async () => {
    await store.commit({ guards: [], writes: [{ key: '/own', value: { n: 1 } }] });
    await put('/other', { n: 2 });
    for (let n = 0; n < 3; n += 1) {
      await store.range('/');
      await store.get('/other');
      await events('/', 0);
    }
    expect(codec.decoded).toBe(1);
  });

  it('does not take what it knows of a value for another key', async () => {
    await put('/a', { n: 1 });
    await store.get('/a');
    const { value } = (await memory.get('/a')) ?? { value: {} };
    await memory.commit({ guards: [], writes: [{ key: '/b', value }] });
    await store.get('/b');
    expect(codec.decoded).toBe(2);
  });
});

describe('what the store underneath says of itself', () => {
  it('is passed on, and what it does not say is not made up', async () => {
    const codec = new Boxes(false);
    const plain = new CodedStore(new MemoryStore(), codec);
    expect([plain.shared, plain.onHistoryLost]).toEqual([undefined, undefined]);
    const losses: HistoryLoss[] = [];
    let tell: (loss: HistoryLoss) => void = () => {};
    const special: Store = Object.assign(new MemoryStore(), { shared: true, onHistoryLost: (listener: typeof tell) => ((tell = listener), () => {}) });
    const coded = new CodedStore(special, codec);
    expect(coded.shared).toBe(true);
    coded.onHistoryLost?.((loss) => losses.push(loss));
    tell({ lastCommon: 1, seen: 2, reason: 'test' });
    expect(losses).toHaveLength(1);
  });
});
