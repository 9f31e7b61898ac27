import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { OrreryError, type StoredValue, systemRandom } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EncryptionCodec } from './encryption-codec.js';
import { seal } from './key-encryption.js';

const secret = (): string => randomBytes(32).toString('base64');
const KEY = '/registry/core/secrets/default/db';
const [one, two] = [secret(), secret()];
const aesgcm = (name: string, key: string) => ({ aesgcm: { name, secret: key } });
const codecOf = (...providers: ConstructorParameters<typeof EncryptionCodec>[0]['resources'][number]['providers']) => new EncryptionCodec({ resources: [{ resources: ['secrets'], providers }] });
const value = { kind: 'Secret', data: { password: 'correct horse battery' } };
const at = <T>(result: T | Promise<T>): T => {
  if (result instanceof Promise) throw new Error('expected an answer at once');
  return result;
};
const thrown = (work: () => unknown): OrreryError => {
  try {
    work();
  } catch (error) {
    if (OrreryError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a value', () => {
  it('comes back as it was, whatever it is, and never looks the same twice', () => {
    const codec = codecOf(aesgcm('one', one));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (any) => {
        const plain = JSON.parse(JSON.stringify(any)) as StoredValue;
        const [first, second] = [at(codec.encode(KEY, plain)), at(codec.encode(KEY, plain))];
        expect(first['data']).not.toBe(second['data']);
        expect(at(codec.decode(KEY, JSON.parse(JSON.stringify(first)) as StoredValue))).toEqual(plain);
      }),
    );
    const stored = at(codec.encode(KEY, value));
    expect(JSON.stringify(stored)).not.toMatch(/correct|password|Secret/);
    expect(stored).toMatchObject({ $encrypted: 'aes-256-gcm/v1', key: 'one' });
    expect(Object.isFrozen((at(codec.decode(KEY, stored)) as typeof value).data)).toBe(true);
  });

  it('is refused when any byte of it was changed, naming both keys and showing nothing', () => {
    const codec = codecOf(aesgcm('one', one));
    const stored = at(codec.encode(KEY, value)) as Record<string, string>;
    for (const field of ['data', 'dataKey'] as const) {
      const bytes = Buffer.from(stored[field] as string, 'base64');
      for (let i = 0; i < bytes.length; i += 1) {
        const changed = Buffer.from(bytes);
        changed[i] = (changed[i] as number) ^ 1;
        const error = thrown(() => codec.decode(KEY, { ...stored, [field]: changed.toString('base64') }));
        expect(error.code).toBe('UNREADABLE');
        expect(error.details).toEqual({ key: KEY, encryptionKey: 'one' });
        expect(`${error.message} ${inspect(error)}`).not.toMatch(/correct|password/);
      }
    }
    for (const odd of [{ ...stored, data: '' }, { ...stored, $encrypted: 'aes-256-gcm/v9' }, { $encrypted: true }, { ...stored, dataKey: 7 }]) {
      expect(thrown(() => codec.decode(KEY, odd as StoredValue)).code).toBe('UNREADABLE');
    }
  });

  it('does not decrypt under another key of the store, or with a data key of another name', () => {
    const codec = codecOf(aesgcm('one', one), aesgcm('two', one));
    const stored = at(codec.encode(KEY, value));
    expect(thrown(() => codec.decode('/registry/core/secrets/default/other', stored)).code).toBe('UNREADABLE');
    expect(thrown(() => codec.decode(KEY, { ...stored, key: 'two' })).code).toBe('UNREADABLE');
  });

  it('of a key that is not configured says which one, as something that is missing and not as damage', () => {
    const stored = at(codecOf(aesgcm('one', one)).encode(KEY, value));
    const error = thrown(() => codecOf(aesgcm('two', two)).decode(KEY, stored));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toMatch(/\/registry\/core\/secrets\/default\/db.*key "one".*not among the providers/);
    // The right name with the wrong bytes is damage, or a mistake that looks like it.
    expect(thrown(() => codecOf(aesgcm('one', two)).decode(KEY, stored)).code).toBe('UNREADABLE');
  });
});

describe('providers', () => {
  it('the first writes, all read, identity keeps and reads plain values', () => {
    const old = codecOf(aesgcm('one', one), { identity: {} });
    const stored = at(old.encode(KEY, value));
    const rotated = codecOf(aesgcm('two', two), aesgcm('one', one), { identity: {} });
    for (const kept of [stored, value]) {
      expect(at(rotated.decode(KEY, kept))).toEqual(value);
      expect(rotated.isCurrent(KEY, kept)).toBe(false);
    }
    expect(rotated.isCurrent(KEY, at(rotated.encode(KEY, value)))).toBe(true);
    const off = codecOf({ identity: {} }, aesgcm('one', one));
    expect(off.encode(KEY, value)).toBe(value);
    expect(off.isCurrent(KEY, value)).toBe(true);
    expect(at(off.decode(KEY, stored))).toEqual(value);
    expect(thrown(() => codecOf(aesgcm('one', one)).decode(KEY, value)).message).toMatch(/not encrypted, and "identity" is not among the providers/);
    expect(thrown(() => off.encode(KEY, { $encrypted: 'x' })).code).toBe('INVALID');
  });

  it('are found by resource, the first entry that names it; what none names is kept as it is', () => {
    const providers = [aesgcm('one', one)];
    const entry = (...resources: string[]) => ({ resources, providers });
    const encrypts = (codec: EncryptionCodec, key: string): boolean => '$encrypted' in at(codec.encode(key, value));
    const keys = { secret: KEY, deployment: '/registry/apps/deployments/default/web', own: '/registry/example.com/secrets/default/x', claim: '/claims/a', node: '/registry/core/nodes/n' };
    const matrix: [string, (keyof typeof keys)[]][] = [
      ['secrets', ['secret']],
      ['deployments.apps', ['deployment']],
      ['*.apps', ['deployment']],
      ['*.', ['secret', 'node']],
      ['secrets.*', ['secret', 'own']],
      ['*.*', ['secret', 'deployment', 'own', 'claim', 'node']],
    ];
    for (const [pattern, wanted] of matrix) {
      const codec = new EncryptionCodec({ resources: [entry(pattern)] });
      expect(Object.entries(keys).filter(([, key]) => encrypts(codec, key)).map(([name]) => name), pattern).toEqual(wanted.toSorted((a, b) => Object.keys(keys).indexOf(a) - Object.keys(keys).indexOf(b)));
    }
    const masked = new EncryptionCodec({ resources: [{ resources: ['nodes'], providers: [{ identity: {} }] }, entry('*.*')] });
    expect([encrypts(masked, keys.node), encrypts(masked, keys.secret)]).toEqual([false, true]);
  });

  it('take keys of exactly 32 bytes, from a text or from a file that only its owner can read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-keys-'));
    try {
      const file = join(folder, 'key');
      writeFileSync(file, `${one}\n`, { mode: 0o600 });
      expect(at(codecOf({ aesgcm: { name: 'one', file } }).decode(KEY, at(codecOf(aesgcm('one', one)).encode(KEY, value))))).toEqual(value);
      chmodSync(file, 0o640);
      expect(thrown(() => codecOf({ aesgcm: { name: 'one', file } })).message).toMatch(/other users can read.*OPTIONS_INVALID/);
      expect(thrown(() => codecOf({ aesgcm: { name: 'one', file: join(folder, 'none') } })).message).toMatch(/cannot be read.*ENOENT/);
      expect(thrown(() => codecOf({ aesgcm: { name: 'one', file, secret: one } })).message).toMatch(/either "secret" or "file"/);
      for (const bad of ['', 'x', randomBytes(16).toString('base64'), randomBytes(33).toString('base64'), one.slice(0, -1), `${one}!`]) {
        const error = thrown(() => codecOf(aesgcm('one', bad)));
        expect(error.message).toMatch(/"one" must be exactly 32 bytes in base64/);
        if (bad.length > 1) expect(error.message).not.toContain(bad);
      }
      expect(thrown(() => codecOf(aesgcm('one', one), aesgcm('one', two))).message).toMatch(/given twice with different content/);
      expect(() => codecOf(aesgcm('one', one), aesgcm('one', one))).not.toThrow();
      expect(inspect(codecOf(aesgcm('one', one)), { depth: 9, showHidden: true })).not.toContain(one);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('make a new data key after so many values, and one a process', () => {
    const options = { resources: [{ resources: ['secrets'], providers: [aesgcm('one', one)] }], valuesPerDataKey: 10 };
    const dataKeys = (): unknown[] => {
      const codec = new EncryptionCodec(options);
      return Array.from({ length: 35 }, () => at(codec.encode(KEY, value))['dataKey']);
    };
    const [first, second] = [dataKeys(), dataKeys()];
    expect(new Set(first).size).toBe(4);
    expect(new Set(first.slice(10, 20)).size).toBe(1);
    expect(new Set([...first, ...second]).size).toBe(8);
  });
});

describe('a key service', () => {
  const service = () => {
    const calls = { wrap: 0, unwrap: 0, fail: undefined as Error | undefined, hang: false };
    const answer = async (what: 'wrap' | 'unwrap', bytes: Uint8Array): Promise<Uint8Array> => {
      calls[what] += 1;
      if (calls.hang) await new Promise(() => {});
      if (calls.fail !== undefined) throw calls.fail;
      return bytes.map((byte) => byte ^ 0x5a);
    };
    return { calls, kms: { name: 'remote', wrap: (bytes: Uint8Array) => answer('wrap', bytes), unwrap: (bytes: Uint8Array) => answer('unwrap', bytes) } };
  };

  it('is asked once for a data key, not once a value, however many come at once', async () => {
    const { calls, kms } = service();
    const codec = codecOf({ kms });
    const stored = await Promise.all(Array.from({ length: 50 }, async () => codec.encode(KEY, value)));
    const reader = codecOf({ kms });
    for (const one of stored) expect(await reader.decode(KEY, one)).toEqual(value);
    expect(calls).toMatchObject({ wrap: 1, unwrap: 1 });
  });

  it('is asked once for many values that are read at the same time, and again after a failure', async () => {
    const { calls, kms } = service();
    const codec = codecOf({ kms });
    const stored = await Promise.all(Array.from({ length: 50 }, async () => codec.encode(KEY, value)));
    const reader = codecOf({ kms });
    const readAll = () => Promise.allSettled(stored.map(async (one) => reader.decode(KEY, one)));
    calls.fail = new Error('away');
    expect(new Set((await readAll()).map(({ status }) => status))).toEqual(new Set(['rejected']));
    calls.fail = undefined;
    expect(await readAll()).toEqual(stored.map(() => ({ status: 'fulfilled', value })));
    expect(calls).toMatchObject({ wrap: 1, unwrap: 2 });
  });

  it('that fails or hangs makes it UNAVAILABLE, naming the service, and the next call works', async () => {
    const { calls, kms } = service();
    const clock = new VirtualClock();
    const codec = new EncryptionCodec({ resources: [{ resources: ['secrets'], providers: [{ kms }] }] }, { clock });
    calls.fail = new Error('throttled');
    await expect(codec.encode(KEY, value)).rejects.toThrow(/key service "remote" could not wrap a data key: throttled.*UNAVAILABLE/);
    calls.fail = undefined;
    calls.hang = true;
    const hanging = expect(codec.encode(KEY, value)).rejects.toThrow(/did not answer in 3000 ms.*UNAVAILABLE/);
    await clock.advance(3_000);
    await hanging;
    calls.hang = false;
    const stored = await codec.encode(KEY, value);
    const reader = codecOf({ kms });
    calls.fail = new Error('no route');
    await expect(reader.decode(KEY, stored)).rejects.toThrow(/could not unwrap.*UNAVAILABLE/);
    calls.fail = new OrreryError('UNREADABLE', 'not mine');
    await expect(reader.decode(KEY, stored)).rejects.toThrow(/cannot be decrypted with the key "remote".*UNREADABLE/);
    calls.fail = undefined;
    expect(await reader.decode(KEY, stored)).toEqual(value);
  });
});

describe('seal', () => {
  it('uses a fresh nonce each time', async () => {
    const { createSecretKey } = await import('node:crypto');
    const key = createSecretKey(randomBytes(32));
    const nonces = new Set(Array.from({ length: 1_000 }, () => seal(key, Buffer.from('x'), 'y', systemRandom).subarray(0, 12).toString('hex')));
    expect(nonces.size).toBe(1_000);
  });
});
