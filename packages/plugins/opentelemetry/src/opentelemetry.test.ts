import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, Pod, silentLogger, type SpanRecord, stepOf, systemClock, traceOf } from '@orrery/core';
import { httpApi } from '@orrery/http-api';
import { nodeAgent } from '@orrery/node-agent';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { openTelemetry, SpanExporter } from './index.js';

const TOKEN = 'anna-has-this-token-0123456789';

interface Received {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

const undo: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A collector; what it does with what comes is in the hands of the test. */
async function collector(answer: (request: IncomingMessage, response: ServerResponse, spans: Received[]) => void): Promise<{ readonly url: string; readonly spans: Received[]; readonly requests: () => number }> {
  const spans: Received[] = [];
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests += 1;
    answer(request, response, spans);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, requests: () => requests };
}

const takes = async (request: IncomingMessage, response: ServerResponse, spans: Received[]): Promise<void> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  expect([request.method, request.url, request.headers['content-type']]).toEqual(['POST', '/v1/traces', 'application/json']);
  for (const { resource, scopeSpans } of (JSON.parse(text) as { resourceSpans: { resource: { attributes: { key: string; value: { stringValue: string } }[] }; scopeSpans: { spans: Received[] }[] }[] }).resourceSpans) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    for (const { spans: own } of scopeSpans) spans.push(...own.map((span) => ({ ...span, service })));
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
};

async function start(endpoint: string, options: Partial<Parameters<typeof openTelemetry>[0]> = {}): Promise<{ readonly orchestrator: Orchestrator; readonly url: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-traces-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  let url = '';
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      scheduler(),
      simulatedRuntime({ behaviour: () => ({ startDelayMs: 5 }) }),
      nodeAgent({ rootDir: folder, name: 'n1', capacity: { cpu: '8', memory: '8Gi', pods: '100' }, prober: { probe: async () => ({ ok: true, message: '' }) } }),
      httpApi({ port: 0, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) }),
      openTelemetry({ endpoint, delaySeconds: 0.05, ...options }),
    ],
  });
  await orchestrator.start();
  undo.push(() => orchestrator.stop());
  return { orchestrator, url };
}

const podOf = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'x:1' }] } });
async function create(url: string, name: string, headers: Record<string, string> = {}): Promise<Pod> {
  const answer = await fetch(`${url}/api/v1/namespaces/default/pods`, { method: 'POST', body: JSON.stringify(podOf(name)), headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers } });
  expect(answer.status).toBe(201);
  return (await answer.json()) as Pod;
}
const running = (orchestrator: Orchestrator, name: string) => expect.poll(async () => (await orchestrator.client.kind(Pod).get({ namespace: 'default', name })).status?.phase, { timeout: 10_000 }).toBe('Running');

describe('the way of a pod', () => {
  it('is one trace, from its request until it runs', async () => {
    const { url: endpoint, spans } = await collector((...given) => void takes(...given));
    const { orchestrator, url } = await start(endpoint);
    const [traceId, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const pod = await create(url, 'web', { traceparent: `00-${traceId}-${parent}-01` });
    const uid = pod.metadata.uid ?? '';
    await running(orchestrator, 'web');
    await expect.poll(() => spans.find((span) => span.spanId === stepOf(uid, 'object').spanId), { timeout: 10_000 }).toBeDefined();
    const request = spans.find((span) => span.traceId === traceId);
    expect(request).toMatchObject({ service: 'kube-apiserver', parentSpanId: parent, name: 'create', links: [stepOf(uid, 'object')] });
    const own = spans.filter((span) => span.traceId === traceOf(uid));
    const id = (step: string): string => stepOf(uid, step).spanId;
    const tree = own.map(({ service, name, spanId, parentSpanId }) => [service, name, spanId, parentSpanId]);
    expect(tree).toEqual(
      expect.arrayContaining([
        ['kubelet', 'Pod', id('object'), undefined],
        ['kube-apiserver', 'create', id('create'), id('object')],
        ['kube-scheduler', 'schedule', id('schedule/1'), id('object')],
        ['kube-scheduler', 'bind', id('bind'), id('schedule/1')],
        ['kubelet', 'sync pod', id('sync'), id('bind')],
        ['kubelet', 'run sandbox', id('sandbox'), id('sync')],
        ['kubelet', 'pull image', id('pull/main'), id('sync')],
        ['kubelet', 'start container', id('start/main/0'), id('sync')],
      ]),
    );
    expect(own).toHaveLength(8);
    expect(traceOf(uid)).toBe(uid.replaceAll('-', ''));
    expect(own.find(({ name }) => name === 'create')?.links).toEqual([{ traceId, spanId: request?.spanId }]);
    // One after another, as milliseconds tell it.
    const at = (name: string, which: 'startTimeUnixNano' | 'endTimeUnixNano' = 'startTimeUnixNano'): bigint => BigInt(own.find((span) => span.name === name)?.[which] ?? 0);
    const starts = ['Pod', 'create', 'schedule', 'bind', 'run sandbox', 'pull image', 'start container'].map((name) => at(name));
    expect([...starts].sort((a, b) => Number(a - b))).toEqual(starts);
    for (const name of ['run sandbox', 'pull image', 'start container']) expect(at(name, 'endTimeUnixNano')).toBeLessThanOrEqual(at('sync pod', 'endTimeUnixNano'));
    // Requests of others are traces of their own.
    await expect.poll(() => spans.length).toBeGreaterThan(own.length);
    expect(JSON.stringify(spans)).not.toContain(TOKEN);
  }, 30_000);

  it('is followed only where that is wanted, by its id alone', async () => {
    const { url: endpoint, spans } = await collector((...given) => void takes(...given));
    const { orchestrator, url } = await start(endpoint, { ratio: 0 });
    await create(url, 'quiet');
    await running(orchestrator, 'quiet');
    await create(url, 'asked', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    await create(url, 'not-asked', { traceparent: '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' });
    await create(url, 'nonsense', { traceparent: '00-00000000000000000000000000000000-b7ad6b7169203331-01' });
    await running(orchestrator, 'nonsense');
    await expect.poll(() => spans.length).toBe(1);
    expect(spans[0]).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', name: 'create' });
  }, 30_000);
});

describe('a collector', () => {
  const exporterOf = (url: string, options: Partial<ConstructorParameters<typeof SpanExporter>[0]> = {}): SpanExporter =>
    new SpanExporter({ url: new URL(url), headers: {}, ratio: 1, buffer: 100, batch: 10, delayMs: 5, timeoutMs: 50, resource: {}, clock: systemClock, log: silentLogger, ...options });
  const span = (i: number): SpanRecord => ({ context: { traceId: i.toString(16).padStart(32, '0'), spanId: '1'.padStart(16, '0') }, name: 'x', component: 'test', startMs: 1_700_000_000_000.5, endMs: 1_700_000_000_001 });

  it('that hangs hurts nobody: pods run, what waits is bounded, and the end comes in time', async () => {
    const { url: endpoint, requests } = await collector(() => {});
    const { orchestrator, url } = await start(endpoint, { buffer: 50, timeoutSeconds: 0.2 });
    for (let i = 0; i < 20; i += 1) await create(url, `p${i}`);
    await running(orchestrator, 'p19');
    expect(requests()).toBeGreaterThan(0);
    const began = performance.now();
    await orchestrator.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
  }, 30_000);

  it('that does not answer costs no more than the spans that it was sent and those beyond the buffer', async () => {
    const { url } = await collector(() => {});
    const exporter = exporterOf(url);
    const stopping = new AbortController();
    const ran = exporter.run(stopping.signal);
    for (let i = 0; i < 10_000; i += 1) exporter.record(span(i));
    expect(exporter.dropped).toBe(9_900);
    await expect.poll(() => exporter.dropped).toBeGreaterThan(9_900);
    stopping.abort();
    await ran;
    expect(exporter.dropped).toBe(10_000);
  });

  it('that comes back gets what is told from then on; what is left is passed on at the end', async () => {
    let isDown = true;
    const { url, spans } = await collector((request, response, got) => (isDown ? void response.writeHead(503).end() : void takes(request, response, got)));
    const said: string[] = [];
    const note = (message: string): void => void said.push(message);
    const exporter = exporterOf(`${url}/v1/traces`, { log: { ...silentLogger, warn: note, info: note } });
    const stopping = new AbortController();
    const ran = exporter.run(stopping.signal);
    for (let i = 0; i < 30; i += 1) exporter.record(span(i));
    await expect.poll(() => exporter.dropped).toBe(30);
    isDown = false;
    exporter.record(span(31));
    await expect.poll(() => spans.length).toBe(1);
    expect(spans[0]).toMatchObject({ startTimeUnixNano: '1700000000000500000', endTimeUnixNano: '1700000000001000000', service: 'test' });
    for (let i = 0; i < 25; i += 1) exporter.record(span(100 + i));
    stopping.abort();
    await ran;
    expect(spans).toHaveLength(26);
    expect(said).toEqual(['traces cannot be passed on; they are dropped', 'the collector of traces takes them again']);
  });
});
