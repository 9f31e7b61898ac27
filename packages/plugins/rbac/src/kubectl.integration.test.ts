import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, systemClock, systemRandom } from '@orrery/core';
import { Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rbac } from './index.js';

// The real kubectl 1.35 of several users, over HTTPS, with tokens and with certificates.

const folder = mkdtempSync(join(tmpdir(), 'orrery-rbac-'));
const { missing, note, program: kubectlProgram } = requireKubectl();

const ANNA = 'anna-has-this-token-0123456789';
let orchestrator: Orchestrator;
let root: Kubectl;
let anna: Kubectl;
let node: Kubectl;
beforeAll(async () => {
  if (missing) return;
  const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const { key, cert } = await authority.issue({ subject: { commonName: 'localhost' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  let url = '';
  orchestrator = await createOrchestrator({
    plugins: [memoryStore(), rbac(), httpApi({ port: 0, tls: { key, cert, clientCa: authority.certificate }, tokens: [{ token: ANNA, user: 'anna', groups: ['team'] }], listening: (at) => (url = at) })],
  });
  await orchestrator.start();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const as = (name: string, user: object): Kubectl => new Kubectl(kubectlProgram, join(folder, name), kubeconfig(url, { 'certificate-authority-data': base64(authority.certificate) }, user));
  const certified = async (commonName: string, organization: string): Promise<Kubectl> => {
    const made = await authority.issue({ subject: { commonName, organizations: [organization] }, usages: ['client'] });
    return as(commonName.replaceAll(':', '-'), { 'client-certificate-data': base64(made.cert), 'client-key-data': base64(made.key) });
  };
  root = await certified('root', 'system:masters');
  node = await certified('system:node:n1', 'system:nodes');
  anna = as('anna', { token: ANNA });
});
afterAll(async () => {
  await orchestrator?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a command that fails says. */
async function refused(kubectl: Kubectl, command: string, input?: string): Promise<string> {
  const { code, err } = await kubectl.try(command.split(' '), input);
  expect([command, code]).not.toEqual([command, 0]);
  return err;
}

const POLICY = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules: [{ apiGroups: [""], resources: [configmaps, pods, pods/log], verbs: [get, list, watch] }, { apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: [create, get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: team, namespace: default }
roleRef: { kind: Role, name: reader, apiGroup: rbac.authorization.k8s.io }
subjects: [{ kind: Group, name: team, apiGroup: rbac.authorization.k8s.io }]
`;

describe.skipIf(missing)(`kubectl${note}`, () => {
  it('sees the default roles as they are in Kubernetes', async () => {
    expect(await root.run('get clusterroles')).toMatch(/^NAME +CREATED AT\n/);
    expect(await root.run('get clusterrolebindings cluster-admin -o wide')).toMatch(/^NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\ncluster-admin +ClusterRole\/cluster-admin +\S+ +system:masters/);
    expect(await root.run('describe clusterrole system:basic-user')).toContain('selfsubjectreviews.authentication.k8s.io');
    expect(await root.run('api-resources --api-group=rbac.authorization.k8s.io -o name')).toContain('rolebindings.rbac.authorization.k8s.io');
    expect(await root.run('explain rolebinding.roleRef')).toContain('apiGroup');
  });

  it('does what roles allow, and says what they do not', async () => {
    expect(await refused(anna, 'get configmaps')).toContain('Error from server (Forbidden): configmaps is forbidden: User "anna" cannot list resource "configmaps" in API group "" in the namespace "default"');
    await root.run('apply -f -', POLICY);
    expect(await root.run('apply -f -', POLICY)).toContain('rolebinding.rbac.authorization.k8s.io/team unchanged');
    await expect.poll(async () => (await anna.try(['get', 'configmaps'])).code).toBe(0);
    expect(await refused(anna, 'create configmap x --from-literal=a=b')).toContain('cannot create resource "configmaps"');
    expect(await refused(anna, 'get configmaps -A')).toContain('at the cluster scope');
    expect(await refused(root, 'patch rolebinding team --type=merge -p {"roleRef":{"name":"other"}}')).toContain('cannot change roleRef');
  });

  it('does not make more of who uses it', async () => {
    const own = POLICY.split('---')[0] ?? '';
    const more = own.replace('[get, list, watch]', '[get, list, watch, delete]').replace('name: reader', 'name: more');
    expect(await refused(anna, 'create -f -', more)).toContain('is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}');
    expect(await anna.run('create -f -', own.replace('name: reader', 'name: same'))).toContain('role.rbac.authorization.k8s.io/same created');
    expect(await refused(anna, 'create rolebinding up --clusterrole=cluster-admin --user=anna')).toContain('attempting to grant RBAC permissions not currently held');
  });

  it('acts in the name of others', async () => {
    expect(await refused(root, 'get secrets --as=anna --as-group=team')).toContain('User "anna" cannot list resource "secrets"');
    expect(await root.run('get configmaps --as=anna --as-group=team -o name')).toBe('');
    expect(await refused(anna, 'get secrets --as=root --as-group=system:masters')).toContain('users "root" is forbidden: User "anna" cannot impersonate resource "users"');
  });

  it('tells who one is and what one may', async () => {
    expect(await anna.run('auth whoami')).toMatch(/Username +anna\nGroups +\[team system:authenticated\]/);
    expect((await anna.try(['auth', 'can-i', 'list', 'pods'])).out).toBe('yes\n');
    expect(await anna.try(['auth', 'can-i', 'delete', 'pods'])).toMatchObject({ code: 1, out: 'no\n' });
    expect((await anna.try(['auth', 'can-i', 'get', 'pods', '--subresource=log'])).out).toBe('yes\n');
    expect(await anna.run('auth can-i --list')).toMatch(/pods\/log +\[\] +\[\] +\[get list watch\]/);
    expect((await root.try(['auth', 'can-i', '*', '*', '--as=anna'])).out).toBe('no\n');
    expect(await root.run('auth reconcile -f -', POLICY)).toContain('role.rbac.authorization.k8s.io/reader reconciled');
  });

  it('as the agent of a node sees its node', async () => {
    await root.run('create -f -', '{apiVersion: v1, kind: Node, metadata: {name: n1}}');
    expect(await node.run('get node n1 -o name')).toBe('node/n1\n');
    expect(await refused(node, 'get secrets')).toContain('No object name found');
    expect(await refused(node, 'label node n1 node-role.kubernetes.io/control-plane=')).toContain('is not allowed to modify the following labels: node-role.kubernetes.io/control-plane');
  });
});
