import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attributes, DuplexStream, NodeStreams } from '@orrery/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TestAuthority } from '../test/certificates.js';
import { FakeNode } from '../test/fake-node.js';
import { TestServer, TOKEN } from '../test/server.js';
import { relocated } from './headers.js';
import { proxyRouteOf, proxyVerbOf } from './proxy-path.js';

const POD = '/api/v1/namespaces/default/pods/web';
const SERVICE = '/api/v1/namespaces/default/services';
let far: Server;
let tls: Server;
let port = 0;
let tlsPort = 0;
let folder: string;
/** What came to the far server. */
const came: IncomingMessage[] = [];

/** A server that tells what it was asked, but for what its path says. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  came.push(request);
  const { pathname } = new URL(request.url ?? '', 'http://x');
  if (pathname === '/redirect') return void response.writeHead(302, { location: '/elsewhere?a=b' }).end();
  if (pathname === '/break') return void response.write('half', () => response.destroy());
  if (pathname === '/drip') return void response.write('first ', () => request.on('data', (chunk) => response.write(chunk)).on('end', () => response.end()));
  if (pathname === '/bytes') return void response.end(Buffer.alloc(20_000_000, 'x'));
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
    response.writeHead(pathname === '/teapot' ? 418 : 200, { 'content-type': 'text/x-own', 'x-own': ['a', 'b'], connection: 'x-secret', 'x-secret': 's', 'access-control-allow-origin': '*', 'set-cookie': ['a=1', 'b=2'] });
    response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`);
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-proxy-'));
  far = createServer(answer).listen(0, '127.0.0.1');
  tls = createTlsServer(new TestAuthority(folder).server(), answer).listen(0, '127.0.0.1');
  await Promise.all([once(far, 'listening'), once(tls, 'listening')]);
  port = (far.address() as AddressInfo).port;
  tlsPort = (tls.address() as AddressInfo).port;
  const sockets = new WebSocketServer({ noServer: true });
  far.on('upgrade', (request: IncomingMessage, socket, head) => {
    came.push(request);
    if (request.url === '/refused') return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
    sockets.handleUpgrade(request, socket, head, (opened) => opened.on('message', (data, isBinary) => opened.send(data, { binary: isBinary })));
  });
});
afterAll(async () => {
  for (const server of [far, tls]) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

let server: TestServer;
let node: FakeNode;
const judged: Attributes[] = [];
/** Verbs that are allowed. */
let allowed: (attributes: Attributes) => boolean = () => true;
beforeEach(async () => {
  came.length = judged.length = 0;
  allowed = () => true;
  node = new FakeNode();
  const streams: readonly NodeStreams[] = [node];
  server = await TestServer.start({
    streams: { items: () => streams },
    remoteNodes: { items: () => [{ streams: () => node, connect: (_name, signal) => node.portForward({ namespace: '', name: '', uid: '' }, port, signal) as Promise<DuplexStream> }] },
    limits: { streamIdleMs: 400 },
    authorizer: { authorize: (attributes) => (judged.push(attributes), { allowed: allowed(attributes) }) },
  });
  const pod = (name: string, containerPort?: number) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x', ...(containerPort !== undefined && { ports: [{ containerPort }] }) }] } });
  await server.ask('POST', '/api/v1/namespaces/default/pods', { body: pod('web', port) });
  await server.ask('POST', '/api/v1/namespaces/default/pods', { body: { ...pod('unbound'), spec: { containers: [{ name: 'main', image: 'x' }] } } });
  judged.length = 0;
});
afterEach(() => server.stop());

describe('a path', () => {
  it.each([
    [`${POD}/proxy`, { scheme: '', name: 'web', port: '', rest: undefined }],
    [`${POD}/proxy/`, { rest: '/' }],
    [`${POD}:8080/proxy/a//b/../c%2Fd`, { name: 'web', port: '8080', rest: '/a//b/../c%2Fd' }],
    ['/api/v1/namespaces/default/pods/https:web:/proxy/', { scheme: 'https', name: 'web', port: '' }],
    ['/api/v1/namespaces/x/services/http%3Aweb%3Aadmin/proxy/', { scheme: 'http', name: 'web', port: 'admin', ref: { group: '', version: 'v1', resource: 'services', namespace: 'x', name: 'http:web:admin', subresource: 'proxy' } }],
    ['/api/v1/nodes/n1:10250/proxy/healthz', { name: 'n1', port: '10250', ref: { group: '', version: 'v1', resource: 'nodes', name: 'n1:10250', subresource: 'proxy' } }],
  ])('%s is read', (path, expected) => expect(proxyRouteOf(path)).toMatchObject(expected));

  it.each(['/api/v1/namespaces/default/pods/web', '/api/v1/namespaces/default/configmaps/web/proxy', '/apis/apps/v1/namespaces/x/pods/web/proxy', '/api/v1/pods/web/proxy', `${POD}/proxying`])('%s is none', (path) => expect(proxyRouteOf(path)).toBeUndefined());

  it.each(['ftp:web:80', 'a:b:c:d', 'web:80:', '127.0.0.1@x', 'WEB', 'web:80/..', '..', '__proto__'])('with %s is refused', (name) => {
    expect(() => proxyRouteOf(`/api/v1/namespaces/default/pods/${encodeURIComponent(name)}/proxy/`)).toThrow();
  });

  it('has a verb by its method, and a WebSocket to a node is create', () => {
    const { ref } = proxyRouteOf(`${POD}/proxy`) ?? expect.unreachable();
    expect(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'].map((method) => proxyVerbOf(ref, method, false))).toEqual(['get', 'get', 'create', 'update', 'patch', 'delete', undefined]);
    const { ref: of } = proxyRouteOf('/api/v1/nodes/n1/proxy') ?? expect.unreachable();
    expect([proxyVerbOf(ref, 'GET', true), proxyVerbOf(of, 'GET', true), proxyVerbOf(of, 'GET', false)]).toEqual(['get', 'create', 'get']);
  });

  it('to go to is one below the proxy, if it was one of the server', () => {
    expect(['/x?y#z', '//evil/x', 'https://evil/x', 'https://api/x?y', 'rel'].map((location) => relocated(location, '/p', 'api'))).toEqual(['/p/x?y#z', '//evil/x', 'https://evil/x', '/p/x?y', 'rel']);
  });
});

describe('a pod', () => {
  it('is passed what is asked, by every method, and its answer is passed back', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { code, text, headers } = await server.ask(method, `${POD}/proxy/a/../b%2F?q=1&q=2`, method === 'GET' || method === 'OPTIONS' ? {} : { body: `the ${method}` });
      expect([code, text, headers['content-type'], headers['x-own'], headers['set-cookie']]).toEqual([200, `${method} /a/../b%2F?q=1&q=2 ${method === 'GET' || method === 'OPTIONS' ? '' : `the ${method}`}`, 'text/x-own', 'a, b', ['a=1', 'b=2']]);
      expect([headers['x-secret'], headers['access-control-allow-origin']]).toEqual([undefined, undefined]);
    }
    expect((await server.ask('HEAD', `${POD}/proxy/x`)).code).toBe(200);
    expect((await server.ask('GET', `${POD}/proxy/teapot`)).code).toBe(418);
    expect(judged.map(({ verb, ref }) => [verb, ref?.name, ref?.subresource]).slice(0, 6)).toEqual([['get', 'web', 'proxy'], ['create', 'web', 'proxy'], ['update', 'web', 'proxy'], ['patch', 'web', 'proxy'], ['delete', 'web', 'proxy'], ['options', 'web', 'proxy']]);
  });

  it('is not given credentials for the API, nor what is of one connection only', async () => {
    await server.ask('GET', `${POD}/proxy/x`, { headers: { 'impersonate-user': 'boss', 'x-mine': '1', connection: 'x-hop', 'x-hop': 'h', te: 'trailers', cookie: 'c=1', 'x-forwarded-for': '1.2.3.4' } });
    const headers = came.at(-1)?.headers ?? {};
    expect(headers).toMatchObject({ 'x-mine': '1', cookie: 'c=1', 'x-forwarded-for': '1.2.3.4, 127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-uri': `${POD}/proxy/x` });
    for (const name of ['authorization', 'impersonate-user', 'x-hop', 'te']) expect([name, headers[name]]).toEqual([name, undefined]);
  });

  it('is asked by who may, whatever it answers', async () => {
    allowed = ({ verb }) => verb === 'get';
    expect((await server.ask('GET', `${POD}/proxy/x`)).code).toBe(200);
    expect(await server.ask('POST', `${POD}/proxy/x`, { body: 'x' })).toMatchObject({ code: 403, body: { message: expect.stringContaining('cannot create resource "pods/proxy"') } });
    expect((await server.ask('GET', `${POD}/proxy/x`, { token: null })).code).toBe(401);
    expect((await server.ask('POST', `${POD}/proxy/x`, { headers: { 'sec-fetch-site': 'cross-site' } })).code).toBe(403);
    expect(came).toHaveLength(1);
  });

  it('is where its own redirections go to, and where the bare path goes to', async () => {
    expect(await server.ask('GET', `${POD}/proxy?x=1`)).toMatchObject({ code: 301, headers: { location: `${POD}/proxy/?x=1` } });
    expect(await server.ask('GET', `${POD}/proxy/redirect`)).toMatchObject({ code: 302, headers: { location: `${POD}/proxy/elsewhere?a=b` } });
  });

  it('streams both ways as it comes', async () => {
    const request = server.open({ method: 'POST', path: `${POD}/proxy/drip`, headers: { authorization: `Bearer ${TOKEN}`, 'transfer-encoding': 'chunked' } });
    request.flushHeaders();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const said: string[] = [];
    response.on('data', (chunk) => said.push(String(chunk)));
    await vi.waitFor(() => expect(said.join('')).toBe('first '));
    request.write('second ');
    await vi.waitFor(() => expect(said.join('')).toBe('first second '));
    request.end('third');
    await once(response, 'end');
    expect(said.join('')).toBe('first second third');
    expect((await server.ask('GET', `${POD}/proxy/bytes`)).text.length).toBe(20_000_000);
    // Where a body ends is told also of methods that mostly have none.
    const bodily = server.open({ method: 'DELETE', path: `${POD}/proxy/x`, headers: { authorization: `Bearer ${TOKEN}`, 'transfer-encoding': 'chunked' } });
    bodily.end('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
    const [echoed] = (await once(bodily, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of echoed) text += String(chunk);
    expect([text, came.at(-1)?.method]).toEqual(['DELETE /x GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n', 'DELETE']);
  });

  it('that breaks off breaks off, one that says nothing is given up, and one that refuses is told', async () => {
    await expect(server.ask('GET', `${POD}/proxy/break`)).rejects.toThrow(/aborted|hang up|terminated/);
    const silent = server.open({ method: 'POST', path: `${POD}/proxy/drip`, headers: { authorization: `Bearer ${TOKEN}`, 'transfer-encoding': 'chunked' } });
    silent.flushHeaders();
    const [response] = (await once(silent, 'response')) as [IncomingMessage];
    silent.on('error', () => {});
    await expect(once(response.resume(), 'end')).rejects.toThrow('aborted');
    expect(await server.ask('GET', `${POD}:1/proxy/x`)).toMatchObject({ code: 503, body: { reason: 'ServiceUnavailable', message: expect.stringMatching(/^error trying to reach service: .*ECONNREFUSED/) } });
    expect(await server.ask('GET', `${POD}:${tlsPort}/proxy/x`)).toMatchObject({ code: 503 });
    expect((await server.ask('GET', '/api/v1/namespaces/default/pods/unbound/proxy/x')).body).toMatchObject({ code: 400, message: 'pod unbound does not have a host assigned' });
    expect((await server.ask('GET', '/api/v1/namespaces/default/pods/none/proxy/x')).code).toBe(404);
    for (const name of ['web:0', 'web:65536', 'web:http']) expect([name, (await server.ask('GET', `/api/v1/namespaces/default/pods/${name}/proxy/x`)).code]).toEqual([name, 400]);
  });

  it('is reached over TLS when asked so', async () => {
    expect((await server.ask('PUT', `/api/v1/namespaces/default/pods/https:web:${tlsPort}/proxy/secure`, { body: 'b' })).text).toBe('PUT /secure b');
    expect((await server.ask('GET', `/api/v1/namespaces/default/pods/https:web:${port}/proxy/x`)).code).toBe(503);
  });

  it('speaks other protocols with who asks, who cannot slip anything past it', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${POD}/proxy/socket`, ['chat', `base64url.bearer.authorization.k8s.io.${Buffer.from(TOKEN).toString('base64url')}`]);
    await once(socket, 'open');
    expect([socket.protocol, came.at(-1)?.headers['sec-websocket-protocol'], came.at(-1)?.headers.authorization]).toEqual(['chat', 'chat', undefined]);
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('hello');
    const big = Buffer.alloc(3_000_000, 'y');
    socket.send(big);
    expect(((await once(socket, 'message'))[0] as Buffer).equals(big)).toBe(true);
    socket.close();
    await once(socket, 'close');

    const refused = new WebSocket(`ws://127.0.0.1:${server.port}${POD}/proxy/refused`, { headers: { authorization: `Bearer ${TOKEN}` } });
    refused.on('error', () => {});
    expect(((await once(refused, 'unexpected-response'))[1] as IncomingMessage).statusCode).toBe(403);
    refused.terminate();

    // Of a request that was not granted nothing is left on the connection.
    const before = came.length;
    const raw = connect(server.port, '127.0.0.1');
    raw.write(`GET ${POD}/proxy/plain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET ${POD}/proxy/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    let text = '';
    raw.on('data', (chunk) => (text += String(chunk)));
    await once(raw, 'close');
    expect(text.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(came.slice(before).map(({ url }) => url)).not.toContain('/smuggled');
  });

  it('is left when the client leaves, and when the server stops', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${POD}/proxy/socket`, { headers: { authorization: `Bearer ${TOKEN}` } });
    await once(socket, 'open');
    const { socket: there } = came.at(-1) as IncomingMessage;
    socket.terminate();
    await vi.waitFor(() => expect(there.destroyed).toBe(true));
    const other = new WebSocket(`ws://127.0.0.1:${server.port}${POD}/proxy/socket`, { headers: { authorization: `Bearer ${TOKEN}` } });
    await once(other, 'open');
    const closed = once(other, 'close');
    await server.close();
    await closed;
  });
});

describe('a service', () => {
  beforeEach(async () => {
    await server.ask('POST', SERVICE, { body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'front' }, spec: { selector: { app: 'x' }, ports: [{ name: 'http', port: 80 }, { name: 'other', port: 81 }] } } });
    const slice = (name: string, endpoints: object[], ports: object[]) => ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, labels: { 'kubernetes.io/service-name': 'front' } }, addressType: 'IPv4', endpoints, ports });
    const of = (name: string, ready: boolean, namespace = 'default') => ({ addresses: ['10.0.0.9'], conditions: { ready }, targetRef: { kind: 'Pod', name, namespace, uid: '' } });
    const body = slice('front-1', [of('web', true), of('gone', false), of('web', true, 'kube-system'), { addresses: ['169.254.169.254'], conditions: { ready: true } }], [{ name: 'http', port, protocol: 'TCP' }]);
    expect((await server.ask('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', { body })).code).toBe(201);
  });

  it('is one of its ready pods, by the name or number of its port; addresses that are no pods are never connected to', async () => {
    for (let i = 0; i < 20; i += 1) expect((await server.ask('GET', `${SERVICE}/front:${i % 2 === 0 ? 'http' : 80}/proxy/x`)).text).toBe('GET /x ');
    expect(new Set(node.asked.map(({ pod }) => `${pod.namespace}/${pod.name}`))).toEqual(new Set(['default/web']));
    for (const [name, message] of [
      ['front:82', 'no service port 82 found for service "front"'],
      ['front', 'no endpoints available for service "front"'],
      ['front:other', 'no endpoints available for service "front"'],
    ] as const) expect(await server.ask('GET', `${SERVICE}/${name}/proxy/x`)).toMatchObject({ code: 503, body: { reason: 'ServiceUnavailable', message } });
    expect((await server.ask('GET', `${SERVICE}/none:80/proxy/x`)).code).toBe(404);
  });
});

describe('a node', () => {
  beforeEach(async () => {
    await server.ask('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' } } });
    await server.ask('PATCH', '/api/v1/nodes/n2/status', { headers: { 'content-type': 'application/merge-patch+json' }, body: { status: { daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } } } });
    await server.ask('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n3' } } });
  });

  it('is reached by its own server, and by no other port', async () => {
    expect((await server.ask('GET', '/api/v1/nodes/n2/proxy/healthz')).text).toBe('GET /healthz ');
    expect((await server.ask('GET', '/api/v1/nodes/https:n2:10250/proxy/healthz')).code).toBe(200);
    for (const name of ['n2:22', 'http:n2:10250', 'http:n2:']) expect([name, (await server.ask('GET', `/api/v1/nodes/${name}/proxy/x`)).code]).toEqual([name, 400]);
    expect((await server.ask('GET', '/api/v1/nodes/n3/proxy/x')).code).toBe(503);
  });

  it('opens WebSockets only for who may create', async () => {
    allowed = ({ verb }) => verb === 'get';
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/v1/nodes/n2/proxy/exec/default/web/main`, { headers: { authorization: `Bearer ${TOKEN}` } });
    socket.on('error', () => {});
    expect(((await once(socket, 'unexpected-response'))[1] as IncomingMessage).statusCode).toBe(403);
    socket.terminate();
  });
});
