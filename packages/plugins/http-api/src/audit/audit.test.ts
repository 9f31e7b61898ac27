import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, type Transport } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer, TOKEN } from '../test/server.js';
import { Auditor } from './auditor.js';
import type { AuditEvent } from './event.js';
import { type AuditSink, FileLog, type FileLogOptions } from './file-log.js';
import { auditLevel, type AuditPolicy, DEFAULT_AUDIT_POLICY } from './policy.js';

const user = { name: 'anna', groups: ['team', 'system:authenticated'] };
const of = (resource: string, verb = 'create', more: object = {}) => ({ user, verb, ref: { group: '', version: 'v1', resource, namespace: 'default', ...more } });

describe('a policy', () => {
  it('counts by its first rule that fits', () => {
    const policy: AuditPolicy = {
      rules: [
        { level: 'None', users: ['robot'] },
        { level: 'RequestResponse', userGroups: ['team'], verbs: ['create'], resources: [{ resources: ['pods', '*/scale'] }], namespaces: ['default'] },
        { level: 'Request', resources: [{ group: 'apps' }] },
        { level: 'Metadata', nonResourceURLs: ['/metrics', '/open*'] },
      ],
    };
    const level = (attributes: Parameters<typeof auditLevel>[1]) => auditLevel(policy, attributes);
    expect(level({ ...of('pods'), user: { ...user, name: 'robot' } })).toBe('None');
    expect(level(of('pods'))).toBe('RequestResponse');
    expect(level(of('pods', 'get'))).toBe('None');
    expect(level(of('pods', 'create', { namespace: 'other' }))).toBe('None');
    expect(level(of('pods', 'create', { subresource: 'log' }))).toBe('None');
    expect(level(of('things', 'create', { subresource: 'scale' }))).toBe('RequestResponse');
    expect(level(of('deployments', 'delete', { group: 'apps' }))).toBe('Request');
    expect([level({ user, verb: 'get', path: '/metrics' }), level({ user, verb: 'get', path: '/openapi/v3' }), level({ user, verb: 'get', path: '/version' })]).toEqual(['Metadata', 'Metadata', 'None']);
  });

  it('never has more than who and what of secrets and tokens', () => {
    const all: AuditPolicy = { rules: [{ level: 'RequestResponse' }] };
    expect([of('secrets'), of('serviceaccounts', 'create', { subresource: 'token' }), of('tokenreviews', 'create', { group: 'authentication.k8s.io' }), of('configmaps')].map((attributes) => auditLevel(all, attributes))).toEqual(['Metadata', 'Metadata', 'Metadata', 'RequestResponse']);
    expect([of('pods', 'get'), of('pods', 'list'), of('pods', 'delete'), of('secrets', 'get'), of('events')].map((attributes) => auditLevel(DEFAULT_AUDIT_POLICY, attributes))).toEqual(['None', 'None', 'Request', 'Metadata', 'None']);
  });
});

class Kept implements AuditSink {
  readonly events: AuditEvent[] = [];
  full: Promise<void> | undefined;
  write(event: AuditEvent): void {
    this.events.push(event);
  }
  room(): Promise<void> {
    return this.full ?? Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('requests', () => {
  const MAPS = '/api/v1/namespaces/default/configmaps';
  let sink: Kept;
  let server: TestServer;
  beforeEach(async () => {
    sink = new Kept();
    server = await TestServer.start({ audit: new Auditor({ policy: { rules: [{ level: 'None', verbs: ['get'], resources: [{ resources: ['configmaps'] }] }, { level: 'RequestResponse' }] }, sink, clock: systemClock }), limits: { answerMs: 500 } });
  });
  afterEach(() => server.stop());

  it('are written down with who, what, from where and how they ended', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: '1' } };
    const made = await server.ask('POST', `${MAPS}?fieldManager=me`, { body, headers: { 'user-agent': 'tester/1' } });
    await server.ask('GET', `${MAPS}/m`);
    await server.ask('POST', MAPS, { body });
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hunter2' } };
    await server.ask('POST', '/api/v1/namespaces/default/secrets', { body: secret });
    await server.ask('GET', MAPS, { headers: { authorization: 'Bearer nobody-has-this-token-1' } });
    const [first, again, ofSecret, stranger] = sink.events;
    expect(sink.events).toHaveLength(4);
    expect(first).toMatchObject({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'RequestResponse', auditID: made.headers['audit-id'], stage: 'ResponseComplete', requestURI: `${MAPS}?fieldManager=me`, verb: 'create',
      user: { username: 'anna' }, sourceIPs: ['127.0.0.1'], userAgent: 'tester/1', objectRef: { resource: 'configmaps', namespace: 'default', name: 'm', apiVersion: 'v1' },
      responseStatus: { code: 201 }, requestObject: body, responseObject: { kind: 'ConfigMap', metadata: { uid: made.body.metadata.uid } },
    });
    expect(first?.stageTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(again).toMatchObject({ responseStatus: { code: 409, reason: 'AlreadyExists', message: 'configmaps "m" already exists' } });
    expect(ofSecret).toMatchObject({ level: 'Metadata', objectRef: { resource: 'secrets', name: 's' } });
    expect(stranger).toMatchObject({ user: {}, responseStatus: { code: 401, reason: 'Unauthorized' } });
    expect(JSON.stringify(sink.events)).not.toMatch(/hunter2|nobody-has|a-token-for-tests/);
  });

  it('are written down with what admission had to say', async () => {
    await server.stop();
    const annotating = (transport: Transport): Transport => ({
      request: (request, signal) => (request.annotate?.('why', 'because'), request.annotate?.('why', 'not so'), transport.request(request, signal)),
      watch: (request, signal) => transport.watch(request, signal),
    });
    server = await TestServer.start({ audit: new Auditor({ policy: { rules: [{ level: 'Metadata' }] }, sink, clock: systemClock }), wrap: annotating });
    await server.ask('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } } });
    expect(sink.events.at(-1)?.annotations).toEqual({ why: 'because' });
  });

  it('that go on are written down when they begin and when they end', async () => {
    const watching = server.open({ path: '/api/v1/namespaces/default/pods?watch=true', headers: { authorization: `Bearer ${TOKEN}` } });
    watching.on('error', () => {}).end();
    await expect.poll(() => sink.events.map(({ stage, verb }) => [stage, verb])).toEqual([['RequestReceived', 'watch']]);
    expect(sink.events[0]).not.toHaveProperty('responseStatus');
    watching.destroy();
    await expect.poll(() => sink.events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseComplete']);
  });

  it('are not done while the log is full, but for those that are not written down', async () => {
    let emptied = (): void => {};
    sink.full = new Promise((resolve) => (emptied = resolve));
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } };
    expect((await server.ask('POST', MAPS, { body })).code).toBe(504);
    expect((await server.ask('GET', `${MAPS}/late`)).code).toBe(404);
    const waiting = server.ask('POST', MAPS, { body });
    setTimeout(emptied, 50);
    sink.full = undefined;
    emptied();
    expect((await waiting).code).toBe(201);
  });
});

describe('a log in a file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orrery-audit-'));
    path = join(folder, 'audit.log');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const opened = (more: Partial<FileLogOptions> = {}): FileLog => new FileLog({ path, clock: systemClock, log: silentLogger, ...more });
  const event = (auditID: string): AuditEvent => ({ auditID, requestURI: 'x'.repeat(100) }) as AuditEvent;
  const idsIn = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as AuditEvent).auditID);

  it('is only added to, by its owner alone, and goes on after a line that was cut off', async () => {
    const log = opened();
    for (let i = 0; i < 100; i += 1) log.write(event(`a${i}`));
    await log.close();
    expect(idsIn(path)).toEqual(Array.from({ length: 100 }, (_, i) => `a${i}`));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, '{"auditID":"cut', { flag: 'a' });
    const next = opened();
    next.write(event('after'));
    await next.close();
    expect(readFileSync(path, 'utf8').trim().split('\n').at(-1)).toContain('"after"');
  });

  it('is rotated by size, and the oldest goes', async () => {
    const log = opened({ maxBytes: 1_000, maxFiles: 2 });
    for (let i = 0; i < 60; i += 1) {
      log.write(event(`r${i}`));
      if (i % 5 === 4) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect(readdirSync(folder).sort()).toEqual(['audit.log', 'audit.log.1', 'audit.log.2']);
    const kept = ['audit.log.2', 'audit.log.1', 'audit.log'].flatMap((name) => idsIn(join(folder, name)));
    expect(kept.at(-1)).toBe('r59');
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `r${60 - kept.length + i}`));
  });

  it('loses nothing while it cannot be written: events wait, and then requests', async () => {
    mkdirSync(path);
    const log = opened({ maxWaitingBytes: 300 });
    for (const id of ['w1', 'w2', 'w3']) log.write(event(id));
    let hasRoom = false;
    const room = log.room().then(() => (hasRoom = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(hasRoom).toBe(false);
    rmSync(path, { recursive: true });
    await room;
    await log.close();
    expect(idsIn(path)).toEqual(['w1', 'w2', 'w3']);
  });
});
