import { X509Certificate } from 'node:crypto';
import { ApiClient, ApiError, builtinKinds, CertificateSigningRequest, type Client, createOrchestrator, KindRegistry, Node, type Orchestrator, Secret, systemRandom, Transport } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { rbac } from '@orrery/rbac';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bootstrapTokenAuthenticator, CertificateAuthority, certificateSigning, makeRequest } from '../index.js';
import { judge } from './signers.js';

const START = Date.UTC(2026, 0, 1);
const BOOTSTRAP = { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] };
const NODE = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
const ANNA = { name: 'anna', groups: ['system:authenticated'] };
let clock: VirtualClock;
let authority: CertificateAuthority;
let servingAuthority: CertificateAuthority;
let orchestrator: Orchestrator;
beforeEach(async () => {
  clock = new VirtualClock(START);
  authority = await CertificateAuthority.open({ clock, random: systemRandom });
  servingAuthority = await CertificateAuthority.open({ clock, random: systemRandom, name: 'nodes' });
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), rbac(), certificateSigning({ authority, servingAuthority })], clock });
  await orchestrator.start();
});
afterEach(() => orchestrator.stop());

const as = (user: { readonly name: string; readonly groups: readonly string[] }): Client => new ApiClient({ transport: orchestrator.get(Transport), kinds: new KindRegistry(builtinKinds), user });
const requests = (client = orchestrator.client) => client.kind(CertificateSigningRequest);
const NODE_CLIENT = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] };
const CLIENT = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
const SERVING = { signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] };
const node = { commonName: 'system:node:n1', organizations: ['system:nodes'] };
async function ask(user: Parameters<typeof as>[0], name: string, wanted: Parameters<typeof makeRequest>[0], spec: object): Promise<CertificateSigningRequest> {
  const { request } = await makeRequest(wanted);
  return requests(as(user)).create({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name }, spec: { request: Buffer.from(request).toString('base64'), ...spec } } as unknown as CertificateSigningRequest);
}
const decide = (user: Parameters<typeof as>[0], name: string, type: 'Approved' | 'Denied'): Promise<unknown> =>
  requests(as(user)).patch({ name }, 'merge', { status: { conditions: [{ type, status: 'True', reason: 'Because', lastUpdateTime: new Date(clock.now()).toISOString().replace('.000', '') }] } }, { subresource: 'approval' });
const stateOf = async (name: string): Promise<string[]> => {
  const { status } = await requests().get({ name });
  return [...(status?.conditions ?? []).map(({ type, reason }) => `${type} ${reason}`), ...((status?.certificate ?? '') === '' ? [] : ['issued'])];
};
const certificateOf = async (name: string): Promise<X509Certificate> => new X509Certificate(Buffer.from((await requests().get({ name })).status?.certificate ?? '', 'base64'));
const root = { name: 'root', groups: ['system:masters'] };

describe('a wish for a certificate', () => {
  it('of a node is approved and signed by itself, for who joins and for itself', async () => {
    for (const [user, name] of [[BOOTSTRAP, 'joining'], [NODE, 'renewing']] as const) {
      const made = await ask(user, name, node, { ...NODE_CLIENT, username: 'somebody', groups: ['system:masters'] });
      expect(made.spec).toMatchObject({ username: user.name, groups: user.groups });
      await vi.waitFor(async () => expect(await stateOf(name)).toEqual(['Approved AutoApproved', 'issued']));
      const certificate = await certificateOf(name);
      expect(certificate.subject.split('\n').sort()).toEqual(['CN=system:node:n1', 'O=system:nodes']);
      expect([certificate.verify(new X509Certificate(authority.certificate).publicKey), certificate.keyUsage]).toEqual([true, ['1.3.6.1.5.5.7.3.2']]);
    }
  });

  it('waits for somebody else otherwise, however it is dressed', async () => {
    await ask({ ...NODE, name: 'system:node:n2' }, 'of-another', node, NODE_CLIENT);
    await ask(ANNA, 'of-anna', node, NODE_CLIENT);
    await ask({ name: 'system:node:n1', groups: [] }, 'of-no-node', node, NODE_CLIENT);
    await ask(BOOTSTRAP, 'admin', { commonName: 'admin', organizations: ['system:nodes'] }, NODE_CLIENT);
    await ask(BOOTSTRAP, 'groups', { commonName: 'system:node:n1', organizations: ['system:nodes', 'system:masters'] }, NODE_CLIENT);
    await ask(BOOTSTRAP, 'names', { ...node, dnsNames: ['api'] }, NODE_CLIENT);
    await ask(BOOTSTRAP, 'serving', { ...node, dnsNames: ['n1'] }, SERVING);
    await ask(NODE, 'own-serving', { ...node, dnsNames: ['n1'] }, SERVING);
    await ask(BOOTSTRAP, 'client', { commonName: 'boss' }, CLIENT);
    await ask(BOOTSTRAP, 'foreign', node, { ...NODE_CLIENT, signerName: 'example.com/other' });
    // One that is signed later has been looked at later.
    await ask(BOOTSTRAP, 'last', node, NODE_CLIENT);
    await vi.waitFor(async () => expect(await stateOf('last')).toContain('issued'));
    for (const { metadata: { name = '' } } of (await requests().list()).items) if (name !== 'last') expect([name, await stateOf(name)]).toEqual([name, []]);
  });

  it('for serving is approved for the node itself, and for the names and addresses that are its own; another authority signs it', async () => {
    await ask(NODE, 'early', { ...node, dnsNames: ['n1'], ipAddresses: ['10.0.0.1', 'fd00:0:0::1'] }, SERVING);
    await orchestrator.client.kind(Node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' }, status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } } as Node);
    await ask(NODE, 'refused', { ...node, dnsNames: ['n1', 'kubernetes'], ipAddresses: ['10.0.0.1'] }, SERVING);
    await ask(NODE, 'elsewhere', { ...node, dnsNames: ['n1'], ipAddresses: ['10.0.0.2'] }, SERVING);
    await ask({ ...NODE, groups: [] }, 'groupless', { ...node, dnsNames: ['n1'] }, SERVING);
    await ask({ ...NODE, name: 'system:node:n2' }, 'anothers', { ...node, ipAddresses: ['10.0.0.1'] }, SERVING);
    expect(await stateOf('early')).toEqual([]);
    const made = await orchestrator.client.kind(Node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } } as Node);
    await orchestrator.client.kind(Node).updateStatus({ ...made, status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'InternalIP', address: 'fd00::1' }, { type: 'Hostname', address: 'n1' }] } } as Node);
    await vi.waitFor(async () => expect(await stateOf('early')).toEqual(['Approved AutoApproved', 'issued']));
    const certificate = await certificateOf('early');
    expect([certificate.verify(new X509Certificate(servingAuthority.certificate).publicKey), certificate.verify(new X509Certificate(authority.certificate).publicKey), certificate.keyUsage]).toEqual([true, false, ['1.3.6.1.5.5.7.3.1']]);
    await ask(NODE, 'last', { ...node, dnsNames: ['n1'] }, SERVING);
    await vi.waitFor(async () => expect(await stateOf('last')).toContain('issued'));
    for (const name of ['refused', 'elsewhere', 'groupless', 'anothers']) expect([name, await stateOf(name)]).toEqual([name, []]);
  });

  it('is signed when it was approved, and says why it is not', async () => {
    await ask(ANNA, 'good', { commonName: 'anna', organizations: ['team'] }, { ...CLIENT, expirationSeconds: 7_200 });
    await ask(ANNA, 'bad', { commonName: 'anna' }, { ...CLIENT, usages: ['client auth', 'server auth'] });
    await ask(NODE, 'serving', { ...node, dnsNames: ['n1'], ipAddresses: ['10.0.0.1'] }, SERVING);
    await ask(ANNA, 'stolen', { ...node, dnsNames: ['n1'] }, SERVING);
    await ask(ANNA, 'denied', { commonName: 'anna' }, CLIENT);
    for (const name of ['good', 'bad', 'serving', 'stolen']) await decide(root, name, 'Approved');
    await decide(root, 'denied', 'Denied');
    await vi.waitFor(async () => expect(await Promise.all(['good', 'bad', 'serving', 'stolen', 'denied'].map(stateOf))).toEqual([
      ['Approved Because', 'issued'], ['Approved Because', 'Failed SignerValidationFailure'], ['Approved Because', 'issued'], ['Approved Because', 'Failed SignerValidationFailure'], ['Denied Because'],
    ]));
    const good = await certificateOf('good');
    expect(Date.parse(good.validTo)).toBe(START + 7_200_000);
    expect((await certificateOf('serving')).subjectAltName).toBe('DNS:n1, IP Address:10.0.0.1');
    await expect(decide(root, 'denied', 'Approved')).rejects.toSatisfy((error) => ApiError.is(error, 'Invalid'));
  });

  it('is decided by who may, and nobody asks to be an administrator', async () => {
    await ask(ANNA, 'mine', { commonName: 'anna' }, CLIENT);
    await expect(decide(ANNA, 'mine', 'Approved')).rejects.toThrow('user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"');
    await expect(requests(as(ANNA)).updateStatus({ ...(await requests().get({ name: 'mine' })), status: { certificate: Buffer.from(authority.certificate).toString('base64') } })).rejects.toThrow('user not permitted to sign');
    await expect(ask(ANNA, 'boss', { commonName: 'anna', organizations: ['system:masters'] }, CLIENT)).rejects.toThrow('use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
    const broken = (await makeRequest(node)).request.replace(/\n(.{10})/, '\nAAAAAAAAAA');
    await expect(requests(as(BOOTSTRAP)).create({ metadata: { name: 'broken' }, spec: { request: Buffer.from(broken).toString('base64'), ...NODE_CLIENT } } as unknown as CertificateSigningRequest)).rejects.toSatisfy((error) => ApiError.is(error, 'Invalid') && error.message.includes('spec.request'));
  });

  it('goes an hour after it was decided, and a day after it was not', async () => {
    await ask(BOOTSTRAP, 'issued', node, NODE_CLIENT);
    await ask(ANNA, 'denied', { commonName: 'anna' }, CLIENT);
    await ask(ANNA, 'pending', { commonName: 'anna' }, CLIENT);
    await ask(ANNA, 'foreign', { commonName: 'anna' }, { ...CLIENT, signerName: 'example.com/other' });
    await decide(root, 'denied', 'Denied');
    await vi.waitFor(async () => expect(await stateOf('issued')).toContain('issued'));
    const names = async (): Promise<(string | undefined)[]> => (await requests().list()).items.map(({ metadata }) => metadata.name);
    await clock.advance(3_599_000);
    expect(await names()).toHaveLength(4);
    await clock.advance(2_000);
    await vi.waitFor(async () => expect(await names()).toEqual(['foreign', 'pending']));
    await clock.advance(23 * 3_600_000);
    await vi.waitFor(async () => expect(await names()).toEqual([]));
  });
});

describe('a signer', () => {
  it('never certifies administrators, whoever approved', async () => {
    const spec = { ...CLIENT, request: '', username: 'root' };
    const verdict = judge({ spec } as unknown as CertificateSigningRequest, { commonName: 'x', organizations: ['system:masters'], dnsNames: [], ipAddresses: [], otherNames: [], publicKey: new Uint8Array() }, 365);
    expect(verdict).toMatchObject({ refused: expect.stringContaining('system:masters') });
  });
});

describe('a bootstrap token', () => {
  const TOKEN = 'abcdef.0123456789abcdef';
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const fields = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' };
  const keep = (data: Record<string, string>, more: object = {}): Promise<unknown> =>
    orchestrator.client.kind(Secret).create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])), ...more } as unknown as Secret);
  const drop = (): Promise<unknown> => orchestrator.client.kind(Secret).delete({ name: 'bootstrap-token-abcdef', namespace: 'kube-system' });
  const who = async (token: string, audiences?: readonly string[]): Promise<unknown> => bootstrapTokenAuthenticator(() => ({ client: orchestrator.client, clock })).authenticate({ token, ...(audiences && { audiences }) });

  it('stands for who joins, until it ends', async () => {
    expect(await who(TOKEN)).toBeUndefined();
    await keep({ ...fields, 'auth-extra-groups': 'system:bootstrappers:workers', expiration: '2026-01-01T01:00:00Z' });
    expect(await who(TOKEN)).toEqual({ name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:workers'] });
    for (const other of ['abcdef.0123456789abcdee', 'abcdef.0123456789abcdef0', 'ABCDEF.0123456789abcdef', '../../.0123456789abcdef', '']) expect(await who(other)).toBeUndefined();
    expect(await who(TOKEN, ['vault'])).toBeUndefined();
    await clock.advance(3_600_000);
    expect(await who(TOKEN)).toBeUndefined();
    await drop();
    await keep(fields);
    expect(await who(TOKEN)).toBeDefined();
    await drop();
    expect(await who(TOKEN)).toBeUndefined();
  });

  it.each([
    ['for something else', { ...fields, 'usage-bootstrap-authentication': 'false' }, {}],
    ['that says another id', { ...fields, 'token-id': 'fedcba' }, {}],
    ['without a secret', { 'token-id': 'abcdef', 'usage-bootstrap-authentication': 'true' }, {}],
    ['that would make administrators', { ...fields, 'auth-extra-groups': 'system:masters' }, {}],
    ['whose end cannot be read', { ...fields, expiration: 'soon' }, {}],
    ['of another type', fields, { type: 'Opaque' }],
  ])('%s is none', async (_, data, more) => {
    await keep(data, more);
    expect(await who(TOKEN)).toBeUndefined();
  });
});
