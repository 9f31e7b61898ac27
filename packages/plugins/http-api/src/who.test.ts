import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { silentLogger } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientCertificates, staticTokens } from './authenticators.js';
import type { Attributes, Authorizer } from './authorizer.js';
import { HttpApi } from './http-api.js';
import { Listener } from './listener.js';
import { TestAuthority } from './test/certificates.js';
import { TestServer, TOKEN } from './test/server.js';

// Who asks, and what they may do.

const MAPS = '/api/v1/namespaces/default/configmaps';

describe('tokens', () => {
  it('are known by their whole text only, and are kept as hashes', async () => {
    const authenticator = staticTokens([
      { token: 'token-of-anna-0123456789', user: 'anna', uid: '7', groups: ['team'] },
      { token: 'token-of-ben-00123456789', user: 'ben' },
    ]);
    expect(await authenticator.authenticate({ token: 'token-of-anna-0123456789' })).toEqual({ name: 'anna', uid: '7', groups: ['team'] });
    expect(await authenticator.authenticate({ token: 'token-of-ben-00123456789' })).toEqual({ name: 'ben', groups: [] });
    for (const token of ['', 'token-of-anna', 'token-of-anna-0123456789 ', 'TOKEN-OF-ANNA-0123456789']) expect(await authenticator.authenticate({ token })).toBeUndefined();
    expect(await authenticator.authenticate({})).toBeUndefined();
    expect(JSON.stringify(authenticator)).not.toContain('token-of');
  });

  it('let in, and nothing else does', async () => {
    const server = await TestServer.start();
    const code = async (authorization?: string): Promise<number> => (await server.ask('GET', MAPS, { token: null, ...(authorization !== undefined && { headers: { authorization } }) })).code;
    expect(await code(`Bearer ${TOKEN}`)).toBe(200);
    expect(await code(`bearer   ${TOKEN}`)).toBe(200);
    for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer wrong', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} more`]) expect(await code(header)).toBe(401);
    expect(await server.ask('GET', '/healthz', { token: null })).toMatchObject({ code: 401 });
    await server.stop();
  });
});

describe('clients without credentials', () => {
  it('see only health and version where they are let in', async () => {
    const server = await TestServer.start({ anonymous: true });
    const code = async (path: string, token: string | null = null): Promise<number> => (await server.ask('GET', path, { token })).code;
    expect([await code('/healthz'), await code('/livez'), await code('/readyz'), await code('/version')]).toEqual([200, 200, 200, 200]);
    expect([await code(MAPS), await code('/api'), await code('/openapi/v3'), await code('/apis/apps/v1')]).toEqual([403, 403, 403, 403]);
    expect(await code('/healthz', 'a-token-nobody-gave-out')).toBe(401);
    expect((await server.ask('GET', '/api', { token: null })).body.message).toBe('forbidden: User "system:anonymous" cannot get path "/api"');
    await server.stop();
  });
});

describe('an authorizer', () => {
  it('is asked for everything, in the words of Kubernetes', async () => {
    const asked: Attributes[] = [];
    let allows = (_attributes: Attributes): boolean => true;
    const authorizer: Authorizer = { authorize: (attributes) => (asked.push(attributes), { allowed: allows(attributes), reason: 'no' }) };
    const server = await TestServer.start({ authorizer });
    const calls: [method: string, path: string, verb: string][] = [
      ['GET', MAPS, 'list'],
      ['GET', `${MAPS}?watch=1&timeoutSeconds=1`, 'watch'],
      ['GET', `${MAPS}/a`, 'get'],
      ['POST', MAPS, 'create'],
      ['PUT', `${MAPS}/a`, 'update'],
      ['PATCH', `${MAPS}/a`, 'patch'],
      ['DELETE', `${MAPS}/a`, 'delete'],
      ['DELETE', MAPS, 'deletecollection'],
      ['POST', '/api/v1/namespaces/default/pods/p/eviction', 'create'],
    ];
    for (const [method, path, verb] of calls) {
      await server.ask(method, path);
      const last = asked.pop() as Attributes;
      expect([last.verb, last.user]).toEqual([verb, { name: 'anna', groups: ['team', 'system:authenticated'] }]);
    }
    await server.ask('GET', '/api/v1/namespaces/default/pods/p/status');
    expect(asked.pop()).toMatchObject({ verb: 'get', ref: { group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'p', subresource: 'status' } });
    await server.ask('GET', '/apis/apps/v1');
    expect(asked.pop()).toMatchObject({ verb: 'get', path: '/apis/apps/v1' });

    allows = () => false;
    expect(await server.ask('GET', '/apis/apps/v1/deployments')).toMatchObject({ code: 403, body: { reason: 'Forbidden', message: 'deployments.apps is forbidden: User "anna" cannot list resource "deployments" in API group "apps" at the cluster scope: no' } });
    expect((await server.ask('GET', '/api/v1/namespaces/default/pods/p/status')).body).toMatchObject({ message: 'pods "p" is forbidden: User "anna" cannot get resource "pods/status" in API group "" in the namespace "default": no', details: { name: 'p', kind: 'pods' } });
    expect((await server.ask('POST', MAPS, { body: { metadata: { name: 'x' } } })).code).toBe(403);
    await server.stop();
  });

  it('is asked with one way of writing each path', async () => {
    const paths: unknown[] = [];
    const server = await TestServer.start({ basePath: '/k8s', authorizer: { authorize: ({ path }) => (paths.push(path), { allowed: true }) } });
    for (const path of ['/k8s/apis/apps/v1', '/k8s/apis/%61pps/v1/', '/k8s/apis/apps/', '/k8s/api/v1/', '/k8s/%61pi', '/k8s/version/', '/k8s/']) await server.ask('GET', path);
    expect(paths).toEqual(['/apis/apps/v1', '/apis/apps/v1', '/apis/apps', '/api/v1', '/api', '/version', '/']);
    await server.stop();
  });

  it('that lets do nothing keeps also from telling what there is', async () => {
    const server = await TestServer.start({ authorizer: { authorize: () => ({ allowed: false }) } });
    const known = ['/api/v1/secrets', MAPS, `${MAPS}/a`, `${MAPS}/a/status`];
    const unknown = ['/api/v1/nothings', '/apis/example.com/v1/things', '/api/v1/namespaces/default/nodes', '/api/v1/configmaps/a', '/apis/nothing', '/apis/apps/v2', '/nowhere'];
    for (const path of [...known, ...unknown]) for (const method of ['GET', 'DELETE']) expect([path, method, (await server.ask(method, path)).code]).toEqual([path, method, 403]);
    expect((await server.ask('DELETE', '/api/v1/namespaces')).code).toBe(403);
    await server.stop();
  });

  it('that does not answer is not waited for without end', async () => {
    const server = await TestServer.start({ authorizer: { authorize: () => new Promise(() => {}) }, limits: { answerMs: 50 } });
    expect((await server.ask('GET', MAPS)).code).toBe(504);
    expect((await server.ask('GET', '/version')).code).toBe(504);
    await server.stop();
  });

  it('that lets only patch keeps an apply from making anything', async () => {
    const authorizer: Authorizer = { authorize: ({ verb, user }) => ({ allowed: verb !== 'create' || user.name === 'root' }) };
    const root = 'the-token-of-root-0123456789';
    const server = await TestServer.start({ authorizer, authenticators: [staticTokens([{ token: TOKEN, user: 'anna' }, { token: root, user: 'root' }])] });
    const apply = (token: string) => server.ask('PATCH', `${MAPS}/a?fieldManager=${token.slice(0, 5)}`, { token, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, headers: { 'content-type': 'application/apply-patch+yaml' } });
    expect(await apply(TOKEN)).toMatchObject({ code: 403, body: { message: expect.stringContaining('cannot create') } });
    expect((await server.ask('GET', `${MAPS}/a`)).code).toBe(404);
    expect((await apply(root)).code).toBe(201);
    expect((await apply(TOKEN)).code).toBe(200);
    await server.stop();
  });

  it('that fails lets nobody in', async () => {
    const server = await TestServer.start({ authorizer: { authorize: () => Promise.reject(new Error('down')) } });
    expect((await server.ask('GET', MAPS)).code).toBe(500);
    await server.stop();
  });
});

it('pages of other sites cannot change anything, whatever their browser shows', async () => {
  const server = await TestServer.start({ anonymous: true, authorizer: { authorize: () => ({ allowed: true }) } });
  const ask = (method: string, site: string) => server.ask(method, MAPS, { token: null, body: { metadata: { name: `by-${site}` } }, headers: { 'sec-fetch-site': site, origin: 'https://elsewhere.example' } });
  for (const site of ['cross-site', 'same-site']) {
    expect(await ask('POST', site)).toMatchObject({ code: 403, body: { reason: 'Forbidden' } });
    expect((await ask('DELETE', site)).code).toBe(403);
    const { code, headers } = await ask('GET', site);
    expect([code, headers['access-control-allow-origin'], headers['x-content-type-options']]).toEqual([200, undefined, 'nosniff']);
  }
  expect((await ask('POST', 'same-origin')).code).toBe(201);
  expect((await server.ask('OPTIONS', MAPS, { token: null })).code).toBe(405);
  await server.stop();
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return true;
  } catch (error) {
    if (process.env.ORRERY_REQUIRE === 'all') throw error;
    console.warn('skipped: certificates need openssl');
    return false;
  }
}

describe.skipIf(!hasOpenssl())('certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-certificates-'));
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let server: TestServer;
  let listener: Listener;
  let port = 0;
  const users: unknown[] = [];
  beforeAll(async () => {
    authority = new TestAuthority(folder);
    stranger = new TestAuthority(folder, 'stranger');
    const authenticators = [clientCertificates(), staticTokens([{ token: TOKEN, user: 'anna' }])];
    server = await TestServer.start();
    const api = new HttpApi({ ...server.api.options, authenticators, authorizer: { authorize: ({ user }) => (users.push(user), { allowed: true }) } });
    listener = new Listener(api, { ...authority.server(), clientCa: authority.certificate }, api.limits, silentLogger);
    port = (await listener.listen({ host: '127.0.0.1', port: 0 })).port;
  });
  afterAll(async () => {
    await listener.close(Promise.resolve());
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = (identity: { key: string; cert: string } | undefined, token?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: MAPS, ca: authority.certificate, agent: false, ...identity, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
      httpsRequest(options, (response) => (response.resume(), resolve(response.statusCode ?? 0))).on('error', reject).end();
    });

  it('name a user and groups', async () => {
    expect(await get(authority.issue('ben', '/O=team/O=ops/CN=ben'))).toBe(200);
    expect(users.pop()).toEqual({ name: 'ben', groups: ['team', 'ops', 'system:authenticated'] });
  });

  it('let in as long as they are good, also on a connection that was opened before', async () => {
    let ahead = 0;
    const { clock } = server.api.options;
    const api = new HttpApi({ ...server.api.options, clock: { now: () => clock.now() + ahead, monotonic: () => clock.monotonic(), timer: (ms, fire) => clock.timer(ms, fire), sleep: (ms, signal) => clock.sleep(ms, signal) }, authenticators: [clientCertificates()] });
    const own = new Listener(api, { ...authority.server(), clientCa: authority.certificate }, api.limits, silentLogger);
    const at = (await own.listen({ host: '127.0.0.1', port: 0 })).port;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.certificate, ...authority.issue('dora', '/CN=dora') });
    const ask = (): Promise<[number, boolean]> =>
      new Promise((resolve, reject) => {
        const request = httpsRequest({ host: '127.0.0.1', port: at, path: MAPS, agent }, (response) => response.resume().on('end', () => resolve([response.statusCode ?? 0, request.reusedSocket]))).on('error', reject);
        request.end();
      });
    expect(await ask()).toEqual([200, false]);
    expect(await ask()).toEqual([200, true]);
    ahead = 3 * 86_400_000;
    expect(await ask()).toEqual([401, true]);
    agent.destroy();
    await own.close(api.drain());
  });

  it('of somebody else let nobody in, but do not keep out who has a token', async () => {
    const forged = stranger.issue('forged', '/O=system:masters/CN=ben');
    expect(await get(forged)).toBe(401);
    expect(await get(undefined)).toBe(401);
    expect(await get(forged, TOKEN)).toBe(200);
    expect(users.pop()).toMatchObject({ name: 'anna' });
  });

  it('with no name or two let nobody in', async () => {
    expect(await get(authority.issue('none', '/O=team'))).toBe(401);
    expect(await get(authority.issue('two', '/CN=ben/CN=root'))).toBe(401);
  });
});
