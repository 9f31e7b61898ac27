import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newKey, readOrMakeKeys } from './key-file.js';
import { KeyRing } from './key-ring.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file of keys', () => {
  it('is made once, whoever comes, and read by its owner alone', async () => {
    const file = join(folder, 'deep/sa.pem');
    const all = await Promise.all(Array.from({ length: 8 }, () => readOrMakeKeys(file, systemRandom)));
    expect(new Set(all)).toEqual(new Set([readFileSync(file, 'utf8')]));
    expect([statSync(file).mode & 0o777, readdirSync(join(folder, 'deep'))]).toEqual([0o600, ['sa.pem']]);
    chmodSync(file, 0o640);
    await expect(readOrMakeKeys(file, systemRandom)).rejects.toThrow('its mode must be 0600');
  });
});

describe('a ring of keys', () => {
  const publicOf = (pem: string): string => createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();

  it('signs with the first private one, and knows all', () => {
    const [old, next] = [newKey(), newKey()];
    const ring = new KeyRing([publicOf(old) + next, old]);
    expect(ring.signingId).toBe(new KeyRing([next]).signingId);
    expect(ring.jwks().map(({ kid }) => kid).sort()).toEqual([new KeyRing([old]).signingId, ring.signingId].sort());
    expect(ring.publicKey(new KeyRing([old]).signingId)?.type).toBe('public');
    expect([ring.publicKey(undefined), ring.publicKey('constructor')]).toEqual([undefined, undefined]);
  });

  it('tells others of no secrets', () => {
    for (const jwk of new KeyRing([newKey()]).jwks()) expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it('refuses what is no key for it, without repeating it', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const broken = newKey().replace(/\n[^-]{10}/, '\nAAAAAAAAAA');
    expect(() => new KeyRing([rsa])).toThrow('Key 1 must be an ECDSA key on P-256');
    expect(() => new KeyRing([newKey(), p384])).toThrow('Key 2 must be an ECDSA key on P-256');
    expect(() => new KeyRing([broken])).toThrow(/^Key 1 cannot be read\. \[INVALID\]/);
    expect(() => new KeyRing([publicOf(newKey())])).toThrow('One private key (PEM) at least');
    expect(() => new KeyRing(['nothing'])).toThrow('One private key');
  });
});
