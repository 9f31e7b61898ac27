import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
import { makeRequest } from '@orrery/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OidcProvider } from './test/oidc-provider.js';
import { type Run, Runs } from './test/runs.js';

// `orrery up` as it is installed, the real kubectl, and a pod that says who it is.

const folder = mkdtempSync(join(tmpdir(), 'orrery-identities-'));
const data = join(folder, 'data');
const { missing, note, program: kubectlProgram } = requireKubectl();

const runs = new Runs(folder);
let server: Run;
let provider: OidcProvider | undefined;
let root: Kubectl;
let cluster: { server: string; 'certificate-authority-data': string };
beforeAll(async () => {
  if (missing) return;
  Runs.check();
  const caFile = join(folder, 'provider-ca.pem');
  provider = await OidcProvider.start(caFile);
  const oidc = ['--oidc-issuer-url', provider.issuer, '--oidc-client-id', 'orrery', '--oidc-username-claim', 'email', '--oidc-groups-claim', 'groups', '--oidc-groups-prefix', 'idp:', '--oidc-required-claim', 'realm=work', '--oidc-ca-file', caFile];
  // Pods are told where the API is when that is known before it is served.
  const [port = 0] = await freePorts(1);
  server = runs.orrery(['up', '--listen', `127.0.0.1:${port}`, '--store', 'memory', '--data', data, '--log', 'info', ...oidc]);
  await server.said(/kubectl get nodes/);
  const config = join(data, 'kubeconfig');
  cluster = JSON.parse(readFileSync(config, 'utf8')).clusters[0].cluster;
  root = new Kubectl(kubectlProgram, join(folder, 'home'), config);
});
afterAll(async () => {
  await runs.stop();
  provider?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** kubectl with a token alone. */
function withToken(token: string): Kubectl {
  const { server, ...trust } = cluster;
  return new Kubectl(kubectlProgram, join(folder, 'token-home'), kubeconfig(server, trust, { token }));
}

/** A program in a pod: it reads what it was given and asks the API who it is. */
const WHOAMI = `
const fs = require('node:fs'), https = require('node:https');
const folder = process.env.ORRERY_ROOTFS + '/var/run/secrets/kubernetes.io/serviceaccount/';
const read = (name) => fs.readFileSync(folder + name, 'utf8');
const ask = () => {
  const request = https.request('https://' + process.env.KUBERNETES_SERVICE_HOST + ':' + process.env.KUBERNETES_SERVICE_PORT + '/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST', ca: read('ca.crt'), headers: { authorization: 'Bearer ' + read('token'), 'content-type': 'application/json' } }, (response) => {
    let text = '';
    response.on('data', (chunk) => text += chunk).on('end', () => console.log(JSON.stringify({ code: response.statusCode, namespace: read('namespace'), user: JSON.parse(text).status.userInfo })));
  });
  request.on('error', (error) => console.log(JSON.stringify({ error: error.message }))).end('{}');
};
ask();
setInterval(() => undefined, 1000);
`;

describe.skipIf(missing)(`service accounts${note}`, () => {
  it('get tokens by kubectl, by which they are known and may what roles say', async () => {
    expect(statSync(join(data, 'pki', 'sa.pem')).mode & 0o777).toBe(0o600);
    await root.run('create serviceaccount robot');
    const token = (await root.run('create token robot --duration=1h')).trim();
    const robot = withToken(token);
    expect(await robot.run('auth whoami')).toMatch(/Username +system:serviceaccount:default:robot/);
    expect((await robot.try(['get', 'pods'])).err).toContain('User "system:serviceaccount:default:robot" cannot list resource "pods"');
    await root.run('create rolebinding robots --clusterrole=view --serviceaccount=default:robot');
    await expect.poll(async () => (await robot.try(['get', 'pods'])).code).toBe(0);
    expect((await root.try(['create', 'token', 'robot', '--duration=1m'])).err).toContain('may not specify a duration less than 10 minutes');
    expect((await root.try(['create', 'token', 'nobody'])).err).toContain('serviceaccounts "nobody" not found');
    const bound = await root.try(['create', 'token', 'robot', '--bound-object-kind=Pod', '--bound-object-name=none']);
    expect(bound.err).toContain('pods "none" not found');
    const json = JSON.parse(await root.run('create token robot --audience=vault -o json'));
    expect(json).toMatchObject({ kind: 'TokenRequest', spec: { audiences: ['vault'] } });
    expect((await withToken(json.status.token).try(['get', 'pods'])).err).toContain('Unauthorized');

    await root.run('delete serviceaccount robot');
    await expect.poll(async () => (await robot.try(['get', 'pods'])).err).toContain('Unauthorized');
    expect(server.out).not.toContain(token.split('.')[2]);
  });

  it('are who pods are, as long as the pod is there', async () => {
    await root.run('create serviceaccount worker');
    const container = { name: 'main', image: 'none', command: [process.execPath, '-e', WHOAMI] };
    await root.run('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'asking' }, spec: { serviceAccountName: 'worker', terminationGracePeriodSeconds: 1, containers: [container] } }));
    await expect.poll(async () => (await root.try(['logs', 'asking'])).out, { timeout: 15_000 }).toContain('\n');
    const pod = JSON.parse(await root.run('get pod asking -o json'));
    expect(JSON.parse(await root.run('logs asking'))).toEqual({
      code: 201,
      namespace: 'default',
      user: {
        username: 'system:serviceaccount:default:worker',
        uid: expect.any(String),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: expect.objectContaining({ 'authentication.kubernetes.io/pod-name': ['asking'], 'authentication.kubernetes.io/pod-uid': [pod.metadata.uid], 'authentication.kubernetes.io/node-name': [pod.spec.nodeName] }),
      },
    });
    expect(pod.spec.volumes[0].name).toMatch(/^kube-api-access-/);

    const token = (await root.run('create token worker --bound-object-kind=Pod --bound-object-name=asking')).trim();
    expect(await withToken(token).run('auth whoami')).toContain('system:serviceaccount:default:worker');
    await root.run('delete pod asking');
    await expect.poll(async () => (await withToken(token).try(['auth', 'whoami'])).err).toContain('Unauthorized');
  });
});

describe.skipIf(missing)(`users of a provider${note}`, () => {
  it('are known by their ID tokens, and may what roles say', async () => {
    const token = provider?.token({ sub: '1', email: 'anna@example.com', groups: ['team'], realm: 'work' }) ?? '';
    expect(await withToken(token).run('auth whoami')).toMatch(/Username +anna@example\.com\nGroups +\[idp:team system:authenticated\]/);
    expect((await withToken(token).try(['get', 'pods'])).err).toContain('User "anna@example.com" cannot list resource "pods"');
    await root.run('create clusterrolebinding team --clusterrole=view --group=idp:team');
    await expect.poll(async () => (await withToken(token).try(['get', 'pods'])).code).toBe(0);
    const elsewhere = provider?.token({ sub: '1', email: 'anna@example.com', realm: 'home' }) ?? '';
    expect((await withToken(elsewhere).try(['get', 'pods'])).err).toContain('Unauthorized');
  });
});

describe.skipIf(missing)(`certificates${note}`, () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const wish = (name: string, request: string, spec: object): string =>
    JSON.stringify({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name }, spec: { request: base64(request), ...spec } });
  const certified = (key: string, certificate: string): Kubectl => {
    const { server, ...trust } = cluster;
    return new Kubectl(kubectlProgram, join(folder, 'certificate-home'), kubeconfig(server, trust, { 'client-certificate-data': certificate, 'client-key-data': base64(key) }));
  };
  const issued = async (name: string): Promise<string> => {
    await expect.poll(async () => (await root.run(`get csr ${name} -o jsonpath={.status.certificate}`)).length).toBeGreaterThan(100);
    return root.run(`get csr ${name} -o jsonpath={.status.certificate}`);
  };

  it('are approved or denied by kubectl, and let in whom they name', async () => {
    const { key, request } = await makeRequest({ commonName: 'anna', organizations: ['team'] });
    const spec = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], expirationSeconds: 3_600 };
    for (const name of ['anna', 'anna-again']) await root.run('create -f -', wish(name, request, spec));
    expect(await root.run('get csr anna')).toMatch(/NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\nanna +\S+ +kubernetes.io\/kube-apiserver-client +orrery-admin +60m +Pending/);
    expect(await root.run('certificate approve anna')).toContain('certificatesigningrequest.certificates.k8s.io/anna approved');
    expect(await root.run('certificate deny anna-again')).toContain('denied');
    expect(await certified(key, await issued('anna')).run('auth whoami')).toMatch(/Username +anna\nGroups +\[team system:authenticated\]/);
    expect(await root.run('get csr')).toMatch(/anna +.*Approved,Issued\nanna-again +.*Denied/);
    expect(await root.run('describe csr anna')).toContain('Requesting User:');
  });

  it('are given to nodes that join with a bootstrap token', async () => {
    const secret = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' };
    await root.run('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', stringData: secret }));
    const joining = withToken('abcdef.0123456789abcdef');
    expect((await joining.try(['get', 'nodes'])).err).toContain('User "system:bootstrap:abcdef" cannot list resource "nodes"');
    const { key, request } = await makeRequest({ commonName: 'system:node:new', organizations: ['system:nodes'] });
    await joining.run('create -f -', wish('new', request, { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] }));
    expect(await certified(key, await issued('new')).run('auth whoami')).toMatch(/Username +system:node:new/);
  });
});
