import { gunzipSync } from 'node:zlib';
import { createServer } from 'node:http';
import { ApiError, defineKind, type Transport } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { TestServer } from './test/server.js';

// Requests and answers, over real sockets.

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, rest: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...rest }, data: { a: '1' } });
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const ask = (...args: Parameters<TestServer['ask']>): ReturnType<TestServer['ask']> => server.ask(...args);

describe('objects', () => {
  it('are created, read, replaced, patched and deleted', async () => {
    const created = await ask('POST', MAPS, { body: map('one') });
    expect(created).toMatchObject({ code: 201, body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'one', namespace: 'default' } } });
    expect(created.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ask('GET', `${MAPS}/one`)).toMatchObject({ code: 200, body: created.body });
    expect(await ask('PUT', `${MAPS}/one`, { body: { ...map('one'), data: { b: '2' } } })).toMatchObject({ code: 200, body: { data: { b: '2' } } });
    const patch = (type: string, body: unknown, query = '') => ask('PATCH', `${MAPS}/one${query}`, { body, headers: { 'content-type': type } });
    expect(await patch('application/merge-patch+json', { data: { c: '3' } })).toMatchObject({ code: 200, body: { data: { b: '2', c: '3' } } });
    expect(await patch('application/json-patch+json', [{ op: 'remove', path: '/data/b' }])).toMatchObject({ code: 200, body: { data: { c: '3' } } });
    expect(await patch('application/strategic-merge-patch+json; charset=utf-8', { data: { c: null, d: '4' } })).toMatchObject({ code: 200, body: { data: { d: '4' } } });
    expect(await patch('application/apply-patch+yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {d: "5"}', '?fieldManager=me&force=true')).toMatchObject({ code: 200, body: { data: { d: '5' } } });
    expect(await patch('application/apply-patch+yaml', map('one'))).toMatchObject({ code: 422, body: { reason: 'Invalid', message: expect.stringContaining('fieldManager: Required value') } });
    expect(await patch('application/merge-patch+json', {}, '?force=true')).toMatchObject({ code: 400 });
    expect(await patch('text/plain', 'x')).toMatchObject({ code: 415, body: { reason: 'UnsupportedMediaType' } });
    const gone = await ask('DELETE', `${MAPS}/one`);
    expect(gone).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success', details: { name: 'one', kind: 'configmaps', uid: created.body.metadata.uid } } });
    expect(await ask('GET', `${MAPS}/one`)).toMatchObject({ code: 404, body: { kind: 'Status', reason: 'NotFound', message: 'configmaps "one" not found', code: 404 } });
  });

  it('are by the program of the client when it names no manager', async () => {
    await ask('PATCH', `${MAPS}/managed?fieldManager=applier`, { body: map('managed'), headers: { 'content-type': 'application/apply-patch+yaml' } });
    const { body } = await ask('PATCH', `${MAPS}/managed`, { body: { data: { b: '2' } }, headers: { 'content-type': 'application/merge-patch+json', 'user-agent': 'kubectl-edit/v1.35 (linux)' } });
    expect(body.metadata.managedFields.map(({ manager }: any) => manager)).toEqual(['applier', 'kubectl-edit']);
  });

  it('stay until their finalizers are gone, and are answered as they then are', async () => {
    await ask('POST', MAPS, { body: map('held', { finalizers: ['example.com/x'] }) });
    expect(await ask('DELETE', `${MAPS}/held`)).toMatchObject({ code: 200, body: { kind: 'ConfigMap', metadata: { deletionTimestamp: expect.any(String) } } });
    expect(await ask('PATCH', `${MAPS}/held`, { body: { metadata: { finalizers: null } }, headers: { 'content-type': 'application/merge-patch+json' } })).toMatchObject({ code: 200 });
    expect((await ask('GET', `${MAPS}/held`)).code).toBe(404);
  });

  it('are deleted with options of the body or the query', async () => {
    await ask('POST', MAPS, { body: map('two') });
    const options = (body: object) => ask('DELETE', `${MAPS}/two`, { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...body } });
    expect(await options({ preconditions: { uid: 'other' } })).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
    expect(await options({ dryRun: ['All'] })).toMatchObject({ code: 200 });
    expect(await options({ propagationPolicy: 'Sideways' })).toMatchObject({ code: 400 });
    expect(await options({ orphanDependents: true, propagationPolicy: 'Orphan' })).toMatchObject({ code: 400 });
    expect(await options({ gracePeriodSeconds: 'soon' })).toMatchObject({ code: 400 });
    expect(await ask('DELETE', `${MAPS}/two?gracePeriodSeconds=-1`)).toMatchObject({ code: 400 });
    expect(await ask('DELETE', `${MAPS}/two?dryRun=All`)).toMatchObject({ code: 200 });
    expect((await ask('GET', `${MAPS}/two`)).code).toBe(200);
    expect(await ask('DELETE', `${MAPS}/two?propagationPolicy=Foreground`)).toMatchObject({ code: 200, body: { kind: 'ConfigMap', metadata: { finalizers: ['foregroundDeletion'] } } });
  });

  it('are deleted together by a selector', async () => {
    for (const name of ['x1', 'x2']) await ask('POST', MAPS, { body: map(name, { labels: { batch: 'x' } }) });
    const { body } = await ask('DELETE', `${MAPS}?labelSelector=batch%3Dx`);
    expect(body).toMatchObject({ kind: 'ConfigMapList', items: [{ metadata: { name: 'x1' } }, { metadata: { name: 'x2' } }] });
    expect((await ask('GET', `${MAPS}?labelSelector=batch%3Dx`)).body.items).toEqual([]);
  });

  it('change nothing on a dry run, and are checked for fields nobody knows', async () => {
    expect(await ask('POST', `${MAPS}?dryRun=All`, { body: map('dry') })).toMatchObject({ code: 201 });
    expect((await ask('GET', `${MAPS}/dry`)).code).toBe(404);
    expect(await ask('POST', `${MAPS}?dryRun=Some`, { body: map('dry') })).toMatchObject({ code: 422, body: { message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"' } });
    const odd = { ...map('odd'), dta: 1 };
    expect(await ask('POST', `${MAPS}?dryRun=All&fieldValidation=Strict`, { body: odd })).toMatchObject({ code: 400, body: { message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"' } });
    expect((await ask('POST', `${MAPS}?dryRun=All`, { body: odd })).headers.warning).toBe('299 - "unknown field \\"dta\\""');
    expect((await ask('POST', `${MAPS}?dryRun=All&fieldValidation=Ignore`, { body: odd })).headers.warning).toBeUndefined();
    expect(await ask('POST', `${MAPS}?fieldValidation=Hard`, { body: odd })).toMatchObject({ code: 422 });
  });

  it('must be what the path names', async () => {
    await ask('POST', MAPS, { body: map('three') });
    expect(await ask('PUT', `${MAPS}/three`, { body: map('four') })).toMatchObject({ code: 400, body: { message: 'the name of the object (four) does not match the name on the URL (three)' } });
    expect(await ask('PUT', `${MAPS}/three`, { body: map('three', { namespace: 'kube-system' }) })).toMatchObject({ code: 400 });
    expect(await ask('POST', MAPS, { body: { ...map('x'), kind: 'Secret' } })).toMatchObject({ code: 400 });
    expect(await ask('POST', MAPS, { body: map('x', { namespace: 'kube-system' }) })).toMatchObject({ code: 400 });
    expect(await ask('POST', MAPS)).toMatchObject({ code: 400 });
    const invalid = await ask('POST', MAPS, { body: map('Not_A_Name') });
    expect(invalid).toMatchObject({ code: 422, body: { reason: 'Invalid', details: { kind: 'ConfigMap', causes: [{ reason: 'FieldValueInvalid', field: 'metadata.name' }] } } });
  });

  it('have subresources', async () => {
    const PODS = '/api/v1/namespaces/default/pods';
    await ask('POST', PODS, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } };
    expect(await ask('POST', `${PODS}/p/binding`, { body: binding })).toMatchObject({ code: 201, body: { kind: 'Status', status: 'Success' } });
    expect(await ask('POST', `${PODS}/p/binding`, { body: binding })).toMatchObject({ code: 409, body: { message: expect.stringContaining('already assigned to node') } });
    expect(await ask('PATCH', `${PODS}/p/status`, { body: { status: { phase: 'Running' } }, headers: { 'content-type': 'application/merge-patch+json' } })).toMatchObject({ code: 200, body: { status: { phase: 'Running' } } });
    const debug = { spec: { ephemeralContainers: [{ name: 'd', image: 'i' }] } };
    expect(await ask('PATCH', `${PODS}/p/ephemeralcontainers`, { body: debug, headers: { 'content-type': 'application/strategic-merge-patch+json' } })).toMatchObject({ code: 200, body: { spec: { ephemeralContainers: [{ name: 'd' }] } } });
    expect(await ask('POST', `${PODS}/p/eviction`, { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } } })).toMatchObject({ code: 201, body: { kind: 'Status', status: 'Success' } });
    expect(await ask('DELETE', `${PODS}/p?gracePeriodSeconds=0`)).toMatchObject({ code: 200, body: { kind: 'Pod' } });
    const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    await ask('POST', DEPLOYMENTS, { body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } } });
    expect(await ask('PATCH', `${DEPLOYMENTS}/d/scale`, { body: { spec: { replicas: 5 } }, headers: { 'content-type': 'application/merge-patch+json' } })).toMatchObject({ code: 200, body: { kind: 'Scale', spec: { replicas: 5 } } });
    expect(await ask('GET', `${DEPLOYMENTS}/d/scale`, { headers: { accept: TABLE } })).toMatchObject({
      code: 200,
      body: { kind: 'Table', columnDefinitions: [{ name: 'Name' }, { name: 'Desired' }, { name: 'Available' }, { name: 'Age' }], rows: [{ cells: ['d', 5, 0, expect.any(String)] }] },
    });
    expect(await ask('GET', `${DEPLOYMENTS}/d/log`)).toMatchObject({ code: 404 });
    await ask('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short' }, spec: { finalizers: ['kubernetes'] } } });
    expect(await ask('DELETE', '/api/v1/namespaces/short')).toMatchObject({ code: 200, body: { kind: 'Namespace', status: { phase: 'Terminating' } } });
    expect(await ask('PUT', '/api/v1/namespaces/short/finalize', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short' }, spec: { finalizers: [] } } })).toMatchObject({ code: 200 });
    expect((await ask('GET', '/api/v1/namespaces/short')).code).toBe(404);
  });
});

describe('lists', () => {
  it('come in pages of one state', async () => {
    for (const name of ['l1', 'l2', 'l3']) await ask('POST', MAPS, { body: map(name, { labels: { list: 'y' } }) });
    const path = `${MAPS}?labelSelector=list%3Dy&limit=2`;
    const first = await ask('GET', path);
    expect(first.body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', items: [{ metadata: { name: 'l1' } }, { metadata: { name: 'l2' } }] });
    expect(first.body.items[0].kind).toBeUndefined();
    const next = `${path}&continue=${encodeURIComponent(first.body.metadata.continue)}`;
    const second = await ask('GET', next);
    expect(second.body).toMatchObject({ items: [{ metadata: { name: 'l3' } }], metadata: { resourceVersion: first.body.metadata.resourceVersion } });
    expect(await ask('GET', `${path}&continue=nonsense`)).toMatchObject({ code: 400 });
    expect(await ask('GET', `${MAPS}?limit=many`)).toMatchObject({ code: 400 });
    expect(await ask('GET', `${MAPS}?fieldSelector=data.a%3D1`)).toMatchObject({ code: 400 });
    expect(await ask('GET', `${MAPS}?resourceVersion=999999&resourceVersionMatch=NotOlderThan`)).toMatchObject({ code: 504, body: { reason: 'Timeout' } });
    expect(await ask('GET', `${MAPS}?resourceVersionMatch=Newest`)).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    expect((await ask('GET', '/api/v1/configmaps?labelSelector=list%3Dy')).body.items).toHaveLength(3);
  });

  it('are tables or metadata when that is wanted', async () => {
    const table = await ask('GET', `${MAPS}?labelSelector=list%3Dy`, { headers: { accept: TABLE } });
    expect(table.body).toMatchObject({ kind: 'Table', columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }], rows: [{ cells: ['l1', 1, expect.any(String)], object: { kind: 'PartialObjectMetadata' } }, {}, {}] });
    expect((await ask('GET', `${MAPS}/l1?includeObject=Object`, { headers: { accept: TABLE } })).body.rows[0].object).toMatchObject({ kind: 'ConfigMap', data: { a: '1' } });
    expect((await ask('GET', `${MAPS}/l1?includeObject=None`, { headers: { accept: TABLE } })).body.rows[0].object).toBeNull();
    const partial = (as: string) => ({ headers: { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` } });
    const { body } = await ask('GET', `${MAPS}?limit=1`, partial('PartialObjectMetadataList'));
    expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', items: [{ kind: 'PartialObjectMetadata' }] });
    expect(body.items[0].data).toBeUndefined();
    expect((await ask('GET', `${MAPS}/l1`, partial('PartialObjectMetadata'))).body).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: expect.objectContaining({ name: 'l1' }) });
  });

  it('are compressed when they are long', async () => {
    const data = { text: 'lorem ipsum '.repeat(10_000) };
    for (const name of ['big1', 'big2', 'big3']) await ask('POST', MAPS, { body: { ...map(name, { labels: { size: 'big' } }), data } });
    const path = `${MAPS}?labelSelector=size%3Dbig`;
    const plain = await ask('GET', path);
    expect(plain.body.items.map(({ metadata }: any) => metadata.name)).toEqual(['big1', 'big2', 'big3']);
    const raw = await new Promise<Buffer>((resolve, reject) => {
      const request = server.open({ path, headers: { authorization: `Bearer a-token-for-tests-0123456789`, 'accept-encoding': 'gzip' } });
      request.on('error', reject).end();
      request.on('response', (response) => {
        expect(response.headers['content-encoding']).toBe('gzip');
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
      });
    });
    expect(raw.length).toBeLessThan(plain.text.length / 10);
    expect(JSON.parse(gunzipSync(raw).toString())).toEqual(plain.body);
  });
});

describe('text', () => {
  it('is YAML when that is sent or wanted', async () => {
    const created = await ask('POST', MAPS, { body: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "on"\n', headers: { 'content-type': 'application/yaml', accept: 'application/yaml' } });
    expect(created).toMatchObject({ code: 201, headers: { 'content-type': 'application/yaml' } });
    expect(parse(created.text, { version: '1.1' })).toMatchObject({ kind: 'ConfigMap', data: { a: 'on' } });
    expect((await ask('POST', MAPS, { body: 'a: 1\n---\nb: 2\n', headers: { 'content-type': 'application/yaml' } })).body.message).toContain('2 documents');
  });

  it('is refused in what nobody reads or writes here', async () => {
    expect(await ask('POST', MAPS, { body: '{}', headers: { 'content-type': 'application/cbor' } })).toMatchObject({ code: 415, body: { reason: 'UnsupportedMediaType' } });
    expect(await ask('GET', MAPS, { headers: { accept: 'image/png' } })).toMatchObject({ code: 406, body: { reason: 'NotAcceptable' } });
    expect((await ask('GET', MAPS, { headers: { accept: 'application/vnd.kubernetes.protobuf, */*' } })).headers['content-type']).toBe('application/json');
    expect((await ask('GET', MAPS, { headers: { accept: 'application/json;q=0.1, application/yaml' } })).headers['content-type']).toBe('application/yaml');
  });
});

describe('paths', () => {
  it.each([
    ['GET', '/api/v1/namespaces/default/pds', 404],
    ['GET', '/api/v2/pods', 404],
    ['GET', '/apis/none/v1/pods', 404],
    ['GET', '/nothing', 404],
    ['GET', '/api/v1/pods/p', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/namespaces/default/pods/p/status/more', 404],
    ['POST', '/api/v1/configmaps', 405],
    ['DELETE', '/api/v1/configmaps', 405],
    ['DELETE', '/api/v1/namespaces', 405],
    ['DELETE', '/api/v1/namespaces/default/pods/p/status', 405],
    ['PATCH', MAPS, 405],
    ['HEAD', MAPS, 405],
    ['OPTIONS', `${MAPS}/x`, 405],
    ['POST', '/version', 405],
  ])('%s %s is %i', async (method, path, code) => {
    const answer = await ask(method, path);
    expect(answer.code).toBe(code);
    if (method !== 'HEAD') expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code });
  });
});

describe('a host', () => {
  it('has it in a server of its own, below a path', async () => {
    const mounted = await TestServer.start({ basePath: '/k8s' });
    const host = createServer((request, response) => (request.url?.startsWith('/k8s/') === true ? mounted.api.handle(request, response) : response.end('mine')));
    const port = await new Promise<number>((resolve) => host.listen(0, '127.0.0.1', () => resolve((host.address() as { port: number }).port)));
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: 'Bearer a-token-for-tests-0123456789' } })).text();
    expect(await get('/')).toBe('mine');
    expect(JSON.parse(await get('/k8s/api/v1/namespaces')).kind).toBe('NamespaceList');
    expect(JSON.parse(await get('/k8s/openapi/v3')).paths['api/v1'].serverRelativeURL).toMatch(/^\/k8s\/openapi\/v3\/api\/v1\?hash=/);
    host.closeAllConnections();
    await new Promise((resolve) => host.close(resolve));
    await mounted.stop();
  });

  it('serves kinds that are added while it runs', async () => {
    const path = '/apis/sky.example.com/v1/namespaces/default/comets';
    expect((await ask('GET', path)).code).toBe(404);
    await server.addKind(defineKind({ group: 'sky.example.com', version: 'v1', kind: 'Comet', spec: z.object({ tail: z.string().max(3) }) }) as never);
    expect(await ask('GET', path)).toMatchObject({ code: 200, body: { kind: 'CometList' } });
    expect(await ask('POST', path, { body: { metadata: { name: 'c' }, spec: { tail: 'too long' } } })).toMatchObject({ code: 422 });
    expect((await ask('GET', '/openapi/v3/apis/sky.example.com/v1')).body.components.schemas['com.example.sky.v1.Comet'].properties.spec.properties.tail).toMatchObject({ type: 'string' });
  });
});

describe('failures', () => {
  it('of the server say nothing of its insides, and refusals when to come again', async () => {
    const failure = { now: new Error('secret-inside') as unknown };
    const failing = await TestServer.start({ wrap: (inner): Transport => ({ request: () => Promise.reject(failure.now), watch: (...args) => inner.watch(...args) }) });
    const answer = await failing.ask('GET', MAPS);
    expect(answer).toMatchObject({ code: 500, body: { reason: 'InternalError' } });
    expect(answer.text).not.toContain('secret-inside');
    failure.now = new ApiError('TooManyRequests', 'later', { retryAfterSeconds: 7 });
    expect(await failing.ask('GET', MAPS)).toMatchObject({ code: 429, headers: { 'retry-after': '7' } });
    expect((await failing.ask('GET', '/readyz')).text).toContain('[-]objects failed: reason withheld');
    await failing.stop();
  });
});
