import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { systemClock, type UserInfo } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { newKey } from '../keys/key-file.js';
import { KeyRing } from '../keys/key-ring.js';
import { serviceAccountAuthenticator, VerifiedTokens } from './authenticator.js';
import { claimsOf, payloadOf, type TokenClaims, userOf } from './claims.js';
import { signToken } from './signing.js';

// Tokens as an attacker would make them.

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const START = Date.UTC(2026, 0, 1);
const pem = newKey();
const keys = new KeyRing([pem]);
let clock: VirtualClock;
let gone: boolean;
let authenticate: (token: string, audiences?: readonly string[]) => Promise<UserInfo | undefined>;
beforeEach(() => {
  clock = new VirtualClock(START);
  gone = false;
  const living = { check: async () => { if (gone) throw new Error('gone'); } };
  const authenticator = serviceAccountAuthenticator(() => ({ keys, issuer: ISSUER, clock, audiences: [ISSUER], living }));
  authenticate = async (token, audiences) => authenticator.authenticate({ token, ...(audiences && { audiences }) });
});

const NOW = START / 1_000;
const claims: TokenClaims = { namespace: 'default', account: { name: 'robot', uid: 'u1' }, audiences: [ISSUER], id: 'j1', issuedAt: NOW, expires: NOW + 3_600 };
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const body = (more: object = {}): Record<string, unknown> => ({ ...payloadOf(ISSUER, claims), ...more });
/** Signed in whatever way, with whatever header. */
function made(header: object, payload: unknown, signer: (input: Buffer) => Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`;
}
const es256 = (key: string) => (input: Buffer): Buffer => sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
const good = { alg: 'ES256', kid: keys.signingId };
const foreign = newKey();

describe('a token', () => {
  it('that was issued counts', async () => {
    expect(await authenticate(await signToken(claims, { keys, issuer: ISSUER }))).toMatchObject({ name: 'system:serviceaccount:default:robot', uid: 'u1', groups: ['system:serviceaccounts', 'system:serviceaccounts:default'], audiences: [ISSUER] });
    expect(await authenticate(made(good, body(), es256(pem)))).toBeDefined();
  });

  const publicPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hs256 = (secret: string | Buffer) => (input: Buffer): Buffer => createHmac('sha256', secret).update(input).digest();
  it.each([
    ['without a signature', made({ ...good, alg: 'none' }, body(), () => Buffer.from('x'))],
    ['signed with the public key as a secret', made({ ...good, alg: 'HS256' }, body(), hs256(publicPem))],
    ['signed with the public key, in binary', made({ ...good, alg: 'HS256' }, body(), hs256(createPublicKey(pem).export({ type: 'spki', format: 'der' })))],
    ['signed by another key under the name of ours', made(good, body(), es256(foreign))],
    ['signed by a key that is not known', made({ ...good, kid: new KeyRing([foreign]).signingId }, body(), es256(foreign))],
    ['without the name of a key', made({ alg: 'ES256' }, body(), es256(pem))],
    ['with a path for the name of a key', made({ ...good, kid: '../../../etc/passwd' }, body(), es256(foreign))],
    ['with a prototype for the name of a key', made({ ...good, kid: '__proto__' }, body(), es256(foreign))],
    ['that brings its own key', made({ alg: 'ES256', jwk: createPublicKey(foreign).export({ format: 'jwk' }), jku: 'https://evil.example/jwks' }, body(), es256(foreign))],
    ['in another algorithm', made({ ...good, alg: 'RS256' }, body(), (input) => sign('sha256', input, rsa.privateKey))],
    ['with demands that are not known', made({ ...good, crit: ['x'], x: 1 }, body(), es256(pem))],
    ['that has expired', made(good, body({ exp: NOW - 1 }), es256(pem))],
    ['that never expires', made(good, body({ exp: undefined }), es256(pem))],
    ['that expires in words', made(good, body({ exp: 'never' }), es256(pem))],
    ['that is not good yet', made(good, body({ nbf: NOW + 60 }), es256(pem))],
    ['for others', made(good, body({ aud: ['vault'] }), es256(pem))],
    ['for nobody', made(good, body({ aud: [] }), es256(pem))],
    ['of another account than it says', made(good, body({ sub: 'system:serviceaccount:kube-system:admin' }), es256(pem))],
    ['of an administrator', made(good, body({ sub: 'system:masters', 'kubernetes.io': undefined }), es256(pem))],
    ['with an account of no uid', made(good, body({ 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot' } } }), es256(pem))],
    ['with a payload that was changed', (() => { const [h, , s] = made(good, body(), es256(pem)).split('.'); return `${h}.${encoded(body({ sub: 'system:serviceaccount:default:root' }))}.${s}`; })()],
    ['with the signature left out', `${encoded(good)}.${encoded(body())}.AA`],
  ])('%s is refused', async (_, token) => {
    await expect(authenticate(token)).rejects.toThrow(/^the token/);
  });

  it.each([
    ['of another issuer', made(good, body({ iss: 'https://evil.example' }), es256(pem))],
    ['that is none', 'a.b.c'],
    ['of a list', `${encoded(good)}.${encoded([1])}.AAAA`],
    ['that is huge', made(good, body({ x: 'y'.repeat(20_000) }), es256(pem))],
    ['in four parts', `${made(good, body(), es256(pem))}.AAAA`],
    ['in other letters', `${made(good, body(), es256(pem))}=`],
    ['that is empty', ''],
    ['of a static file', 'a-static-token-0123456789'],
  ])('%s says nothing', async (_, token) => {
    expect(await authenticate(token)).toBeUndefined();
  });

  it('in which one letter is changed is never good', async () => {
    const token = await signToken(claims, { keys, issuer: ISSUER });
    const decoded = (text: string): string => text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex')).join('.');
    await fc.assert(fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'ABab01-_.'), async (at, letter) => {
      const changed = `${token.slice(0, at)}${letter}${token.slice(at + 1)}`;
      // The last letter of a part has bits that stand for nothing.
      fc.pre(decoded(changed) !== decoded(token));
      expect(await authenticate(changed).catch(() => undefined)).toBeUndefined();
    }), { numRuns: 300 });
  });

  it('does not tell in a refusal what was in it', async () => {
    const token = made(good, body({ exp: NOW - 1, jti: 'hush' }), es256(pem));
    const error = await authenticate(token).catch((reason: unknown) => reason as Error);
    expect(String(error)).not.toMatch(/hush|eyJ/);
  });

  it('is good for those it is meant for', async () => {
    const token = made(good, body({ aud: ['vault', 'mail'] }), es256(pem));
    await expect(authenticate(token)).rejects.toThrow('meant for others');
    expect(await authenticate(token, ['mail', 'other'])).toMatchObject({ audiences: ['mail'] });
    await expect(authenticate(token, [])).rejects.toThrow('meant for others');
  });

  it('is looked at again each time, whatever is remembered', async () => {
    const token = await signToken(claims, { keys, issuer: ISSUER });
    expect(await authenticate(token)).toBeDefined();
    gone = true;
    await expect(authenticate(token)).rejects.toThrow('gone');
    gone = false;
    expect(await authenticate(token)).toBeDefined();
    await clock.advance(3_600_000);
    await expect(authenticate(token)).rejects.toThrow(/^the token is not valid: "exp"/);
  });
});

describe('what is remembered', () => {
  it('is bounded, never what was refused, and never beyond its time', async () => {
    const known = new VerifiedTokens(clock, 2);
    let checks = 0;
    const of = (token: string, expires: number): Promise<TokenClaims> => known.of(token, async () => ((checks += 1), { ...claims, expires }));
    for (const token of ['a', 'a', 'b', 'c', 'b', 'a']) await of(token, NOW + 10);
    expect([checks, known.count]).toEqual([4, 2]);
    await clock.advance(10_000);
    await of('a', NOW + 10);
    expect(checks).toBe(5);
    const refused = new VerifiedTokens(systemClock);
    await expect(refused.of('x', async () => { throw new Error('no'); })).rejects.toThrow('no');
    expect(refused.count).toBe(0);
  });
});

describe('claims', () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,20}$/);
  const named = fc.record({ name, uid: name });
  it('come back as they were, whatever a token is bound to', () => {
    const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
    fc.assert(fc.property(name, named, maybe(named), maybe(named), maybe(named), maybe(fc.nat()), fc.array(name, { minLength: 1, maxLength: 5 }), (namespace, account, pod, secret, node, warnAfter, audiences) => {
      const all = { namespace, account, ...(pod && { pod }), ...(secret && { secret }), ...(node && { node }), ...(warnAfter !== undefined && { warnAfter }), audiences, id: 'j', issuedAt: 1, expires: 2 };
      expect(claimsOf(JSON.parse(JSON.stringify(payloadOf(ISSUER, all))))).toEqual(all);
    }));
  });

  it('say to others what they are bound to', () => {
    expect(userOf({ ...claims, pod: { name: 'p', uid: 'pu' }, node: { name: 'n1', uid: 'nu' } }).extra).toEqual({
      'authentication.kubernetes.io/credential-id': ['JTI=j1'], 'authentication.kubernetes.io/node-name': ['n1'], 'authentication.kubernetes.io/node-uid': ['nu'],
      'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': ['pu'],
    });
  });
});
