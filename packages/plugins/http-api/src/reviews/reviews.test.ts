import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Attributes } from '@orrery/core';
import { staticTokens } from '../authenticators.js';
import { everybodyKnown } from '../authorizer.js';
import { TestServer, TOKEN } from '../test/server.js';

// Questions that are answered at once.

const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const AUTHENTICATION = '/apis/authentication.k8s.io/v1';
const BEN = 'the-token-of-ben-0123456789';
const asked: Attributes[] = [];
let server: TestServer;
beforeAll(async () => {
  const authorizer = {
    authorize: (attributes: Attributes) => {
      asked.push(attributes);
      if (attributes.verb === 'fail') throw new Error('down');
      return { allowed: attributes.ref?.resource !== 'secrets', denied: attributes.ref?.name === 'never', reason: 'by a test' };
    },
    rules: { rulesFor: () => ({ rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }, { verbs: ['get'], nonResourceURLs: ['/version'] }], incomplete: false }) },
  };
  const strict = {
    name: 'strict',
    authenticate: ({ token, audiences }: { token?: string; audiences?: readonly string[] }) => {
      if (token === 'expired') throw new Error('the token is expired');
      return token === 'for-vault' && audiences?.includes('vault') === true ? { name: 'robot', groups: ['robots'], audiences: ['vault'] } : undefined;
    },
  };
  const tokens = staticTokens([{ token: TOKEN, user: 'anna', uid: '1', groups: ['team'] }, { token: BEN, user: 'ben' }]);
  server = await TestServer.start({ authorizer, authenticators: [tokens, strict] });
});
afterAll(() => server.stop());

const post = (path: string, body: unknown, query = '') => server.ask('POST', `${path}${query}`, { body });
const pods = { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'n', name: 'p', subresource: 'log' } };

describe('access reviews', () => {
  it('answer for who asks', async () => {
    const answer = await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: pods });
    expect(answer).toMatchObject({ code: 201, body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {}, spec: pods, status: { allowed: true, reason: 'by a test' } } });
    expect(asked.at(-1)).toEqual({ user: { name: 'anna', uid: '1', groups: ['team', 'system:authenticated'] }, verb: 'get', ref: { group: '', version: '', resource: 'pods', namespace: 'n', name: 'p', subresource: 'log' } });
    await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { nonResourceAttributes: { path: '/metrics', verb: 'get' } } }, '?dryRun=All');
    expect(asked.at(-1)).toMatchObject({ verb: 'get', path: '/metrics' });
  });

  it('answer for others, in the words of authorizers', async () => {
    const spec = { user: 'ben', groups: ['g'], extra: { a: ['b'] }, resourceAttributes: { verb: 'list', resource: 'secrets' } };
    expect((await post(`${AUTHORIZATION}/subjectaccessreviews`, { spec })).body.status).toEqual({ allowed: false, reason: 'by a test' });
    expect(asked.at(-1)?.user).toEqual({ name: 'ben', groups: ['g'], extra: { a: ['b'] } });
    expect((await post(`${AUTHORIZATION}/subjectaccessreviews`, { spec: { user: 'x', resourceAttributes: { name: 'never' } } })).body.status).toEqual({ allowed: false, denied: true, reason: 'by a test' });
    const local = { user: 'ben', resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'n' } };
    expect((await post(`${AUTHORIZATION}/namespaces/n/localsubjectaccessreviews`, { metadata: { namespace: 'n' }, spec: local })).body.status.allowed).toBe(true);
    expect((await post(`${AUTHORIZATION}/namespaces/other/localsubjectaccessreviews`, { spec: local })).body).toMatchObject({ code: 422, message: expect.stringContaining('spec.resourceAttributes.namespace: Invalid value: "n": must match metadata.namespace') });
    expect((await post(`${AUTHORIZATION}/subjectaccessreviews`, { spec: { user: 'x', resourceAttributes: { verb: 'fail' } } })).code).toBe(500);
  });

  it('pass on selectors', async () => {
    const ask = async (resourceAttributes: object) => (await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { resourceAttributes } })).code;
    expect(await ask({ verb: 'list', resource: 'pods', fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] }, labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b'] }] } })).toBe(201);
    expect(asked.at(-1)?.selection).toEqual({ fieldSelector: 'spec.nodeName=n1', labelSelector: 'a in (b)' });
    expect(await ask({ fieldSelector: { rawSelector: 'a=b' } })).toBe(201);
    expect(asked.at(-1)?.selection).toEqual({ fieldSelector: 'a=b' });
    expect(await ask({ fieldSelector: {} })).toBe(422);
    expect(await ask({ labelSelector: { requirements: [{ key: 'a', operator: 'Like' }] } })).toBe(422);
  });

  it('say what is wrong with them', async () => {
    const message = async (kind: string, body: object) => (await post(`${AUTHORIZATION}/${kind}`, body)).body;
    expect(await message('selfsubjectaccessreviews', { spec: {} })).toMatchObject({ code: 422, reason: 'Invalid', details: { kind: 'SelfSubjectAccessReview', causes: [{ field: 'spec.resourceAttributes' }] } });
    expect(await message('selfsubjectaccessreviews', { spec: { ...pods, nonResourceAttributes: { path: '/' } } })).toMatchObject({ details: { causes: [{ field: 'spec.nonResourceAttributes' }] } });
    expect(await message('subjectaccessreviews', { spec: pods })).toMatchObject({ details: { causes: [{ field: 'spec.user' }] } });
    expect(await message('selfsubjectaccessreviews', { metadata: { name: 'x' }, spec: pods })).toMatchObject({ details: { causes: [{ field: 'metadata' }] } });
    expect(await message('selfsubjectaccessreviews', { spec: { resourceAttributes: { verb: 1 } } })).toMatchObject({ code: 400 });
    expect(await message('selfsubjectaccessreviews', { kind: 'SubjectAccessReview', spec: pods })).toMatchObject({ code: 400 });
    expect((await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { ...pods, x: 1 } }, '?fieldValidation=Strict')).body.message).toBe('strict decoding error: unknown field "spec.x"');
    expect((await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { ...pods, x: 1 } })).headers.warning).toContain('unknown field');
    expect((await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: pods }, '?dryRun=Some')).code).toBe(422);
  });

  it('list rules', async () => {
    expect((await post(`${AUTHORIZATION}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } })).body.status).toEqual({
      resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/version'] }], incomplete: false,
    });
    expect(await post(`${AUTHORIZATION}/selfsubjectrulesreviews`, { spec: {} })).toMatchObject({ code: 400, body: { message: 'no namespace on request' } });
    expect(everybodyKnown.rules?.rulesFor({ name: 'x', groups: ['system:authenticated'] }, 'n')).toMatchObject({ rules: [{ resources: ['*'] }, { nonResourceURLs: ['*'] }] });
  });
});

describe('who one is', () => {
  it('is told', async () => {
    const { code, body } = await post(`${AUTHENTICATION}/selfsubjectreviews`, {});
    expect([code, body.status, Object.keys(body.metadata)]).toEqual([201, { userInfo: { username: 'anna', uid: '1', groups: ['team', 'system:authenticated'] } }, ['creationTimestamp']]);
    const impersonated = await server.ask('POST', `${AUTHENTICATION}/selfsubjectreviews`, { body: {}, headers: { 'impersonate-user': 'ben' } });
    expect(impersonated.body.status.userInfo).toEqual({ username: 'ben', groups: ['system:authenticated'] });
  });

  it('is told of tokens', async () => {
    const status = async (spec: object) => (await post(`${AUTHENTICATION}/tokenreviews`, { spec })).body.status;
    expect(await status({ token: BEN })).toEqual({ authenticated: true, user: { username: 'ben', groups: ['system:authenticated'] } });
    expect(await status({ token: 'nobody' })).toEqual({ user: {} });
    expect(await status({ token: 'expired' })).toEqual({ user: {}, error: 'the token is expired' });
    expect(await status({ token: 'for-vault', audiences: ['vault', 'other'] })).toEqual({ authenticated: true, user: { username: 'robot', groups: ['robots', 'system:authenticated'] }, audiences: ['vault'] });
    expect(await status({ token: 'for-vault' })).toEqual({ user: {} });
    expect((await post(`${AUTHENTICATION}/tokenreviews`, { spec: {} })).code).toBe(400);
    expect((await server.ask('GET', '/version', { token: 'expired' })).body).toMatchObject({ code: 401, message: 'Unauthorized' });
  });
});

describe('reviews', () => {
  it('can only be asked for', async () => {
    expect((await server.ask('GET', `${AUTHORIZATION}/selfsubjectaccessreviews`)).code).toBe(405);
    expect((await server.ask('DELETE', `${AUTHORIZATION}/selfsubjectaccessreviews`)).code).toBe(405);
    expect((await server.ask('GET', `${AUTHORIZATION}/selfsubjectaccessreviews/x`)).code).toBe(404);
    expect((await server.ask('POST', `${AUTHORIZATION}/selfsubjectaccessreviews/x/status`, { body: {} })).code).toBe(404);
    expect((await server.ask('POST', `${AUTHORIZATION}/localsubjectaccessreviews`, { body: {} })).code).toBe(405);
  });

  it('are told of in discovery and OpenAPI', async () => {
    const { resources } = (await server.ask('GET', AUTHORIZATION)).body;
    expect(resources.map(({ name, namespaced, verbs }: any) => [name, namespaced, verbs])).toEqual([
      ['localsubjectaccessreviews', true, ['create']],
      ['selfsubjectaccessreviews', false, ['create']],
      ['selfsubjectrulesreviews', false, ['create']],
      ['subjectaccessreviews', false, ['create']],
    ]);
    const { paths, components } = (await server.ask('GET', '/openapi/v3/apis/authentication.k8s.io/v1')).body;
    expect(Object.entries(paths).map(([path, operations]) => [path, Object.keys(operations as object)])).toEqual([
      [`${AUTHENTICATION}/selfsubjectreviews`, ['post', 'parameters']],
      [`${AUTHENTICATION}/tokenreviews`, ['post', 'parameters']],
    ]);
    expect(components.schemas['io.k8s.api.authentication.v1.TokenReview'].properties.spec.properties).toHaveProperty('token');
  });
});
