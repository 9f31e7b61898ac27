import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, createOrchestrator, type Logger, type Orchestrator, type Plugin, Secret, silentLogger, Store, ValueCodec } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { sqliteStore } from '@orrery/store-sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encryptionAtRest, reencrypt } from './index.js';

const key = (): string => randomBytes(32).toString('base64');
const keys = { one: key(), two: key() };
const NEEDLE = 'correct-horse-battery-staple';
const PLAIN = 'this-may-be-read';
const { signal } = new AbortController();

let folder: string;
let running: Orchestrator[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-encrypted-'));
  running = [];
});
afterEach(async () => {
  for (const orchestrator of running) await orchestrator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const encryption = (...names: ('one' | 'two' | 'identity')[]): Plugin =>
  encryptionAtRest({ resources: [{ resources: ['secrets'], providers: names.map((name) => (name === 'identity' ? { identity: {} } : { aesgcm: { name, secret: keys[name] } })) }] });

async function up(plugins: readonly Plugin[], logger: Logger = silentLogger): Promise<Orchestrator> {
  const orchestrator = await createOrchestrator({ plugins, logger });
  running.push(orchestrator);
  await orchestrator.start();
  return orchestrator;
}

async function down(orchestrator: Orchestrator): Promise<void> {
  running.splice(running.indexOf(orchestrator), 1);
  await orchestrator.stop();
}

const secret = (name: string, password = NEEDLE) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, stringData: { password } });
const passwords = async (orchestrator: Orchestrator): Promise<string[]> =>
  (await orchestrator.client.kind(Secret).list()).items.map(({ data }) => Buffer.from(data?.['password'] ?? '', 'base64').toString());

/** Everything that is on the disk, with the needle in the forms it could take there. */
function onDisk(): { readonly has: (text: string) => boolean } {
  const bytes = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
  return { has: (text) => [text, Buffer.from(text).toString('base64')].some((form) => bytes.includes(form)) };
}

const stores: [string, () => Plugin][] = [
  ['SQLite', () => sqliteStore({ path: join(folder, 'state.db') })],
  ['the memory store with a journal', () => memoryStore({ journal: join(folder, 'journal') })],
];

describe.each(stores)('an orchestrator with encrypted Secrets on %s', (_, store) => {
  it('leaves no word of a Secret on the disk, in use or after, and reads it again after a restart', async () => {
    const first = await up([store(), encryption('one')]);
    await first.client.apply(secret('db'));
    await first.client.apply(secret('db', `${NEEDLE}-2`));
    await first.client.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'default' }, data: { note: PLAIN } });
    expect([onDisk().has(NEEDLE), onDisk().has(PLAIN)]).toEqual([false, true]);
    await down(first);
    expect([onDisk().has(NEEDLE), onDisk().has(PLAIN)]).toEqual([false, true]);
    const second = await up([store(), encryption('one')]);
    expect(await passwords(second)).toEqual([`${NEEDLE}-2`]);
    expect((await second.client.kind(ConfigMap).get({ namespace: 'default', name: 'c' })).data).toEqual({ note: PLAIN });
  });

  it('is rotated: a new key writes, the old one reads, and after rewriting is not needed any more', async () => {
    const first = await up([store(), encryption('one')]);
    await first.client.apply(secret('a'));
    await first.client.apply(secret('b'));
    await down(first);
    const second = await up([store(), encryption('two', 'one')]);
    await second.client.apply(secret('c'));
    expect(await passwords(second)).toEqual([NEEDLE, NEEDLE, NEEDLE]);
    const report = await reencrypt({ store: second.get(Store), codec: second.get(ValueCodec), prefix: '/registry/core/secrets/', signal });
    expect(report).toEqual({ seen: 3, rewritten: 2, current: 1, overtaken: 0, unreadable: [] });
    await down(second);
    const third = await up([store(), encryption('two')]);
    expect(await passwords(third)).toEqual([NEEDLE, NEEDLE, NEEDLE]);
  });

  it('is turned on for what is there: plain values are read, and encrypted when rewritten', async () => {
    const first = await up([store()]);
    await first.client.apply(secret('a'));
    await down(first);
    expect(onDisk().has(NEEDLE)).toBe(true);
    const second = await up([store(), encryption('one', 'identity')]);
    expect(await passwords(second)).toEqual([NEEDLE]);
    expect(await reencrypt({ store: second.get(Store), codec: second.get(ValueCodec), signal })).toMatchObject({ rewritten: 1, unreadable: [] });
    const kept = (await second.get(Store).range('/registry/core/secrets/')).entries;
    expect(kept.map(({ value }) => value['key'])).toEqual(['one']);
  });
});

describe('a Secret that was moved to another key', () => {
  it('is not read there, names itself in log and error, and leaves all others to be read, listed and watched', async () => {
    const first = await up([sqliteStore({ path: join(folder, 'state.db') }), encryption('one')]);
    for (const name of ['a', 'b', 'c']) await first.client.apply(secret(name, `${NEEDLE}-${name}`));
    const raw = first.get(Store);
    const at = (name: string): string => `/registry/core/secrets/default/${name}`;
    const swap = async (): Promise<void> => {
      const [a, b] = [await raw.get(at('a')), await raw.get(at('b'))];
      await raw.commit({ guards: [], writes: [{ key: at('b'), value: a?.value ?? {} }, { key: at('d'), value: b?.value ?? {} }] });
    };
    await swap();
    await down(first);

    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, error: (message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`), child: () => logger };
    const second = await up([sqliteStore({ path: join(folder, 'state.db') }), encryption('one')], logger);
    expect(await passwords(second)).toEqual([`${NEEDLE}-a`, `${NEEDLE}-c`]);
    const refusal = await second.client.kind(Secret).get({ namespace: 'default', name: 'b' }).catch((error: Error) => error);
    expect(refusal).toMatchObject({ message: expect.stringMatching(/\/registry\/core\/secrets\/default\/b.*key "one"/) as string });
    await expect.poll(() => lines.filter((line) => line.includes('cannot be read')).length).toBeGreaterThanOrEqual(2);
    expect([...lines, String(refusal)].join(' ')).not.toContain(NEEDLE);
    // The others go on: caches see them and their changes.
    const informer = second.informers.get(Secret);
    await second.client.apply(secret('c', 'changed'));
    await expect.poll(() => informer.lister.list().map(({ metadata }) => metadata.name).sort()).toEqual(['a', 'c']);
    expect(await reencrypt({ store: second.get(Store), codec: second.get(ValueCodec), signal, deleteUnreadable: true })).toMatchObject({ unreadable: [{ key: at('b'), deleted: true }, { key: at('d'), deleted: true }] });
    await second.client.apply(secret('b', 'anew'));
    await expect.poll(() => informer.lister.list().map(({ metadata }) => metadata.name).sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('a key that is missing from the configuration', () => {
  it('makes no Secret look deleted: reading them fails and names the key', async () => {
    const first = await up([sqliteStore({ path: join(folder, 'state.db') }), encryption('one')]);
    await first.client.apply(secret('a'));
    await down(first);
    const second = await createOrchestrator({ plugins: [sqliteStore({ path: join(folder, 'state.db') }), encryption('two')] });
    running.push(second);
    const started = second.start().then(() => undefined, (error: Error) => error);
    await expect(second.client.kind(Secret).list()).rejects.toThrow(/encrypted with the key "one", which is not among the providers/);
    await second.stop();
    running.pop();
    await started;
  });
});
