import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client, Informer, InformerHandler } from '../contracts/client.js';
import type { ApiRequest, Transport, WatchEvent, WatchRequest } from '../contracts/transport.js';
import { OrreryError } from '../kernel/errors.js';
import { type LogFields, type Logger, silentLogger } from '../kernel/logger.js';
import { ApiError } from '../model/api-error.js';
import { builtinKinds } from '../model/builtin-kinds.js';
import { ConfigMap } from '../model/kinds/configmap.js';
import type { KubeList } from '../model/object.js';
import { KindRegistry } from '../model/registry.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { ApiClient } from './api-client.js';
import { SharedInformers } from './informers.js';

const map = (name: string, version: number, meta: object = {}): ConfigMap =>
  Object.freeze({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: String(version), ...meta } });
const added = (object: ConfigMap): WatchEvent => ({ type: 'ADDED', object });
const modified = (object: ConfigMap): WatchEvent => ({ type: 'MODIFIED', object });
const deleted = (object: ConfigMap): WatchEvent => ({ type: 'DELETED', object });
const bookmark = (revision: number): WatchEvent => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision) } } });

/** A server in the hands of the test: what a list answers, and one pipe a watch. */
class Wire implements Transport {
  items: ConfigMap[] = [];
  revision = 0;
  lists = 0;
  /** What the next lists do instead of answering. */
  readonly faults: (() => Promise<never>)[] = [];
  readonly watches: { readonly since: number; send(...events: WatchEvent[]): void; end(error?: Error): void; readonly signal: AbortSignal }[] = [];
  /** Watches that neither answer nor heed their signal. */
  deaf = false;

  async request(request: ApiRequest): Promise<KubeList> {
    if (request.verb !== 'list') throw new Error(`not expected: ${request.verb}`);
    this.lists += 1;
    const fault = this.faults.shift();
    if (fault !== undefined) return fault();
    return { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: String(this.revision) }, items: [...this.items] };
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    const chunks: (readonly WatchEvent[] | { error: Error | undefined })[] = [];
    let wake = (): void => {};
    const push = (chunk: (typeof chunks)[number]): void => {
      chunks.push(chunk);
      wake();
    };
    this.watches.push({ since: Number(request.resourceVersion), send: (...events) => push(events), end: (error) => push({ error }), signal });
    if (this.deaf) return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    signal.addEventListener('abort', () => wake());
    return (async function* () {
      for (;;) {
        const chunk = chunks.shift();
        if (signal.aborted) return;
        if (chunk === undefined) await new Promise<void>((resolve) => { wake = resolve; });
        else if ('error' in chunk) {
          if (chunk.error === undefined) return;
          throw chunk.error;
        } else yield chunk;
      }
    })();
  }

  get current(): (typeof this.watches)[number] {
    const watch = this.watches.at(-1);
    if (watch === undefined) throw new Error('nobody watches');
    return watch;
  }
}

let clock: VirtualClock;
let wire: Wire;
let informers: SharedInformers;
let logged: { message: string; fields: LogFields | undefined }[];
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  clock = new VirtualClock();
  wire = new Wire();
  logged = [];
  const note = (message: string, fields?: LogFields): void => void logged.push({ message, fields });
  const log: Logger = { ...silentLogger, warn: note, error: note, child: () => log };
  const client: Client = new ApiClient({ transport: wire, kinds: new KindRegistry(builtinKinds), user: { name: 'test', groups: [] } });
  informers = new SharedInformers({ client, clock, random: new SeededRandom(1), log });
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
});
afterEach(async () => {
  await informers.close();
  await clock.settle();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
  expect(clock.pending).toBe(0);
});

/** What a handler is told, one line each. */
const follow = (informer: Informer<ConfigMap>, told: string[] = []): string[] => {
  informer.subscribe({
    added: ({ metadata }, initial) => told.push(`+${metadata.name}@${metadata.resourceVersion}${initial ? ' initial' : ''}`),
    updated: ({ metadata }, old) => told.push(`~${metadata.name}@${old.metadata.resourceVersion}>${metadata.resourceVersion}`),
    deleted: ({ metadata }) => told.push(`-${metadata.name}@${metadata.resourceVersion}`),
  });
  return told;
};
const start = async (...items: ConfigMap[]): Promise<{ informer: Informer<ConfigMap>; told: string[] }> => {
  wire.items = items;
  wire.revision = 10;
  const informer = informers.get(ConfigMap);
  const told = follow(informer);
  await informer.synced();
  return { informer, told };
};
const relisted = (times: number): Promise<void> => clock.until(() => wire.lists > times && wire.watches.length > times, 120_000, `list ${times + 1}`);

describe('the good days', () => {
  it('first what exists, then what happens, from the revision of the list', async () => {
    const { informer, told } = await start(map('a', 3), map('b', 7));
    await clock.settle();
    expect(wire.current.since).toBe(10);
    wire.current.send(added(map('c', 11)), modified(map('a', 12)));
    wire.current.send(deleted(map('b', 13)));
    await clock.settle();
    expect(told).toEqual(['+a@3 initial', '+b@7 initial', '+c@11', '~a@3>12', '-b@13']);
    expect(informer.lister.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
    expect(informer.health()).toEqual({ synced: true, revision: 13, silentForMs: 0, relists: 0 });
  });

  it('is synced by an empty list at revision 0', async () => {
    const informer = informers.get(ConfigMap);
    await informer.synced();
    expect(informer.health().revision).toBe(0);
  });

  it('a handler that comes late is told what is known; one that is removed hears nothing more', async () => {
    const { informer } = await start(map('a', 3));
    const late = follow(informer);
    expect(late).toEqual(['+a@3 initial']);
    const heard: string[] = [];
    const handler: InformerHandler<ConfigMap> = { added: ({ metadata }) => heard.push(metadata.name ?? '') };
    const [one, two] = [informer.subscribe(handler), informer.subscribe(handler)];
    one();
    await clock.settle();
    wire.current.send(added(map('b', 11)));
    await clock.settle();
    two();
    wire.current.send(added(map('c', 12)));
    await clock.settle();
    expect(heard).toEqual(['a', 'a', 'b']);
  });

  it('a handler added by a handler in the middle of the first list is told everything, once', async () => {
    wire.items = [map('a', 3), map('b', 4)];
    wire.revision = 10;
    const informer = informers.get(ConfigMap);
    let inner: string[] | undefined;
    informer.subscribe({ added: () => { inner ??= follow(informer); } });
    await informer.synced();
    expect(inner).toEqual(['+a@3 initial', '+b@4 initial']);
  });

  it('a handler that throws is reported and harms nobody', async () => {
    wire.items = [map('a', 3)];
    const informer = informers.get(ConfigMap);
    informer.subscribe({ added: () => { throw new Error('my fault'); } });
    const told = follow(informer);
    await informer.synced();
    expect(told).toEqual(['+a@3 initial']);
    expect(logged).toEqual([{ message: 'an informer handler threw', fields: { kind: 'ConfigMap', error: 'my fault' } }]);
  });

  it('indexes may come later and are shared; one name with two functions is an error', async () => {
    const { informer } = await start(map('a', 3, { labels: { tier: 'x' } }), map('b', 4));
    const tier = (object: ConfigMap): readonly string[] => [object.metadata.labels?.['tier'] ?? ''];
    expect(informers.get(ConfigMap, { indexes: { tier } })).toBe(informer);
    expect(informer.lister.byIndex('tier', 'x').map(({ metadata }) => metadata.name)).toEqual(['a']);
    await clock.settle();
    wire.current.send(modified(map('a', 11)), modified(map('b', 12, { labels: { tier: 'x' } })));
    await clock.settle();
    expect(informer.lister.byIndex('tier', 'x').map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(() => informers.get(ConfigMap, { indexes: { tier: () => [] } })).toThrow(/choose another name/);
    expect(() => informer.lister.byIndex('colour', 'x')).toThrow(/no index "colour"/);
  });

  it('observed: resolves once the cache shows the revision, by event or bookmark, and not before', async () => {
    const { informer } = await start();
    await clock.settle();
    const signal = new AbortController().signal;
    await informer.observed(10, signal);
    let shown = 0;
    void informer.observed(11, signal).then(() => { shown = 11; });
    void informer.observed(15, signal).then(() => { shown = 15; });
    await clock.settle();
    expect(shown).toBe(0);
    wire.current.send(added(map('a', 11)));
    await clock.settle();
    expect(shown).toBe(11);
    wire.current.send(bookmark(20));
    await clock.settle();
    expect(shown).toBe(15);
  });

  it('waiting ends with the signal of who waits, and with the informer', async () => {
    const { informer } = await start();
    const abort = new AbortController();
    const mine = informer.observed(99, abort.signal);
    const others = informer.observed(99, new AbortController().signal);
    abort.abort();
    await expect(mine).rejects.toMatchObject({ code: 'ABORTED' });
    const ended = expect(others).rejects.toMatchObject({ code: 'CLOSED' });
    await informers.close();
    await ended;
    await expect(informer.observed(99, new AbortController().signal)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => informers.get(ConfigMap, { namespace: 'other' })).toThrow(/closed/);
  });
});

describe('the bad days: each is seen in health() and ends in a new list', () => {
  const losses: readonly [what: string, lose: () => void, problem: RegExp][] = [
    ['the watch expires', () => wire.current.end(new ApiError('Expired', 'too old resource version')), /too old/],
    ['the connection breaks', () => wire.current.end(new OrreryError('UNAVAILABLE', 'connection reset')), /connection reset/],
    ['the watch ends without a word', () => wire.current.end(), /watch ended/],
    ['an event comes again', () => wire.current.send(added(map('a', 3)), added(map('x', 12)), added(map('x', 12))), /went back/],
    ['events come out of order', () => wire.current.send(added(map('x', 14)), added(map('y', 13))), /went back/],
    ['history goes back', () => wire.current.send(bookmark(5)), /went back from revision 10 to 5/],
    ['a version is no number', () => wire.current.send(added(map('x', Number.NaN))), /not a whole number/],
  ];
  it.each(losses)('%s', async (_what, lose, problem) => {
    const { informer, told } = await start(map('a', 3), map('b', 4), map('c', 5));
    await clock.settle();
    told.length = 0;
    // Unseen: a changed, b went, c went and came again as another object.
    wire.items = [map('a', 21), map('c', 22, { uid: 'uid-other' })];
    wire.revision = 30;
    lose();
    await clock.until(() => logged.length > 0);
    expect(logged[0]?.fields).toMatchObject({ kind: 'ConfigMap', error: expect.stringMatching(problem) as unknown });
    await relisted(1);
    await clock.settle();
    expect(informer.health()).toMatchObject({ synced: true, relists: 1, revision: 30 });
    expect(informer.health().problem).toBeUndefined();
    expect(informer.lister.list().map(({ metadata }) => `${metadata.name} ${metadata.uid}`)).toEqual(['a uid-a', 'c uid-other']);
    expect(told.filter((line) => /[abc]@/.test(line))).toEqual(['~a@3>21', '-c@5', '+c@22', '-b@4']);
    wire.current.send(modified(map('a', 31)));
    await clock.settle();
    expect(told.at(-1)).toBe('~a@21>31');
  });

  it('silence, of a watch that heeds its signal and of one that does not', async () => {
    const { informer } = await start(map('a', 3));
    wire.deaf = true;
    await clock.advance(34_000);
    wire.current.send(bookmark(11));
    await clock.advance(34_000);
    expect([wire.lists, informer.health().silentForMs]).toEqual([1, 34_000]);
    await clock.advance(1_500);
    expect([wire.lists, wire.watches[0]?.signal.aborted]).toEqual([2, true]);
    expect(logged[0]?.fields?.['error']).toMatch(/Nothing was heard for 35000 ms/);
    wire.deaf = false;
    await clock.advance(36_000);
    expect([wire.lists, wire.watches.length]).toEqual([3, 3]);
    wire.current.send(added(map('b', 12)));
    await clock.settle();
    expect(informer.lister.size).toBe(2);
  });

  it('the store was put back to an older state: what it says now counts, even under a known version', async () => {
    const { informer, told } = await start({ ...map('a', 3), data: { n: 'old' } }, map('b', 9));
    await clock.settle();
    told.length = 0;
    wire.items = [{ ...map('a', 3), data: { n: 'new' } }];
    wire.revision = 4;
    wire.current.end(new ApiError('Expired', 'the watch was interrupted'));
    await relisted(1);
    expect(informer.lister.get('default/a')?.data).toEqual({ n: 'new' });
    expect([told, informer.health().revision, wire.current.since]).toEqual([['~a@3>3', '-b@9'], 4, 4]);
  });

  it('lists that fail or hang are tried again with a back-off that grows, and told', async () => {
    const hang = (): Promise<never> => new Promise(() => {});
    const fail = (): Promise<never> => Promise.reject(new ApiError('ServiceUnavailable', 'not now'));
    wire.faults.push(fail, fail, fail, fail, hang);
    const informer = informers.get(ConfigMap);
    await clock.settle();
    expect(informer.health()).toMatchObject({ synced: false, problem: 'not now' });
    await clock.until(() => wire.lists === 5);
    const waited = clock.monotonic();
    expect(waited).toBeGreaterThan(1_000);
    await clock.until(() => informer.health().synced);
    expect(clock.monotonic() - waited).toBeGreaterThanOrEqual(60_000);
    expect(logged.at(-1)?.fields?.['error']).toMatch(/not answered within 60000 ms/);
  });

  it('a watch that ends at once, every time, does not make it list without end', async () => {
    await start();
    const ending = setIntervalOn(clock, 10, () => wire.watches.forEach((watch) => watch.end()));
    await clock.advance(60_000);
    ending();
    expect(wire.lists).toBeLessThan(16);
  });

  it('abort in the middle of a list, of a watch and of a pause leaves nothing behind', async () => {
    wire.faults.push(() => new Promise(() => {}));
    informers.get(ConfigMap);
    await clock.settle();
    await informers.close();
    expect(clock.pending).toBe(0);
  });
});

function setIntervalOn(on: VirtualClock, everyMs: number, tick: () => void): () => void {
  let cancel = (): void => {};
  const arm = (): void => {
    cancel = on.timer(everyMs, () => {
      tick();
      arm();
    });
  };
  arm();
  return () => cancel();
}
