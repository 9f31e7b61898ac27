import { builtinKinds } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doorKinds } from './door-kinds.js';
import { TestServer } from './test/server.js';

// What clients are told of the kinds.

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

/** As kubectl 1.35 asks. */
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
const get = (path: string, accept?: string) => server.ask('GET', path, accept === undefined ? {} : { headers: { accept } });
const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

describe('discovery', () => {
  it('is aggregated for who asks so', async () => {
    const core = await get('/api', AGGREGATED);
    expect(core.headers).toMatchObject({ 'content-type': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', vary: expect.stringContaining('Accept') });
    const { body } = { body: JSON.parse(core.text) };
    expect(body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', items: [{ metadata: {}, versions: [{ version: 'v1', freshness: 'Current' }] }] });
    const resources = body.items[0].versions[0].resources;
    expect(resources.find((one: any) => one.resource === 'pods')).toEqual({
      resource: 'pods',
      responseKind: { group: '', version: 'v1', kind: 'Pod' },
      scope: 'Namespaced',
      singularResource: 'pod',
      verbs: ALL,
      shortNames: ['po'],
      categories: ['all'],
      subresources: [
        { subresource: 'attach', responseKind: { group: '', version: '', kind: 'PodAttachOptions' }, verbs: ['create', 'get'] },
        { subresource: 'binding', responseKind: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] },
        { subresource: 'ephemeralcontainers', responseKind: { group: '', version: 'v1', kind: 'Pod' }, verbs: ['get', 'patch', 'update'] },
        { subresource: 'eviction', responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] },
        { subresource: 'exec', responseKind: { group: '', version: '', kind: 'PodExecOptions' }, verbs: ['create', 'get'] },
        { subresource: 'log', responseKind: { group: '', version: '', kind: 'Pod' }, verbs: ['get'] },
        { subresource: 'portforward', responseKind: { group: '', version: '', kind: 'PodPortForwardOptions' }, verbs: ['create', 'get'] },
        { subresource: 'proxy', responseKind: { group: '', version: '', kind: 'PodProxyOptions' }, verbs: ['create', 'delete', 'get', 'patch', 'update'] },
        { subresource: 'resize', responseKind: { group: '', version: 'v1', kind: 'Pod' }, verbs: ['get', 'patch', 'update'] },
        { subresource: 'status', responseKind: { group: '', version: 'v1', kind: 'Pod' }, verbs: ['get', 'patch', 'update'] },
      ],
    });
    expect(resources.find((one: any) => one.resource === 'nodes').scope).toBe('Cluster');
    const others = JSON.parse((await get('/apis', AGGREGATED)).text);
    expect(others.items.map(({ metadata }: any) => metadata.name)).toEqual(expect.arrayContaining(['apps', 'batch', 'policy', 'storage.k8s.io']));
    const served = [body, others].flatMap(({ items }) => items.flatMap(({ versions }: any) => versions.flatMap((one: any) => one.resources)));
    expect(served).toHaveLength(builtinKinds.length + doorKinds.length);
  });

  it('is a walk through documents for old clients', async () => {
    expect((await get('/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await get('/api', 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json')).body.kind).toBe('APIVersions');
    const { groups } = (await get('/apis')).body;
    expect(groups.find(({ name }: any) => name === 'apps')).toEqual({ name: 'apps', versions: [{ groupVersion: 'apps/v1', version: 'v1' }], preferredVersion: { groupVersion: 'apps/v1', version: 'v1' } });
    expect((await get('/apis/apps')).body).toMatchObject({ kind: 'APIGroup', name: 'apps' });
    const { resources } = (await get('/apis/apps/v1')).body;
    expect(resources.filter(({ name }: any) => name.startsWith('deployments'))).toEqual([
      { name: 'deployments', singularName: 'deployment', namespaced: true, kind: 'Deployment', verbs: ALL, shortNames: ['deploy'], categories: ['all'] },
      { name: 'deployments/scale', singularName: '', namespaced: true, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
      { name: 'deployments/status', singularName: '', namespaced: true, kind: 'Deployment', verbs: ['get', 'patch', 'update'] },
    ]);
    expect([(await get('/apis/nothing')).code, (await get('/apis/apps/v9')).code]).toEqual([404, 404]);
    expect((await get('/')).body.paths).toEqual(expect.arrayContaining(['/api/v1', '/apis/apps/v1', '/version']));
    expect((await get('/version')).body).toMatchObject({ major: '1', minor: '36', gitVersion: expect.stringMatching(/^v1\.36\.\d/) });
  });
});

describe('OpenAPI', () => {
  it('v3 has a document for each group version, whose address changes with it', async () => {
    const { paths } = (await get('/openapi/v3')).body;
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['api/v1', 'apis/apps/v1']));
    const url = paths['apis/apps/v1'].serverRelativeURL as string;
    const document = await get(url);
    const { schemas } = document.body.components;
    const deployment = schemas['io.k8s.api.apps.v1.Deployment'];
    expect(deployment['x-kubernetes-group-version-kind']).toEqual([{ group: 'apps', version: 'v1', kind: 'Deployment' }]);
    const { containers } = deployment.properties.spec.properties.template.properties.spec.properties;
    expect(containers).toMatchObject({ type: 'array', 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-list-map-keys': ['name'] });
    const { patch } = document.body.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
    // By this kubectl sees that the server checks fields itself.
    expect(patch.parameters.map(({ name }: any) => name)).toContain('fieldValidation');
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
    const { etag } = document.headers;
    expect(url).toContain(etag?.replaceAll('"', ''));
    expect(await server.ask('GET', url, { headers: { 'if-none-match': etag as string } })).toMatchObject({ code: 304, text: '' });
    expect((await get('/openapi/v3/apis/none/v1')).code).toBe(404);
  });

  it('v2 has all kinds, in words that Swagger knows', async () => {
    const { body } = await get('/openapi/v2');
    expect(Object.keys(body.definitions)).toHaveLength(builtinKinds.length + doorKinds.length);
    expect(body.swagger).toBe('2.0');
    expect(JSON.stringify(body)).not.toMatch(/"(anyOf|oneOf|nullable)":/);
    expect(body.definitions['io.k8s.api.core.v1.Service'].properties.spec.properties.ports.items.properties.targetPort).toMatchObject({ type: 'string', format: 'int-or-string' });
    const proto = await get('/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf');
    expect([proto.code, proto.headers['content-type']]).toEqual([200, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf']);
    expect(proto.text).toContain('io.k8s.api.apps.v1.Deployment');
    expect((await get('/openapi/v2', 'image/png')).code).toBe(404);
  });
});
