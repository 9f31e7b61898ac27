import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createOrchestrator, type Orchestrator, systemClock, systemRandom } from '@orrery/core';
import { Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { aggregation, FRONT_PROXY_NAME } from './index.js';

// The real kubectl 1.35 against a server with another API server behind it.

const { missing, note, program } = requireKubectl();
const TOKEN = 'anna-has-this-token-0123456789';
const folder = mkdtempSync(join(tmpdir(), 'orrery-aggregation-'));
const platform = { clock: systemClock, random: systemRandom };
const within = { timeout: 10_000, interval: 20 };

/** A server of one kind, which trusts the front door's certificate alone and takes the user from its headers. */
class Extension {
  readonly seen: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders; readonly peer: string }[] = [];
  readonly games = new Map<string, object>();
  server!: Server;

  async start(serving: { readonly key: string; readonly cert: string }, clientCa: string): Promise<number> {
    this.server = createServer({ ...serving, ca: clientCa, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      const { method = '', url = '', headers } = request;
      this.seen.push({ method, url, headers, peer: String((request.socket as TLSSocket).getPeerCertificate().subject?.CN) });
      const answer = (code: number, body: object): void => void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (url === '/apis/play.example.com/v1') {
        return answer(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'play.example.com/v1', resources: [{ name: 'games', singularName: 'game', namespaced: true, kind: 'Game', verbs: ['create', 'delete', 'get', 'list'] }] });
      }
      const [path = ''] = url.split('?');
      if (!path.startsWith('/apis/play.example.com/v1/namespaces/default/games')) return answer(404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound', message: 'no such thing' });
      const name = path.slice('/apis/play.example.com/v1/namespaces/default/games/'.length);
      if (method === 'POST') {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => {
          const game = JSON.parse(Buffer.concat(pieces).toString()) as { metadata: { name: string; uid?: string } };
          this.games.set(game.metadata.name, { ...game, metadata: { ...game.metadata, uid: 'u1', resourceVersion: '1' } });
          answer(201, this.games.get(game.metadata.name) as object);
        });
        return;
      }
      if (name === '') return answer(200, { kind: 'GameList', apiVersion: 'play.example.com/v1', metadata: { resourceVersion: '1' }, items: [...this.games.values()] });
      const found = this.games.get(name);
      answer(found === undefined ? 404 : 200, found ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound', message: `games "${name}" not found` });
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }
}

describe.skipIf(missing)(`an API server behind this one${note}`, () => {
  const extension = new Extension();
  let orchestrator: Orchestrator;
  let kubectl: Kubectl;
  let port = 0;
  let url = '';
  let authority: CertificateAuthority;

  beforeAll(async () => {
    authority = await CertificateAuthority.open(platform);
    const frontAuthority = await CertificateAuthority.open(platform);
    const front = await frontAuthority.issue({ subject: { commonName: FRONT_PROXY_NAME }, usages: ['client'] });
    const serving = await authority.issue({ subject: { commonName: 'api' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
    port = await extension.start(await authority.issue({ subject: { commonName: 'play' }, usages: ['server'], dnsNames: ['play.default.svc'] }), frontAuthority.certificate);
    orchestrator = await createOrchestrator({
      plugins: [
        memoryStore(),
        aggregation({ frontProxy: { ca: frontAuthority.certificate, clientCa: authority.certificate, current: () => front } }),
        httpApi({ port: 0, tls: { ...serving, clientCa: authority.certificate }, tokens: [{ token: TOKEN, user: 'anna', groups: ['team'] }], authorizer: { authorize: ({ user, ref, verb }) => ({ allowed: user.name === 'anna' ? !(ref?.resource === 'games' && verb === 'delete') : true }) }, listening: (at) => (url = at) }),
      ],
    });
    await orchestrator.start();
    kubectl = new Kubectl(program, join(folder, 'anna'), kubeconfig(url, { 'certificate-authority-data': Buffer.from(authority.certificate).toString('base64') }, { token: TOKEN }));
  });
  afterAll(async () => {
    await orchestrator?.stop();
    extension.server?.closeAllConnections();
    extension.server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('this server has an APIService for each version of a group that it serves', async () => {
    await vi.waitFor(async () => expect(await kubectl.run('get apiservices')).toMatch(/v1\.\s+Local\s+True.*[^]*v1\.apps\s+Local\s+True/), within);
    expect(await kubectl.run('get configmap -n kube-system extension-apiserver-authentication -o jsonpath={.data.requestheader-allowed-names}')).toBe('["front-proxy-client"]');
  });

  it('is asked once its service is there, and says so', async () => {
    await kubectl.run('apply -f -', JSON.stringify({
      apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1.play.example.com' },
      spec: { group: 'play.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, service: { namespace: 'default', name: 'play' }, caBundle: Buffer.from(authority.certificate).toString('base64') },
    }));
    await vi.waitFor(async () => expect(await kubectl.run('get apiservice v1.play.example.com')).toMatch(/default\/play\s+False \(ServiceNotFound\)/), within);
    expect((await kubectl.try(['get', '--raw', '/apis/play.example.com/v1/namespaces/default/games'])).err).toMatch(/ServiceUnavailable|service "play" not found/);
    await kubectl.run('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'play', namespace: 'default' }, spec: { clusterIP: 'None', ports: [{ port: 443, targetPort: port }] } },
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'play', namespace: 'default', labels: { 'kubernetes.io/service-name': 'play' } }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }], ports: [{ port }] },
    ] }));
    await kubectl.run('wait --for=condition=Available apiservice/v1.play.example.com --timeout=20s');
  });

  it('is used by kubectl as if it were this one: who asks is told by the front door alone, and judged there', async () => {
    expect(await kubectl.run('api-resources --api-group=play.example.com')).toMatch(/games\s+play\.example\.com\/v1\s+true\s+Game/);
    expect(await kubectl.run('create -f -', JSON.stringify({ apiVersion: 'play.example.com/v1', kind: 'Game', metadata: { name: 'chess', namespace: 'default' } }))).toContain('game.play.example.com/chess created');
    expect(await kubectl.run('get games -o name')).toBe('game.play.example.com/chess\n');
    expect((await kubectl.try(['get', 'game', 'go'])).err).toContain('games "go" not found');
    expect((await kubectl.try(['delete', 'game', 'chess'])).err).toMatch(/forbidden/i);
    const posted = extension.seen.find(({ method }) => method === 'POST');
    expect([posted?.peer, posted?.headers['x-remote-user'], posted?.headers['x-remote-group'], posted?.headers.authorization]).toEqual([FRONT_PROXY_NAME, 'anna', expect.stringContaining('team'), undefined]);
    expect(extension.seen.some(({ method }) => method === 'DELETE')).toBe(false);
    // What a client says of users is not passed on.
    const answer = await fetchAs({ 'X-Remote-User': 'root', 'X-Remote-Group': 'system:masters', 'X-Remote-Extra-Scopes': 'all' });
    expect(answer).toBe(200);
    const last = extension.seen.at(-1)?.headers;
    expect([last?.['x-remote-user'], last?.['x-remote-group'], last?.['x-remote-extra-scopes']]).toEqual(['anna', expect.not.stringContaining('masters'), undefined]);
  });

  it('that goes is told as gone, and the rest is served all the same', async () => {
    extension.server.closeAllConnections();
    extension.server.close();
    const { code, err } = await kubectl.try(['get', 'games']);
    expect([code, err]).toEqual([1, expect.stringMatching(/error trying to reach service|ServiceUnavailable|unable to handle/)]);
    expect(await kubectl.run('get namespaces')).toContain('default');
    expect(await kubectl.run('api-resources')).toMatch(/deployments\s/);
  });

  async function fetchAs(headers: Record<string, string>): Promise<number> {
    const { request } = await import('node:https');
    return new Promise((resolve, reject) => {
      request(`${url}/apis/play.example.com/v1/namespaces/default/games`, { ca: authority.certificate, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      }).on('error', reject).end();
    });
  }
});
