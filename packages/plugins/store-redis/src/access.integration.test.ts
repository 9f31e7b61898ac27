import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type RedisServer, requireParts, startRedis } from '@orrery/engines';
import { afterEach, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store.js';
import { put, watching } from './test/watching.js';

const parts = requireParts('redis-server', 'redis-cli', 'openssl');
const PASSWORD = 's3cret-p4ssword';

/** The rule that the package's page gives. */
function documentedRule(): string[] {
  const page = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const rule = /^ACL SETUSER orrery (.*)$/m.exec(page)?.[1];
  if (rule === undefined) throw new Error('the page gives no ACL rule');
  return rule.replace('<password>', PASSWORD).split(' ');
}

describe.skipIf(parts.missing)(`who may use Redis${parts.note}`, () => {
  let redis: RedisServer | undefined;
  afterEach(async () => {
    await redis?.stop();
  });

  it('the documented ACL rule is enough for everything, and every word of it is needed', async () => {
    redis = await startRedis();
    const rule = documentedRule();
    await redis.command('ACL', 'SETUSER', 'orrery', ...rule);
    const url = redis.url.replace('//', `//orrery:${PASSWORD}@`);
    await using store = await RedisStore.open({ url, bookmarkMs: 100, history: { maxAgeMs: 1_000 } });
    const watch = watching(store, 0);
    await watch.reached(0);
    for (let n = 1; n <= 5; n += 1) await put(store, `/k${n}`);
    await store.commit({ guards: [{ key: '/k1', modRevision: 1 }], writes: [{ key: '/k1', delete: true }, { key: '/k2', value: {} }] });
    expect((await store.range('/', { atRevision: 5 })).entries).toHaveLength(5);
    const lease = await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 });
    await lease?.renew(new AbortController().signal);
    expect((await store.commit({ guards: [{ lease: 'l', epoch: lease?.epoch ?? 0 }], writes: [{ key: '/k9', value: {} }] })).ok).toBe(true);
    await lease?.release();
    // Until history has been forgotten by age: then the tidying has been through all it does.
    await expect.poll(() => store.range('/', { atRevision: 5 }).catch((error: unknown) => (error as { code: string }).code), { timeout: 15_000 }).toBe('EXPIRED');
    await watch.reached(7);
    watch.stop();
    await put(store, '/last');
    for (let n = 0; n < 500; n += 1) await put(store, '/last');
    expect(await redis.command('ACL', 'LOG')).toBe('');
    const commands = rule.filter((word) => word.startsWith('+')).map((word) => word.slice(1));
    const used = await redis.command('INFO', 'commandstats');
    const unused = commands.filter((command) => !used.includes(`cmdstat_${command}:`) && command !== 'hello' && command !== 'cluster|slots' && command !== 'cluster|keyslot');
    expect(unused).toEqual([]);
  });

  it('a wrong password is refused with the reason, and nobody is told the password', async () => {
    redis = await startRedis();
    await redis.command('ACL', 'SETUSER', 'orrery', ...documentedRule());
    const problems: string[] = [];
    const store = new RedisStore({ url: redis.url, username: 'orrery', password: 'wr0ng-p4ssword', outcomeTimeoutMs: 500 }, { problem: (message) => problems.push(message) });
    const error: unknown = await store.get('/a').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(/WRONGPASS/) as string });
    await redis.command('ACL', 'SETUSER', 'orrery', '-evalsha');
    const denied: unknown = await RedisStore.open({ url: redis.url, username: 'orrery', password: PASSWORD, outcomeTimeoutMs: 500 }).catch((thrown: unknown) => thrown);
    expect(denied).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(/evalsha/) as string });
    const everything = inspect([store, error, denied, problems], { depth: 20, showHidden: true }) + JSON.stringify([error, denied]);
    expect(everything).not.toContain('wr0ng-p4ssword');
    expect(everything).not.toContain(PASSWORD);
    await store.close();
  });

  it('TLS with a certificate of both sides; without the authority it is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-tls-'));
    const ca = join(folder, 'ca');
    const openssl = (...args: readonly string[]): void => void execFileSync('openssl', [...args], { stdio: 'pipe' });
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${ca}.key`, '-out', `${ca}.crt`);
    const files = ['--tls-cert-file', `${ca}.crt`, '--tls-key-file', `${ca}.key`, '--tls-ca-cert-file', `${ca}.crt`];
    redis = await startRedis({ tls: true, args: files, cli: ['--tls', '--cacert', `${ca}.crt`, '--cert', `${ca}.crt`, '--key', `${ca}.key`] });
    const pem = { ca: readFileSync(`${ca}.crt`, 'utf8'), cert: readFileSync(`${ca}.crt`, 'utf8'), key: readFileSync(`${ca}.key`, 'utf8') };
    const url = redis.url.replace('redis:', 'rediss:');
    const store = await RedisStore.open({ url, tls: pem });
    expect(await put(store, '/a')).toBe(1);
    await store.close();
    await expect(RedisStore.open({ url, outcomeTimeoutMs: 500 })).rejects.toThrow(/certificate/);
    rmSync(folder, { recursive: true });
  });
});
