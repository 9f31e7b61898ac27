import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Authenticator, systemClock, systemRandom, type UserInfo } from '@orrery/core';
import { CertificateAuthority } from '@orrery/pki';
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { oidcAuthenticator } from './authenticator.js';
import { userOf } from './mapping.js';

// A provider over HTTPS, with keys that change.

let authority: CertificateAuthority;
let server: Server;
let issuer: string;
let asked: string[];
let answers: Map<string, { status: number; text: string }>;
type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
const keys = new Map<string, Key>();
const jwks: JWK[] = [];
async function addKey(kid: string): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  keys.set(kid, privateKey);
  jwks.push({ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' });
}
beforeAll(async () => {
  authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const { key, cert } = await authority.issue({ subject: { commonName: 'localhost' }, usages: ['server'], ipAddresses: ['127.0.0.1'] });
  server = createServer({ key, cert }, (request, response) => {
    asked.push(request.url ?? '');
    const { status, text } = answers.get(request.url ?? '') ?? { status: 404, text: '' };
    response.writeHead(status, { 'content-type': 'application/json', ...(status === 302 && { location: '/keys' }) }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}/realm`;
  await addKey('one');
});
afterAll(() => server.close());
const DISCOVERY = '/realm/.well-known/openid-configuration';
beforeEach(() => {
  asked = [];
  answers = new Map([[DISCOVERY, { status: 200, text: JSON.stringify({ issuer, jwks_uri: new URL('/keys', issuer).href }) }], ['/keys', { status: 200, text: JSON.stringify({ keys: jwks }) }]]);
});

const mapping = { usernameClaim: 'sub', usernamePrefix: 'idp#', groupsClaim: 'groups', groupsPrefix: 'idp:', requiredClaims: {} };
const authenticator = (more: object = {}): Authenticator => oidcAuthenticator({ issuer, audiences: ['kubectl'], algorithms: ['RS256'], ca: authority.certificate, ...mapping, ...more }, systemClock);
const who = async (token: string, of = authenticator()): Promise<UserInfo | undefined> => of.authenticate({ token });
const now = (): number => Math.floor(systemClock.now() / 1_000);
const tokenOf = (claims: object = {}, kid = 'one', key = keys.get(kid) as Key): Promise<string> =>
  new SignJWT({ iss: issuer, aud: 'kubectl', sub: 'anna', groups: ['team'], exp: now() + 60, ...claims }).setProtectedHeader({ alg: 'RS256', kid }).sign(key);

describe('a token of the provider', () => {
  it('stands for its user, and the provider is asked once', async () => {
    const one = authenticator();
    for (let i = 0; i < 3; i += 1) expect(await who(await tokenOf({ aud: ['other', 'kubectl'] }), one)).toEqual({ name: 'idp#anna', groups: ['idp:team'] });
    expect(asked).toEqual([DISCOVERY, '/keys']);
  });

  it('is refused when it is not good', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const bad = {
      expired: await tokenOf({ exp: now() - 60 }), endless: await tokenOf({ exp: undefined }), early: await tokenOf({ nbf: now() + 600 }), foreign: await tokenOf({ aud: 'other' }), forged: await tokenOf({}, 'one', privateKey),
      nameless: await tokenOf({ sub: undefined }), unsigned: `${new UnsecuredJWT({ iss: issuer, sub: 'anna', aud: 'kubectl', exp: now() + 60 }).encode()}AAAA`,
      secret: await new SignJWT({ iss: issuer, aud: 'kubectl', sub: 'anna', exp: now() + 60 }).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(Buffer.from(JSON.stringify(jwks[0]))),
    };
    const one = authenticator();
    for (const [name, token] of Object.entries(bad)) await expect(who(token, one), name).rejects.toThrow('the token is not valid');
  });

  it('says nothing when it is of another issuer, none, or asked for an audience', async () => {
    for (const token of [await tokenOf({ iss: 'https://evil.example' }), 'a.b.c', 'static-token-0123456789', await tokenOf({ x: 'y'.repeat(20_000) })]) expect(await who(token)).toBeUndefined();
    expect(await authenticator().authenticate({ token: await tokenOf(), audiences: ['kubectl'] })).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('a provider', () => {
  it.each([
    ['that names another issuer', () => ({ status: 200, text: JSON.stringify({ issuer: 'https://evil.example', jwks_uri: 'https://evil.example/keys' }) })],
    ['whose keys are not over HTTPS', () => ({ status: 200, text: JSON.stringify({ issuer, jwks_uri: 'http://127.0.0.1/keys' }) })],
    ['that sends elsewhere', () => ({ status: 302, text: '' })],
    ['that talks too much', () => ({ status: 200, text: 'x'.repeat(2_000_000) })],
    ['that is not well', () => ({ status: 500, text: '' })],
  ])('%s is not believed, and not asked each time', async (_, answer) => {
    answers.set(DISCOVERY, answer());
    const one = authenticator();
    for (let i = 0; i < 3; i += 1) await expect(who(await tokenOf(), one)).rejects.toThrow();
    expect(asked).toEqual([DISCOVERY]);
  });

  it('with a certificate of somebody else is not believed', async () => {
    const stranger = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
    await expect(who(await tokenOf(), authenticator({ ca: stranger.certificate }))).rejects.toThrow(/certificate|issuer/);
    expect(asked).toEqual([]);
  });
});

describe('claims', () => {
  const claims = { sub: 'anna', email: 'a@example.com', email_verified: true, groups: ['a'], hd: 'example.com' };
  it('become users', () => {
    expect(userOf(claims, { ...mapping, usernameClaim: 'email', usernamePrefix: '', requiredClaims: { hd: 'example.com' } })).toEqual({ name: 'a@example.com', groups: ['idp:a'] });
    expect(userOf({ ...claims, groups: 'single' }, mapping).groups).toEqual(['idp:single']);
    expect(userOf(claims, { ...mapping, groupsClaim: undefined }).groups).toEqual([]);
  });

  it.each([
    ['a required one that is another', claims, { requiredClaims: { hd: 'other.example' } }],
    ['an address that is not verified', { ...claims, email_verified: false }, { usernameClaim: 'email' }],
    ['a name that is none', { ...claims, sub: 1 }, {}],
    ['a name of the prototype', claims, { usernameClaim: 'constructor' }],
    ['a name of the server', { ...claims, sub: 'system:admin' }, { usernamePrefix: '' }],
    ['a group of the server', { ...claims, groups: ['system:masters'] }, { groupsPrefix: '' }],
    ['groups that are none', { ...claims, groups: [{}] }, {}],
    ['too many groups', { ...claims, groups: Array.from({ length: 1_001 }, () => 'g') }, {}],
  ])('%s is refused', (_, given, more) => {
    expect(() => userOf(given, { ...mapping, ...more })).toThrow();
  });
});
