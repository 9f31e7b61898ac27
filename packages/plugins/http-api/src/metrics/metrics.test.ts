import type { MetricsSource } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../test/server.js';

const METRICS = '/apis/metrics.k8s.io/v1beta1';
const at = Date.UTC(2026, 0, 1);
let server: TestServer;
let uid = '';
const sources: MetricsSource[] = [];

beforeAll(async () => {
  server = await TestServer.start({ metrics: { items: () => sources } });
  for (const name of ['n1', 'n2']) await server.ask('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { zone: name } } } });
  for (const name of ['a', 'b']) {
    const { body } = await server.ask('POST', '/api/v1/namespaces/default/pods', { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'x' }] } } });
    if (name === 'a') uid = body.metadata.uid;
  }
  const pod = (timestamp: number, cpuMillis: number, of = uid): ReturnType<MetricsSource['pods']>[number] => ({ namespace: 'default', name: 'a', uid: of, timestamp, windowMs: 15_000, containers: [{ name: 'main', cpuMillis, memoryBytes: 2_000_000 }, { name: 'side', memoryBytes: 1_000 }] });
  sources.push({ nodes: () => [{ name: 'n1', timestamp: at, windowMs: 10_500, cpuMillis: 119.2, memoryBytes: 2 ** 30 }], pods: () => [pod(at - 15_000, 999), pod(at, 1, 'another-of-that-name')] });
  sources.push({ nodes: () => [], pods: () => [pod(at, 12)] });
});
afterAll(() => server.stop());

describe('what is measured', () => {
  it('is told of nodes in the form of metrics-server', async () => {
    const { body } = await server.ask('GET', `${METRICS}/nodes`);
    expect(body).toEqual({
      kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {},
      items: [{ metadata: { name: 'n1', labels: { zone: 'n1' }, creationTimestamp: '2026-01-01T00:00:00Z' }, timestamp: '2026-01-01T00:00:00Z', window: '10.5s', usage: { cpu: '120m', memory: '1048576Ki' } }],
    });
    expect((await server.ask('GET', `${METRICS}/nodes/n1`)).body).toMatchObject({ kind: 'NodeMetrics', usage: { cpu: '120m' } });
    expect(await server.ask('GET', `${METRICS}/nodes/n2`)).toMatchObject({ code: 404, body: { message: 'nodemetrics.metrics.k8s.io "n2" not found' } });
    expect((await server.ask('GET', `${METRICS}/nodes/none`)).code).toBe(404);
  });

  it('is told of pods that are there, by the newest sample of this very pod', async () => {
    const { body } = await server.ask('GET', `${METRICS}/namespaces/default/pods`);
    expect(body.items).toHaveLength(1);
    expect(body.items[0]).toMatchObject({ metadata: { name: 'a', namespace: 'default', labels: { app: 'a' } }, timestamp: '2026-01-01T00:00:00Z', window: '15s', containers: [{ name: 'main', usage: { cpu: '12m', memory: '1954Ki' } }, { name: 'side', usage: { memory: '1Ki' } }] });
    expect((await server.ask('GET', `${METRICS}/pods?labelSelector=app%3Db`)).body.items).toEqual([]);
    expect((await server.ask('GET', `${METRICS}/pods?labelSelector=app%3Da`)).body.items).toHaveLength(1);
    expect((await server.ask('GET', `${METRICS}/namespaces/default/pods/a`)).body).toMatchObject({ kind: 'PodMetrics' });
    expect(await server.ask('GET', `${METRICS}/namespaces/default/pods/b`)).toMatchObject({ code: 404, body: { message: 'podmetrics.metrics.k8s.io "default/b" not found' } });
  });

  it('is a table for who wants one, and in the documents', async () => {
    const { body } = await server.ask('GET', `${METRICS}/namespaces/default/pods`, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(['Name', 'CPU', 'Memory', 'Window', 'Age']);
    expect(body.rows[0].cells.slice(0, 4)).toEqual(['a', '12m', '1955Ki', '15s']);
    expect((await server.ask('GET', METRICS)).body.resources).toEqual([expect.objectContaining({ name: 'nodes', kind: 'NodeMetrics', verbs: ['get', 'list'] }), expect.objectContaining({ name: 'pods', kind: 'PodMetrics', verbs: ['get', 'list'] })]);
    const { paths } = (await server.ask('GET', `/openapi/v3${METRICS}`)).body;
    expect(Object.entries(paths).map(([path, operations]) => [path, Object.keys(operations as object).filter((key) => key !== 'parameters')])).toEqual([
      [`${METRICS}/nodes`, ['get']], [`${METRICS}/nodes/{name}`, ['get']], [`${METRICS}/namespaces/{namespace}/pods`, ['get']], [`${METRICS}/namespaces/{namespace}/pods/{name}`, ['get']],
    ]);
  });

  it('can only be looked at', async () => {
    for (const [method, path] of [['POST', `${METRICS}/nodes`], ['PUT', `${METRICS}/nodes/n1`], ['DELETE', `${METRICS}/nodes/n1`], ['GET', `${METRICS}/nodes?watch=true`]] as const) {
      expect((await server.ask(method, path, method === 'GET' || method === 'DELETE' ? {} : { body: {} })).code).toBe(405);
    }
  });
});
