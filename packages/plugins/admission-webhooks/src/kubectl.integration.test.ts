import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, systemClock, systemRandom } from '@orrery/core';
import { type Answering, Kubectl, kubeconfig, requireKubectl, WebhookServer } from '@orrery/engines';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { podSecurity } from '@orrery/pod-security';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admissionWebhooks } from './index.js';

// The real kubectl 1.35 and real webhooks.

const folder = mkdtempSync(join(tmpdir(), 'orrery-admission-webhooks-'));
const { missing, note, program } = requireKubectl();

const TOKEN = 'anna-has-this-token-0123456789';
let orchestrator: Orchestrator;
let kubectl: Kubectl;
let server: WebhookServer;
beforeAll(async () => {
  if (missing) return;
  server = await WebhookServer.start();
  const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const { key, cert } = await authority.issue({ subject: { commonName: 'localhost' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  let url = '';
  orchestrator = await createOrchestrator({
    plugins: [memoryStore(), podSecurity(), admissionWebhooks(), httpApi({ port: 0, tls: { key, cert }, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) })],
  });
  await orchestrator.start();
  kubectl = new Kubectl(program, join(folder, 'anna'), kubeconfig(url, { 'certificate-authority-data': Buffer.from(authority.certificate).toString('base64') }, { token: TOKEN }));
}, 30_000);
afterAll(async () => {
  await orchestrator?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const review = (response: object): Answering => ({ body }) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: body.request.uid, allowed: true, ...response } });
const configuration = (kind: string, path: string): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: { name: maps }
webhooks:
  - name: maps.example.com
    clientConfig: { url: "${server.url(path)}", caBundle: ${server.caBundle} }
    rules: [{ operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps], scope: "*" }]
    sideEffects: None
    admissionReviewVersions: [v1]
`;

describe.skipIf(missing)(`kubectl${note}`, () => {
  it('makes webhooks known, which then change, warn and refuse', async () => {
    server.answers.set('/change', review({ patchType: 'JSONPatch', patch: Buffer.from('[{"op":"add","path":"/data/by","value":"webhook"}]').toString('base64') }));
    server.answers.set('/judge', review({ warnings: ['maps are out of fashion'] }));
    expect(await kubectl.run('apply -f -', configuration('Mutating', '/change'))).toContain('mutatingwebhookconfiguration.admissionregistration.k8s.io/maps created');
    expect(await kubectl.run('apply -f -', configuration('Mutating', '/change'))).toContain('unchanged');
    await kubectl.run('apply -f -', configuration('Validating', '/judge'));
    expect(await kubectl.run('get mutatingwebhookconfigurations,validatingwebhookconfigurations')).toMatch(/NAME +WEBHOOKS +AGE\nmutating\S+\/maps +1 +\S+\n[^]*validating\S+\/maps +1 /);
    expect(await kubectl.run('explain validatingwebhookconfiguration.webhooks.failurePolicy')).toContain('FIELD: failurePolicy <string>');
    const made = await kubectl.try(['create', 'configmap', 'a', '--from-literal=x=1']);
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('Warning: maps are out of fashion')]);
    expect(await kubectl.run('get configmap a -o jsonpath={.data}')).toBe('{"by":"webhook","x":"1"}');
    server.answers.set('/judge', review({ allowed: false, status: { message: 'no more maps' } }));
    expect((await kubectl.try(['create', 'configmap', 'b', '--from-literal=x=1'])).err).toBe('error: failed to create configmap: admission webhook "maps.example.com" denied the request: no more maps\n');
    server.answers.delete('/judge');
    expect((await kubectl.try(['create', 'configmap', 'b', '--from-literal=x=1', '--dry-run=server'])).err).toContain(
      'error: failed to create configmap: Internal error occurred: failed calling webhook "maps.example.com": failed to call webhook: the server could not find the requested resource',
    );
    await kubectl.run('delete validatingwebhookconfiguration,mutatingwebhookconfiguration maps');
    await expect.poll(async () => (await kubectl.try(['create', 'configmap', 'b', '--from-literal=x=1', '--dry-run=server'])).code).toBe(0);
  });

  it('labels a namespace, whose pods are then held to its level', async () => {
    const pod = (name: string): string => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: c, image: web, securityContext: {privileged: true}}]}}`;
    await kubectl.run('create namespace strict');
    await kubectl.run('-n strict create -f -', pod('first'));
    const labelled = await kubectl.try(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=baseline', 'pod-security.kubernetes.io/warn=restricted']);
    expect(labelled.err).toBe('Warning: existing pods in namespace "strict" violate the new PodSecurity enforce level "baseline:latest"\nWarning: first: privileged\n');
    await expect.poll(async () => (await kubectl.try(['-n', 'strict', 'create', '-f', '-'], pod('second'))).err).toBe(
      'Error from server (Forbidden): error when creating "STDIN": pods "second" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)\n',
    );
    const warned = await kubectl.try(['-n', 'strict', 'create', 'deployment', 'web', '--image=web']);
    expect([warned.code, warned.err]).toEqual([0, expect.stringMatching(/^Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "web" must set /)]);
    expect((await kubectl.try(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/audit=some'])).err).toContain('Invalid value: "some": must be one of privileged, baseline, restricted');
  });
});
