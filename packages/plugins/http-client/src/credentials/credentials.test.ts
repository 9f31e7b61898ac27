import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrreryError, systemClock } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { HttpTransport } from '../http-transport.js';
import { findConnection } from './find-connection.js';
import { connectionOf } from './kubeconfig.js';
import { fixedToken, tokenFromFile } from './tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'orrery-http-client-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n';
let count = 0;
function file(content: string | object, name = `file-${(count += 1)}`): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const config = (cluster: object = {}, user: object = { token: 'abc' }, more: object = {}): string =>
  file({
    clusters: [{ name: 'c', cluster: { server: 'https://host:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'team' } }],
    'current-context': 'x',
    ...more,
  });
const read = (...files: string[]): ReturnType<typeof connectionOf> => connectionOf(files, { clock: systemClock });
const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  return OrreryError.is(error, 'INVALID') ? error.message : `not refused: ${String(error)}`;
};

describe('kubeconfigs', () => {
  it('YAML as kubectl writes it: inline data, tokens, names', async () => {
    const path = file(`apiVersion: v1
kind: Config
preferences: {}
current-context: x
clusters:
- name: c
  cluster:
    server: https://10.0.0.1:6443/base
    certificate-authority-data: ${Buffer.from(pem).toString('base64')}
    tls-server-name: api.internal
contexts:
- name: x
  context: {cluster: c, user: u, namespace: team}
users:
- name: u
  user:
    token: secret-token
    as: bob
    as-groups: [a, b]
`);
    const connection = await read(path);
    expect(connection).toMatchObject({ server: 'https://10.0.0.1:6443/base', tls: { ca: pem, serverName: 'api.internal' }, namespace: 'team', impersonate: { name: 'bob', groups: ['a', 'b'] } });
    expect(await connection.token?.read()).toBe('secret-token');
    expect(connection.tls.insecure).toBeUndefined();
  });

  it('files that it points at are found beside it', async () => {
    file(pem, 'ca.crt');
    file(pem, 'client.crt');
    file('-----BEGIN PRIVATE KEY-----\ny\n', 'client.key');
    expect((await read(config({ 'certificate-authority': 'ca.crt' }, { 'client-certificate': 'client.crt', 'client-key': './client.key' }))).tls).toEqual({ ca: pem, cert: pem, key: '-----BEGIN PRIVATE KEY-----\ny\n' });
  });

  it('of several files the first counts, for each name and for the current context', async () => {
    const first = file({ users: [{ name: 'u', user: { token: 'first' } }], 'current-context': null });
    const connection = await read(first, config({}, { token: 'second' }));
    expect([connection.server, await connection.token?.read()]).toEqual(['https://host:6443', 'first']);
  });

  it.each([
    ['programs for credentials', config({}, { exec: { command: 'aws' } }), 'credentials by exec are not supported: no program is run'],
    ['auth providers', config({}, { 'auth-provider': { name: 'gcp' } }), 'credentials by auth-provider are not supported'],
    ['passwords', config({}, { username: 'a', password: 'b' }), 'username and password are not supported'],
    ['proxies', config({ 'proxy-url': 'http://p:1' }), 'proxy-url is not supported'],
    ['half a certificate', config({}, { 'client-certificate-data': Buffer.from(pem).toString('base64') }), 'client-certificate and client-key go together'],
    ['what is no PEM', config({ 'certificate-authority-data': 'bm90aGluZw==' }), 'certificate-authority-data is no PEM'],
    ['insecure with an authority', config({ 'insecure-skip-tls-verify': true, 'certificate-authority-data': Buffer.from(pem).toString('base64') }), 'exclude each other'],
    ['a context that is not there', config({}, {}, { 'current-context': 'other' }), 'there is no context "other"; there are: x'],
    ['no context', config({}, {}, { 'current-context': '' }), 'it names no current-context'],
    ['a cluster that is not there', config({}, {}, { clusters: [] }), 'names the cluster "c", which is not there'],
    ['a user who is not there', config({}, {}, { users: null }), 'names the user "u", who is not there'],
    ['a list that is none', file({ clusters: {} }), 'clusters: Invalid input'],
    ['what is no YAML', file('a: [b'), 'it cannot be read'],
    ['no file', join(folder, 'nowhere'), 'ENOENT'],
    ['a token that is no header', config({}, { token: 'a b' }), 'has no token that can be sent'],
  ])('refuses %s, and says why', async (_what, path, why) => {
    expect(await refusal(read(path))).toContain(why);
  });

  it('the certificate of the server is checked unless the file says that it is not', async () => {
    expect((await read(config())).tls).toEqual({});
    expect((await read(config({ 'insecure-skip-tls-verify': true }))).tls).toEqual({ insecure: true });
  });
});

describe('where the cluster is', () => {
  it('the file named, KUBECONFIG, the usual place, the service account, in this order', async () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, '.kube'), { recursive: true });
    const account = join(folder, 'account');
    mkdirSync(account);
    const pod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443', HOME: home };
    const find = (environment: Record<string, string>, kubeconfig?: string) => findConnection({ kubeconfig, clock: systemClock, environment, serviceAccountFolder: account });
    expect(await refusal(find({ HOME: home }))).toContain('No cluster is named');
    expect(await refusal(find(pod))).toContain('The service account of this pod cannot be used');
    writeFileSync(join(account, 'token'), 'account-token\n');
    writeFileSync(join(account, 'ca.crt'), pem);
    writeFileSync(join(account, 'namespace'), 'mine');
    const inPod = await find(pod);
    expect([inPod.server, inPod.tls, inPod.namespace, await inPod.token?.read()]).toEqual(['https://[fd00::1]:6443', { ca: pem }, 'mine', 'account-token']);
    writeFileSync(join(home, '.kube', 'config'), JSON.stringify({ clusters: [{ name: 'c', cluster: { server: 'https://usual' } }], contexts: [{ name: 'x', context: { cluster: 'c' } }], 'current-context': 'x' }));
    expect((await find(pod)).server).toBe('https://usual');
    expect((await find({ ...pod, KUBECONFIG: `${join(folder, 'absent')}:${config()}` })).server).toBe('https://host:6443');
    expect((await find({ ...pod, KUBECONFIG: config() }, config({ server: 'https://named' }))).server).toBe('https://named');
  });
});

describe('tokens', () => {
  it('of a file are read again after a minute, and at once when the server does not know them', async () => {
    const clock = new VirtualClock();
    const path = file('first\n');
    const token = tokenFromFile(path, clock);
    expect(await token.read()).toBe('first');
    writeFileSync(path, 'second');
    expect(await token.read()).toBe('first');
    await clock.advance(60_000);
    expect(await token.read()).toBe('second');
    writeFileSync(path, 'third');
    expect(token.refused()).toBe(true);
    expect(await token.read()).toBe('third');
  });

  it('and certificates are not sent to a server that is not encrypted', () => {
    expect(() => new HttpTransport({ connection: { server: 'http://host', tls: {}, token: fixedToken('abc') }, clock: systemClock })).toThrow('Credentials are not sent to http://host');
    expect(() => new HttpTransport({ connection: { server: 'https://host', tls: { ca: pem } }, clock: systemClock })).toThrow('The certificates cannot be used');
    for (const server of ['host:6443', 'ftp://host', 'https://a:b@host', 'https://host?x=1']) expect(() => new HttpTransport({ connection: { server, tls: {} }, clock: systemClock })).toThrow('is no address');
  });
});
