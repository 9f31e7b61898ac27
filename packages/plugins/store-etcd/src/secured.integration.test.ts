import { inspect } from 'node:util';
import { OrreryError } from '@orrery/core';
import { type Etcd, requireParts, startEtcd } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdStore } from './etcd-store.js';
import type { EtcdStoreOptions } from './options.js';
import { Watching } from './test/watching.js';

const { missing, note } = requireParts('etcd', 'etcdctl', 'openssl');
const PASSWORD = 'a-secret-that-nobody-says';

describe.skipIf(missing)(`an etcd with TLS, client certificates and users${note}`, () => {
  let etcd: Etcd;
  const options = (): EtcdStoreOptions => ({
    endpoints: etcd.endpoints,
    tls: { ca: etcd.pki?.ca as string, cert: etcd.pki?.cert as string, key: etcd.pki?.key as string },
    user: 'orrery',
    password: PASSWORD,
  });

  beforeAll(async () => {
    etcd = await startEtcd({ tls: true });
    // The role as the README gives it, and nothing else.
    await etcd.ctl('role', 'add', 'orrery');
    await etcd.ctl('role', 'grant-permission', 'orrery', 'readwrite', '--prefix=true', '/orrery/');
    await etcd.ctl('user', 'add', `orrery:${PASSWORD}`);
    await etcd.ctl('user', 'grant-role', 'orrery', 'orrery');
    await etcd.ctl('user', 'add', 'root:root');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('auth', 'enable');
  });
  afterAll(() => etcd?.stop());

  const everything = async (store: EtcdStore, name: string): Promise<void> => {
    const watching = new Watching(store, '/', await store.revision());
    const lease = await store.acquireLease(name, { holder: 'a', ttlMs: 10_000 });
    const made = await store.commit({ guards: [{ lease: name, epoch: lease?.epoch ?? 0 }], writes: [{ key: `/${name}`, value: { n: 1 } }] });
    expect(made.ok).toBe(true);
    await lease?.renew(new AbortController().signal);
    await lease?.release();
    const { entries, revision } = await store.range('/');
    expect(entries.map(({ key }) => key)).toContain(`/${name}`);
    await watching.reached(made.ok ? made.revision : 0);
    await store.compact(revision);
    await watching.stop();
    expect(watching.error).toBeUndefined();
  };

  it('the documented role is enough for everything, and its password is told to nobody', async () => {
    const said: unknown[] = [];
    await using store = new EtcdStore({ ...options(), warn: (...words) => said.push(words) });
    await everything(store, 'role');
    expect(inspect([store, said], { depth: 20, showHidden: true })).not.toContain(PASSWORD);
  });

  it('signs in again when etcd no longer knows its token, in the middle of a watch too', async () => {
    await using store = new EtcdStore(options());
    await everything(store, 'before');
    const watching = new Watching(store, '/', await store.revision());
    await watching.reached(1);
    // Tokens are in a member's memory only.
    await etcd.members[0]?.kill('SIGKILL');
    etcd.members[0]?.start();
    await etcd.ready();
    await everything(store, 'after');
    const made = await store.commit({ guards: [], writes: [{ key: '/watched', value: {} }] });
    await watching.reached(made.ok ? made.revision : 0);
    expect(watching.events.map(({ key }) => key)).toEqual(['/after', '/watched']);
    await watching.stop();
  });

  it('a wrong password, another prefix, no certificate: each is refused in words that say what to do, without the password', async () => {
    const failing = async (wrong: Partial<EtcdStoreOptions>): Promise<string> => {
      await using store = new EtcdStore({ ...options(), outcomeTimeoutMs: 1_500, ...wrong });
      const error = await store.commit({ guards: [], writes: [{ key: '/a', value: {} }] }).catch((thrown: unknown) => thrown);
      expect(OrreryError.is(error, 'UNAVAILABLE')).toBe(true);
      const text = inspect(error, { depth: 20, showHidden: true });
      expect(text).not.toContain(PASSWORD);
      return text;
    };
    expect(await failing({ password: `not ${PASSWORD}` })).toMatch(/does not accept the user or the password/);
    expect(await failing({ prefix: '/other/' })).toMatch(/needs a role with readwrite on the prefix/);
    const { ca } = etcd.pki as { readonly ca: string };
    expect(await failing({ tls: { ca } })).toMatch(/cannot be used now/);
    expect(await failing({ tls: {} })).toMatch(/certificate|self.signed/);
  });
});

describe.skipIf(missing)(`the limits of etcd${note}`, () => {
  it('a value or a commit that is too large is refused in words; the store goes on', async () => {
    await using etcd = await startEtcd();
    await using store = new EtcdStore({ endpoints: etcd.endpoints });
    const write = (key: string, bytes: number) => ({ key, value: { filler: 'x'.repeat(bytes) } });
    const refused = async (writes: ReturnType<typeof write>[]) => {
      const error = await store.commit({ guards: [], writes }).catch((thrown: unknown) => thrown);
      expect(OrreryError.is(error, 'INVALID')).toBe(true);
      return (error as Error).message;
    };
    expect(await refused([write('/big', 1_500_000)])).toContain('/big');
    expect(await refused([write('/a', 900_000), write('/b', 900_000)])).toContain('larger than etcd takes');
    expect((await store.commit({ guards: [], writes: [write('/a', 1_400_000)] })).ok).toBe(true);
    expect(await store.get('/b')).toBeUndefined();
  });

  it('lists of many and of large values come whole, in pages of bounded size', async () => {
    await using etcd = await startEtcd();
    await using store = new EtcdStore({ endpoints: etcd.endpoints });
    await Promise.all(Array.from({ length: 1_500 }, (_, i) => store.commit({ guards: [], writes: [{ key: `/n/${String(i).padStart(5, '0')}`, value: { i } }] })));
    for (let i = 0; i < 30; i += 1) await store.commit({ guards: [], writes: [{ key: `/large/${i}`, value: { filler: 'x'.repeat(1_000_000) } }] });
    const { entries, more, remaining } = await store.range('/n/');
    expect([entries.map(({ value }) => value['i']), more, remaining]).toEqual([Array.from({ length: 1_500 }, (_, i) => i), false, 0]);
    const page = await store.range('/n/', { limit: 700 });
    expect([page.entries.length, page.more, page.remaining]).toEqual([700, true, 800]);
    expect((await store.range('')).entries).toHaveLength(1_530);
    // Watchers too: more than one message holds.
    const watching = new Watching(store, '/large/', page.revision - 31);
    await watching.reached(page.revision);
    expect(watching.events).toHaveLength(30);
    await watching.stop();
  });

  it('when etcd is out of space it says what to do, still reads, and writes again after that', async () => {
    await using etcd = await startEtcd({ args: ['--quota-backend-bytes', String(8 * 1024 * 1024)] });
    await using store = new EtcdStore({ endpoints: etcd.endpoints });
    let error: unknown;
    for (let n = 0; error === undefined && n < 100; n += 1) {
      await store.commit({ guards: [], writes: [{ key: '/a', value: { n, filler: 'x'.repeat(500_000) } }] }).catch((thrown: unknown) => (error = thrown));
    }
    expect(OrreryError.is(error, 'UNAVAILABLE')).toBe(true);
    expect((error as Error).message).toContain('etcdctl defrag');
    expect((await store.get('/a'))?.value['n']).toBeGreaterThan(3);
    await store.compact(await store.revision());
    await etcd.ctl('defrag');
    await etcd.ctl('alarm', 'disarm');
    expect((await store.commit({ guards: [], writes: [{ key: '/a', value: { n: 0 } }] })).ok).toBe(true);
  });
});
