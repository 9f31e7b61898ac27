import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type Attributes, type ForwardedGroups } from '@orrery/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestAuthority } from '../test/certificates.js';
import { TestServer, TOKEN } from '../test/server.js';
import { userHeaders } from './forward-server.js';

const GAMES = '/apis/play.example.com/v1/games';
const LIMITS = { answerMs: 400 };
let folder: string;
let authority: TestAuthority;
let extension: Server;
let port = 0;
const came: IncomingMessage[] = [];
let behave: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-forwarding-'));
  authority = new TestAuthority(folder);
  extension = createServer(authority.server(), (request, response) => {
    came.push(request);
    behave(request, response);
  });
  extension.on('upgrade', (request: IncomingMessage, socket) => {
    came.push(request);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  extension.listen(0, '127.0.0.1');
  await once(extension, 'listening');
  port = (extension.address() as AddressInfo).port;
});
afterAll(() => {
  extension.closeAllConnections();
  extension.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('what is passed on to another API server', () => {
  let server: TestServer;
  let isThere = true;
  const asked: Attributes[] = [];
  const groups: ForwardedGroups = {
    list: () => [
      { group: 'play.example.com', version: 'v1', groupPriority: 100, versionPriority: 10 },
      { group: 'apps', version: 'v9', groupPriority: 100, versionPriority: 10 },
      { group: 'authorization.k8s.io', version: 'v1', groupPriority: 100, versionPriority: 10 },
    ],
    target: (group, version) => {
      if (!groups.list().some((one) => one.group === group && one.version === version)) return undefined;
      if (!isThere) throw new ApiError('ServiceUnavailable', 'no endpoints available for service "secret-name"');
      return { host: '127.0.0.1', port, serverName: 'localhost', ca: authority.certificate };
    },
    resources: async () => [{ resource: 'games' }],
  };
  beforeEach(async () => {
    came.length = 0;
    asked.length = 0;
    isThere = true;
    behave = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const authorizer = {
      authorize: async (attributes: Attributes) => {
        asked.push(attributes);
        return { allowed: attributes.ref?.resource !== 'hidden' };
      },
    };
    server = await TestServer.start({ limits: LIMITS, forwarded: { items: () => [groups] }, authorizer });
  });
  afterEach(() => server.stop());

  it('is refused when nobody answers in time, and ends when the answer stops in its middle: its seat is free again', async () => {
    behave = () => {};
    expect((await server.ask('GET', GAMES)).code).toBe(504);
    behave = (_request, response) => void response.writeHead(200).write('{"kind":');
    await expect(server.ask('GET', GAMES)).rejects.toThrow(/aborted|hang up/);
    const { text } = await server.ask('GET', '/metrics');
    expect(text).toMatch(/apiserver_flowcontrol_current_executing_seats\{priority_level="catch-all"\} [01]\n/);
  });

  it('goes on as long as it wants when it is a watch, which counts as one of the watches of its user', async () => {
    const answers: ServerResponse[] = [];
    behave = (_request, response) => {
      response.writeHead(200).write('first ');
      answers.push(response);
    };
    const watch = server.ask('GET', `${GAMES}?watch=true`);
    await vi.waitFor(() => expect(came).toHaveLength(1));
    const { text } = await server.ask('GET', '/metrics');
    expect(text).toContain('apiserver_longrunning_requests{verb="WATCH",group="play.example.com",version="v1"');
    // Longer than an answer may take.
    const later = await server.ask('GET', `${GAMES}?timeout=1s`).catch((error: unknown) => error);
    expect(later).toBeInstanceOf(Error);
    answers[0]?.end('last');
    expect((await watch).text).toBe('first last');
  });

  it('is counted in words of which there are only so many', async () => {
    for (let i = 0; i < 5; i += 1) await server.ask('GET', `/apis/play.example.com/v1/made-up-${i}/x/part-${i}`);
    expect((await server.ask('GET', '/metrics')).text).not.toContain('made-up');
    expect((await server.ask('GET', '/metrics')).text).not.toContain('part-1');
  });

  it('is told to nobody who may not ask: not even that there is no server', async () => {
    isThere = false;
    expect((await server.ask('GET', '/apis/play.example.com/v1/hidden')).code).toBe(403);
    expect((await server.ask('GET', GAMES)).code).toBe(503);
  });

  it('is judged by the one object that it is narrowed down to, as what is served here', async () => {
    await server.ask('GET', `${GAMES}?fieldSelector=metadata.name%3Dchess`);
    expect(asked.at(-1)).toMatchObject({ verb: 'list', ref: { resource: 'games', name: 'chess' }, selection: { fieldSelector: 'metadata.name=chess' } });
  });

  it('is no stream that the page of a stranger opens', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'x'.repeat(22) + '==', 'sec-websocket-version': '13', 'sec-fetch-site': 'cross-site' };
    expect((await server.ask('GET', `${GAMES}/x/play`, { headers })).code).toBe(403);
    expect(came).toHaveLength(0);
  });

  it('does not change protocols that nobody asked to change', async () => {
    behave = (request) => void request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n');
    expect((await server.ask('GET', GAMES)).code).toBe(503);
    await vi.waitFor(() => expect(came[0]?.socket.destroyed).toBe(true));
  });

  it('is asked again when a kept connection turns out to be closed, if nothing can have been done', async () => {
    await server.ask('GET', GAMES);
    // The answer is cut off on the kept connection only.
    const [first] = came;
    behave = (request, response) => {
      if (request.socket === first?.socket) return void request.socket.destroy();
      response.end('{"again":true}');
    };
    expect(await server.ask('GET', GAMES)).toMatchObject({ code: 200, text: '{"again":true}' });
  });

  it('is not what is served here: reviews of who may do what are answered by this server', async () => {
    await server.ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { nonResourceAttributes: { path: '/', verb: 'get' } } } });
    expect(came).toHaveLength(0);
  });

  it('is found in discovery beside the versions of its group that are served here', async () => {
    const old = await server.ask('GET', '/apis');
    const apps = (old.body.groups as { name: string }[]).filter(({ name }) => name === 'apps');
    expect(apps).toMatchObject([{ versions: [{ version: 'v1' }, { version: 'v9' }], preferredVersion: { version: 'v1' } }]);
    expect((await server.ask('GET', '/apis/apps')).body.versions).toEqual([{ groupVersion: 'apps/v1', version: 'v1' }, { groupVersion: 'apps/v9', version: 'v9' }]);
    const whole = await server.ask('GET', '/apis', { headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' } });
    const items = (JSON.parse(whole.text).items as { metadata: { name: string }; versions: { version: string }[] }[]).filter(({ metadata }) => metadata.name === 'apps' || metadata.name === 'authorization.k8s.io');
    expect(items.map(({ metadata, versions }) => [metadata.name, versions.map(({ version }) => version)])).toEqual(expect.arrayContaining([['apps', ['v1', 'v9']], ['authorization.k8s.io', ['v1']]]));
  });

  it('ends with its client', async () => {
    behave = (_request, response) => void response.writeHead(200).write('first');
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`GET ${GAMES}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    await vi.waitFor(() => expect(came[0]?.socket.destroyed).toBe(true));
  });
});

it('names of users and what else is known of them are such that headers can hold them', () => {
  expect(userHeaders({ name: 'a\r\nx: y', groups: ['g'], extra: { 'Example.com/key (1)': ['v'] } })).toEqual({ 'x-remote-user': 'ax: y', 'x-remote-group': ['g'], 'x-remote-extra-example.com%2fkey%20%281%29': ['v'] });
});
