import { type KubeObject, type KindDefinition, Node, Pod, Secret, ServiceAccount } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, NODE, ROOT } from '../test/cluster.js';

// Over HTTP, with RBAC.

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
let cluster: Cluster;
const issued: string[] = [];
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.client.apply([account('robot'), account('other'), { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }]);
});
afterAll(() => cluster.stop());

const account = (name: string): object => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } });
const podOf = (name: string, more: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'x' }], serviceAccountName: 'robot', nodeName: 'n1', ...more } }) as unknown as Pod;
const makePod = (name: string, more?: object): Promise<Pod> => cluster.client.kind(Pod).create(podOf(name, more));
const refOf = ({ kind, metadata: { name, uid } }: KubeObject): object => ({ apiVersion: 'v1', kind, name, uid });
const payloadOf = (token: string): any => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
async function tokenOf(name: string, spec: object = {}): Promise<string> {
  const { body } = await cluster.request(name, spec);
  issued.push(body.status.token);
  return body.status.token;
}

describe('a request for a token', () => {
  it('is answered in the words of Kubernetes', async () => {
    const { code, body } = await cluster.request('robot');
    expect([code, body]).toMatchObject([201, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name: 'robot', namespace: 'default', creationTimestamp: expect.any(String) }, spec: { audiences: [ISSUER], expirationSeconds: 3_600 } }]);
    const { metadata: { uid } } = await cluster.client.kind(ServiceAccount).get({ name: 'robot', namespace: 'default' });
    const claims = payloadOf(body.status.token);
    expect(claims).toEqual({
      iss: ISSUER, sub: 'system:serviceaccount:default:robot', aud: [ISSUER], iat: claims.iat, nbf: claims.iat, exp: claims.iat + 3_600, jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid } },
    });
    expect(Date.parse(body.status.expirationTimestamp)).toBe(claims.exp * 1_000);
    expect(await cluster.who(body.status.token)).toEqual({
      username: 'system:serviceaccount:default:robot', uid, groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'], extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] },
    });
  });

  it('is refused with the field that is wrong', async () => {
    const refused = async (spec: object, name = 'robot'): Promise<unknown> => {
      const { code, body } = await cluster.request(name, spec);
      return [code, body.reason, body.details?.causes?.[0]?.field ?? body.message];
    };
    expect(await refused({ expirationSeconds: 599 })).toEqual([422, 'Invalid', 'spec.expirationSeconds']);
    expect(await refused({ expirationSeconds: 2 ** 32 + 1 })).toEqual([422, 'Invalid', 'spec.expirationSeconds']);
    expect(await refused({ expirationSeconds: '600' })).toMatchObject([400, 'BadRequest', expect.stringContaining('TokenRequest.spec.expirationSeconds of type int64')]);
    expect(await refused({}, 'nobody')).toEqual([404, 'NotFound', 'serviceaccounts "nobody" not found']);
    expect(await refused({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'none' } })).toEqual([404, 'NotFound', 'pods "none" not found']);
    expect(await refused({ boundObjectRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } })).toEqual([400, 'BadRequest', 'cannot bind token to object of type apps/v1, Kind=Deployment']);
    const pod = await makePod('of-robot');
    expect(await refused({ boundObjectRef: { ...refOf(pod), uid: 'another' } })).toMatchObject([409, 'Conflict', expect.stringContaining('the UID in the bound object reference (another) does not match')]);
    expect(await refused({ boundObjectRef: refOf(pod) }, 'other')).toMatchObject([400, 'BadRequest', expect.stringContaining('cannot bind token for serviceaccount "other" to pod running with different')]);
    const named = await cluster.ask(ROOT, 'POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', { metadata: { name: 'other' } });
    expect(named.code).toBe(400);
  });

  it('can only be made', async () => {
    const path = '/api/v1/namespaces/default/serviceaccounts/robot/token';
    expect((await cluster.ask(ROOT, 'GET', path)).code).toBe(405);
    expect((await cluster.ask(ROOT, 'PUT', path, {})).code).toBe(405);
    expect((await cluster.request('robot', {}, { query: '?dryRun=All' })).body.status.token).toBe('');
  });

  it('is for who may make tokens', async () => {
    const own = await tokenOf('robot');
    expect(await cluster.request('robot', {}, { by: own })).toMatchObject({ code: 403, body: { message: expect.stringContaining('cannot create resource "serviceaccounts/token"') } });
  });

  it('of a node is for its pods', async () => {
    const [here, elsewhere] = [await makePod('here'), await makePod('elsewhere', { nodeName: 'n2' })];
    await expect.poll(async () => (await cluster.request('robot', { boundObjectRef: refOf(here) }, { by: NODE })).code).toBe(201);
    expect((await cluster.request('robot', { boundObjectRef: refOf(elsewhere) }, { by: NODE })).code).toBe(403);
    expect((await cluster.request('robot', {}, { by: NODE })).code).toBe(403);
    expect((await cluster.request('other', { boundObjectRef: refOf(here) }, { by: NODE })).code).toBe(403);
  });

  it('is in discovery and OpenAPI', async () => {
    const { resources } = (await cluster.ask(ROOT, 'GET', '/api/v1')).body;
    expect(resources.find(({ name }: any) => name === 'serviceaccounts/token')).toEqual({ name: 'serviceaccounts/token', singularName: '', namespaced: true, group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] });
    const { paths, components } = (await cluster.ask(ROOT, 'GET', '/openapi/v3/api/v1')).body;
    const at = paths['/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token'];
    expect([Object.keys(at), at.post['x-kubernetes-group-version-kind']]).toEqual([['post', 'parameters'], { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }]);
    expect(components.schemas['io.k8s.api.authentication.v1.TokenRequest'].properties.spec.properties).toHaveProperty('boundObjectRef');
  });
});

describe('a token', () => {
  it('ends with what it is bound to, at once', async () => {
    const pod = await makePod('short-lived');
    const secret = await cluster.client.kind(Secret).create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'short-lived', namespace: 'default' } } as Secret);
    const node = await cluster.client.kind(Node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n9' } } as Node);
    for (const [object, extra] of [[pod, 'pod-name'], [secret, undefined], [node, 'node-name']] as const) {
      const token = await tokenOf('robot', { boundObjectRef: refOf(object) });
      const who = await cluster.who(token) as { extra: Record<string, string[]> };
      if (extra !== undefined) expect(who.extra[`authentication.kubernetes.io/${extra}`]).toEqual([object.metadata.name]);
      const kind = (object.kind === 'Pod' ? Pod : object.kind === 'Node' ? Node : Secret) as unknown as KindDefinition;
      await cluster.client.kind(kind).delete({ name: object.metadata.name ?? '', namespace: object.metadata.namespace }, { gracePeriodSeconds: 0 });
      await expect.poll(() => cluster.who(token)).toBe(401);
    }
  });

  it('ends with its account, also when there is one of that name again', async () => {
    await cluster.client.apply(account('brief'));
    const token = await tokenOf('brief');
    expect(await cluster.who(token)).toMatchObject({ username: 'system:serviceaccount:default:brief' });
    await cluster.client.kind(ServiceAccount).delete({ name: 'brief', namespace: 'default' });
    await expect.poll(() => cluster.who(token)).toBe(401);
    await cluster.client.apply(account('brief'));
    expect(await cluster.who(token)).toBe(401);
    expect(await cluster.who(await tokenOf('brief'))).toMatchObject({ username: 'system:serviceaccount:default:brief' });
  });

  it('counts at once, before any cache knows of its account', async () => {
    for (let i = 0; i < 20; i += 1) {
      await cluster.client.apply(account(`new-${i}`));
      expect(await cluster.who(await tokenOf(`new-${i}`))).toMatchObject({ username: `system:serviceaccount:default:new-${i}` });
    }
  });

  it('says where its pod runs, and lives on in a pod that reads it once', async () => {
    const pod = await makePod('placed');
    const { 'kubernetes.io': own, exp, iat } = payloadOf(await tokenOf('robot', { expirationSeconds: 3_607, boundObjectRef: refOf(pod) }));
    expect(own).toMatchObject({ pod: { name: 'placed', uid: pod.metadata.uid }, node: { name: 'n1', uid: expect.any(String) }, warnafter: iat + 3_607 });
    expect(exp - iat).toBe(365 * 86_400);
    const { body } = await cluster.request('robot', { expirationSeconds: 3_607, boundObjectRef: refOf(pod) });
    expect(Date.parse(body.status.expirationTimestamp) / 1_000 - payloadOf(body.status.token).iat).toBe(3_607);
    for (const spec of [{ expirationSeconds: 3_607 }, { expirationSeconds: 3_607, audiences: ['vault'], boundObjectRef: refOf(pod) }]) {
      const other = payloadOf(await tokenOf('robot', spec));
      expect([other.exp - other.iat, other['kubernetes.io'].warnafter]).toEqual([3_607, undefined]);
    }
  });

  it('for others is no way in, and can be looked at by TokenReview', async () => {
    const token = await tokenOf('robot', { audiences: ['vault'] });
    expect(await cluster.who(token)).toBe(401);
    const review = async (spec: object): Promise<any> => (await cluster.ask(ROOT, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body.status;
    expect(await review({ token, audiences: ['vault', 'mail'] })).toMatchObject({ authenticated: true, audiences: ['vault'], user: { username: 'system:serviceaccount:default:robot' } });
    expect(await review({ token })).toMatchObject({ error: 'the token is meant for others' });
  });

  it('is in no log', () => {
    expect(issued.length).toBeGreaterThan(20);
    const text = cluster.logged.join('\n');
    for (const token of issued) expect([text.includes(token), text.includes(token.split('.')[2] ?? '')]).toEqual([false, false]);
  });
});

describe('the issuer', () => {
  it('tells how its tokens are checked, to who may know', async () => {
    expect((await cluster.ask(undefined, 'GET', '/openid/v1/jwks')).code).toBe(403);
    const { body } = await cluster.ask(ROOT, 'GET', '/.well-known/openid-configuration');
    expect(body).toEqual({ issuer: ISSUER, jwks_uri: `${ISSUER}/openid/v1/jwks`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] });
    const { createLocalJWKSet, jwtVerify } = await import('jose');
    const jwks = createLocalJWKSet((await cluster.ask(ROOT, 'GET', '/openid/v1/jwks')).body);
    expect((await jwtVerify(await tokenOf('robot'), jwks, { issuer: ISSUER, audience: ISSUER })).payload.sub).toBe('system:serviceaccount:default:robot');
    expect((await cluster.ask(ROOT, 'GET', '/')).body.paths).toEqual(expect.arrayContaining(['/.well-known/openid-configuration', '/openid/v1/jwks']));
  });
});
