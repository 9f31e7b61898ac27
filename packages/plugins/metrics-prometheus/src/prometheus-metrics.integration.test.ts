import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Pod, silentLogger } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Pages } from './pages.js';
import { podPage, PrometheusMetrics, type PrometheusOptions } from './prometheus-metrics.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A page at an address of its own; `state.text` is what it says, and what it was asked with is noted. */
async function page(host: string, text: string) {
  const state = { text, status: 200, asked: [] as { readonly path: string; readonly authorization: string | undefined }[], silent: false, answer: () => {}, left: 0 };
  const server = createServer((request, response) => {
    state.asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
    request.socket.on('close', () => (state.left += 1));
    state.answer = () => void response.writeHead(state.status, { location: 'http://127.0.0.1:1/' }).end(state.text);
    if (!state.silent) state.answer();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { state, port: (server.address() as AddressInfo).port };
}

const pod = (name: string, ip: string, annotations: Record<string, string> = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', annotations }, spec: { containers: [] }, status: { phase: 'Running', podIP: ip } }) as unknown as Pod;

function sourceWith(more: Partial<PrometheusOptions> = {}) {
  const clock = new VirtualClock();
  const source = new PrometheusMetrics({ clock, log: silentLogger, endpoints: [], pods: { path: '/metrics' }, timeoutMs: 2_000, maxBytes: 10_000, freshMs: 1_000, ...more });
  return { clock, source };
}

const { signal } = new AbortController();
const at = (port: number) => ({ url: new URL(`http://127.0.0.1:${port}/metrics`) });

describe('metrics of pods', () => {
  it('are read at each pod; gauges as they are, counters as their growth a second', async () => {
    const one = await page('127.0.0.21', 'sessions{room="a"} 3\nsessions{room="b"} 4\n# TYPE requests_total counter\nrequests_total 100\n');
    const two = await page('127.0.0.22', 'sessions{room="a"} 1\n');
    const pods = [pod('one', '127.0.0.21', { 'prometheus.io/port': String(one.port) }), pod('two', '127.0.0.22', { 'prometheus.io/port': String(two.port), 'prometheus.io/path': '/m?x=1' }), pod('three', '127.0.0.23')];
    const { source, clock } = sourceWith();
    const sessions = await source.podMetric({ namespace: 'default', metric: 'sessions', pods }, signal);
    expect([...(sessions ?? [])].map(([name, { value }]) => [name, value]).sort()).toEqual([['one', 7], ['two', 1]]);
    expect(two.state.asked[0]?.path).toBe('/m?x=1');
    const inA = await source.podMetric({ namespace: 'default', metric: 'sessions', selector: { matchLabels: { room: 'a' } }, pods }, signal);
    expect([...(inA ?? [])].map(([name, { value }]) => [name, value]).sort()).toEqual([['one', 3], ['two', 1]]);
    expect(one.state.asked).toHaveLength(1);
    expect((await source.podMetric({ namespace: 'default', metric: 'requests_total', pods }, signal))?.size).toBe(0);
    await clock.advance(10_000);
    one.state.text = one.state.text.replace('requests_total 100', 'requests_total 150');
    expect((await source.podMetric({ namespace: 'default', metric: 'requests_total', pods }, signal))?.get('one')).toMatchObject({ value: 5, windowMs: 10_000 });
    await clock.advance(10_000);
    one.state.text = one.state.text.replace('requests_total 150', 'requests_total 20');
    expect((await source.podMetric({ namespace: 'default', metric: 'requests_total', pods }, signal))?.get('one')).toMatchObject({ value: 2 });
    expect(await source.podMetric({ namespace: 'default', metric: 'other', pods }, signal)).toBeUndefined();
  });

  it('of pods that do not answer are missing; if none answers that is the error', async () => {
    const good = await page('127.0.0.24', 'x 1\n');
    const bad = await page('127.0.0.25', 'x 1\n');
    bad.state.status = 500;
    const pods = [pod('good', '127.0.0.24', { 'prometheus.io/port': String(good.port) }), pod('bad', '127.0.0.25', { 'prometheus.io/port': String(bad.port) })];
    const { source } = sourceWith({ freshMs: 0 });
    expect([...((await source.podMetric({ namespace: 'default', metric: 'x', pods }, signal)) ?? [])].map(([name]) => name)).toEqual(['good']);
    await expect(source.podMetric({ namespace: 'default', metric: 'x', pods: pods.slice(1) }, signal)).rejects.toThrow('/metrics: status 500');
  });

  it('are asked where the pod says, and never at another address', () => {
    const page = (annotations: Record<string, string>) => podPage(pod('p', '10.0.0.1', annotations), { port: 80, path: '/metrics' })?.href;
    expect(page({})).toBe('http://10.0.0.1/metrics');
    expect(page({ 'prometheus.io/path': '//evil.example/x' })).toMatch(/^http:\/\/10\.0\.0\.1\//);
    expect(page({ 'prometheus.io/path': '@evil.example' })).toMatch(/^http:\/\/10\.0\.0\.1\//);
    expect(page({ 'prometheus.io/path': '/\r\nHost: evil' })).not.toMatch(/[\r\n ]/);
    expect(page({ 'prometheus.io/port': '80@evil.example' })).toBeUndefined();
    expect(page({ 'prometheus.io/port': '70000' })).toBeUndefined();
    expect(page({ 'prometheus.io/scrape': 'false' })).toBeUndefined();
    expect(podPage(pod('p', 'fd00::1'), { port: 9090, path: '/m' })?.href).toBe('http://[fd00::1]:9090/m');
    expect(podPage(pod('p', ''), { port: 80, path: '/' })).toBeUndefined();
  });
});

describe('metrics of endpoints', () => {
  it('are found by the labels of the object, or by name alone', async () => {
    const { state, port } = await page('127.0.0.1', 'hits{namespace="default",ingress="main"} 12\nhits{namespace="other",ingress="main"} 99\nlength{queue="mail"} 5\nlength{queue="print"} 7\n');
    const { source } = sourceWith({ endpoints: [{ ...at(port), headers: { authorization: 'Bearer hidden' } }] });
    expect(await source.objectMetric({ namespace: 'default', metric: 'hits', object: { kind: 'Ingress', name: 'main' } }, signal)).toMatchObject({ value: 12 });
    expect(await source.objectMetric({ namespace: 'default', metric: 'hits', object: { kind: 'Ingress', name: 'none' } }, signal)).toBeUndefined();
    expect(await source.externalMetric({ namespace: 'default', metric: 'length' }, signal)).toMatchObject([{ value: 12 }]);
    expect(await source.externalMetric({ namespace: 'default', metric: 'length', selector: { matchLabels: { queue: 'mail' } } }, signal)).toMatchObject([{ value: 5 }]);
    expect(state.asked[0]?.authorization).toBe('Bearer hidden');
  });

  it('that are too long, too late, elsewhere or no metrics are errors without their text', async () => {
    const { state, port } = await page('127.0.0.1', `secret ${'x'.repeat(20_000)}\n`);
    const { source, clock } = sourceWith({ endpoints: [at(port)], freshMs: 0 });
    const ask = () => source.externalMetric({ namespace: 'default', metric: 'x' }, signal);
    await expect(ask()).rejects.toThrow(`127.0.0.1:${port}/metrics: more than 10000 bytes`);
    state.text = 'x 1\n';
    state.status = 302;
    await expect(ask()).rejects.toThrow('status 302');
    state.status = 200;
    state.silent = true;
    const late = expect(ask()).rejects.toThrow('no answer within 2000 ms');
    await clock.advance(2_000);
    await late;
    state.silent = false;
    state.text = '<html>';
    const error = await ask().catch((one: unknown) => one as Error);
    expect((error as Error).message).toBe(`127.0.0.1:${port}/metrics: line 1 is no metric`);
  });

  it('with other credentials are other pages', async () => {
    const { port, state } = await page('127.0.0.1', '');
    const server = servers.at(-1);
    server?.removeAllListeners('request').on('request', (request, response) => {
      state.asked.push({ path: '', authorization: request.headers.authorization });
      response.end(`x ${request.headers.authorization}\n`);
    });
    const { source } = sourceWith({ endpoints: ['1', '2'].map((authorization) => ({ ...at(port), headers: { authorization } })) });
    expect(await source.externalMetric({ namespace: 'default', metric: 'x' }, signal)).toMatchObject([{ value: 1 }, { value: 2 }]);
  });

  it('stop waiting when nobody wants to know any more', async () => {
    const { state, port } = await page('127.0.0.1', '');
    state.silent = true;
    const { source } = sourceWith({ endpoints: [at(port)] });
    const abort = new AbortController();
    const asked = source.externalMetric({ namespace: 'default', metric: 'x' }, abort.signal);
    await vi.waitFor(() => expect(state.asked).toHaveLength(1));
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ABORTED' });
    await vi.waitFor(() => expect(state.left).toBe(1));
  });

  it('are read for who still waits, when who asked first does not any more', async () => {
    const { state, port } = await page('127.0.0.1', 'x 3\n');
    state.silent = true;
    const { source } = sourceWith({ endpoints: [at(port)] });
    const abort = new AbortController();
    const ask = (one: AbortSignal) => source.externalMetric({ namespace: 'default', metric: 'x' }, one);
    const [first, second] = [ask(abort.signal), ask(signal)];
    await vi.waitFor(() => expect(state.asked).toHaveLength(1));
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    state.answer();
    expect(await second).toMatchObject([{ value: 3 }]);
    expect(state.asked).toHaveLength(1);
  });
});

describe('pages that are remembered', () => {
  it('have windows that mean something, however often others ask', async () => {
    const { state, port } = await page('127.0.0.1', '# TYPE n_total counter\nn_total 0\n');
    const { source, clock } = sourceWith({ endpoints: [at(port)] });
    const ask = async () => (await source.externalMetric({ namespace: 'default', metric: 'n_total' }, signal))?.[0];
    await ask();
    for (const [ms, total, windowMs] of [[10_000, 100, 10_000], [1_100, 100, 11_100], [8_900, 200, 8_900], [1_500, 300, 10_400]] as const) {
      await clock.advance(ms);
      state.text = state.text.replace(/\d+\n$/, `${total}\n`);
      expect((await ask())?.windowMs).toBe(windowMs);
    }
  });

  it('take no more memory than they may, whatever pods say', async () => {
    const { port } = await page('127.0.0.1', `x 1\n# ${'y'.repeat(8_000)}`);
    const pages = new Pages(new VirtualClock(), { timeoutMs: 2_000, maxBytes: 10_000, freshMs: 60_000, rememberedBytes: 50_000 });
    for (let i = 0; i < 20; i += 1) {
      expect((await pages.read(new URL(`http://127.0.0.1:${port}/${i}`), undefined, signal)).series).toHaveLength(1);
      expect(pages.bytes).toBeLessThanOrEqual(50_000);
    }
    expect(pages.bytes).toBeGreaterThan(40_000);
  });
});
