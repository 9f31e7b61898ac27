import { ClusterRole, ClusterRoleBinding, type Informers, Role, RoleBinding } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aggregatedRules } from './aggregation.js';
import { rbac } from './index.js';
import { RoleSource } from './role-source.js';
import { Cluster } from './test/cluster.js';

// Who may do what over HTTP.

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const GROUP = 'rbac.authorization.k8s.io';
const API = { apiVersion: `${GROUP}/v1` };
const MAPS = '/api/v1/namespaces/default/configmaps';
const rule = (verbs: string[], resources: string[], more: object = {}) => ({ verbs, apiGroups: [''], resources, ...more });
let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

const role = (name: string, rules: object[]) => cluster.client.kind(Role).create({ ...API, kind: 'Role', metadata: { name, namespace: 'default' }, rules } as unknown as Role);
const clusterRole = (name: string, rules: object[], more: object = {}) => cluster.client.kind(ClusterRole).create({ ...API, kind: 'ClusterRole', metadata: { name, ...more }, rules } as unknown as ClusterRole);
const subject = (kind: string, name: string) => ({ kind, name, ...(kind === 'ServiceAccount' ? {} : { apiGroup: GROUP }) });
const bind = (kind: 'Role' | 'ClusterRole', to: string, kindOf: string, name: string) =>
  cluster.client.kind(RoleBinding).create({ ...API, kind: 'RoleBinding', metadata: { name: `${to}-${name}`, namespace: 'default' }, roleRef: { apiGroup: GROUP, kind, name: to }, subjects: [subject(kindOf, name)] });
const bindEverywhere = (to: string, kindOf: string, name: string) =>
  cluster.client.kind(ClusterRoleBinding).create({ ...API, kind: 'ClusterRoleBinding', metadata: { name: `${to}-${name}` }, roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: to }, subjects: [subject(kindOf, name)] });
const may = async (user: string, verb: string, resource: string, more: object = {}): Promise<boolean> =>
  (await cluster.ask('root', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: { user, resourceAttributes: { verb, resource, ...more } } })).body.status.allowed;
const forbidden = { code: 403, body: { reason: 'Forbidden' } };

describe('who may do what', () => {
  it('begins with little for everybody, and everything for masters', async () => {
    expect((await cluster.ask('root', 'GET', '/api/v1/secrets')).code).toBe(200);
    expect(await cluster.ask('ben', 'GET', MAPS)).toMatchObject({ code: 403, body: { message: 'configmaps is forbidden: User "ben" cannot list resource "configmaps" in API group "" in the namespace "default"' } });
    expect((await cluster.ask('ben', 'GET', '/apis')).code).toBe(200);
    expect((await cluster.ask('ben', 'GET', '/openapi/v3')).code).toBe(200);
    expect((await cluster.ask('ben', 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {})).code).toBe(201);
    expect((await cluster.ask('ben', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {})).code).toBe(403);
    expect([(await cluster.ask(undefined, 'GET', '/version')).code, (await cluster.ask(undefined, 'GET', '/api')).code, (await cluster.ask(undefined, 'GET', MAPS)).code]).toEqual([200, 403, 403]);
  });

  it('is what is bound: to users, groups and accounts, here or everywhere', async () => {
    await role('maps', [rule(['get', 'list'], ['configmaps'])]);
    await bind('Role', 'maps', 'User', 'ben');
    expect((await cluster.until(200, 'ben', 'GET', MAPS)).code).toBe(200);
    expect(await cluster.ask('ben', 'POST', MAPS, { metadata: { name: 'a' } })).toMatchObject(forbidden);
    expect(await cluster.ask('ben', 'GET', '/api/v1/namespaces/kube-system/configmaps')).toMatchObject(forbidden);
    expect(await cluster.ask('ben', 'GET', '/api/v1/configmaps')).toMatchObject(forbidden);
    await clusterRole('secrets', [rule(['list'], ['secrets'])]);
    await bind('ClusterRole', 'secrets', 'Group', 'team');
    expect((await cluster.until(200, 'anna', 'GET', '/api/v1/namespaces/default/secrets')).code).toBe(200);
    expect(await cluster.ask('anna', 'GET', '/api/v1/secrets')).toMatchObject(forbidden);
    await bindEverywhere('secrets', 'Group', 'team');
    expect((await cluster.until(200, 'anna', 'GET', '/api/v1/secrets')).code).toBe(200);
    await cluster.client.kind(RoleBinding).create({ ...API, kind: 'RoleBinding', metadata: { name: 'robot', namespace: 'default' }, roleRef: { apiGroup: GROUP, kind: 'Role', name: 'maps' }, subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }] });
    expect((await cluster.until(200, 'system:serviceaccount:default:robot', 'GET', MAPS)).code).toBe(200);
  });

  it('is of one object where a list names it', async () => {
    await role('one-map', [rule(['get', 'list', 'watch'], ['configmaps'], { resourceNames: ['mine'] })]);
    await bind('Role', 'one-map', 'User', 'carl');
    const ask = (query: string) => cluster.ask('root', 'GET', `${MAPS}${query}`, undefined, { 'impersonate-user': 'carl' });
    await cluster.until(404, 'root', 'GET', `${MAPS}/mine`, undefined, { 'impersonate-user': 'carl' });
    expect([(await ask('')).code, (await ask('?fieldSelector=metadata.name%3Dmine')).code, (await ask('?fieldSelector=metadata.name%3Dother')).code, (await ask('?fieldSelector=metadata.name!%3Dmine')).code]).toEqual([403, 200, 403, 403]);
  });

  it('ends when a binding does, and says which role is not there', async () => {
    await role('brief', [rule(['list'], ['pods'])]);
    await bind('Role', 'brief', 'User', 'ben');
    expect((await cluster.until(200, 'ben', 'GET', '/api/v1/namespaces/default/pods')).code).toBe(200);
    await cluster.client.kind(Role).delete({ namespace: 'default', name: 'brief' });
    const { code, body } = await cluster.until(403, 'ben', 'GET', '/api/v1/namespaces/default/pods');
    expect([code, body.message]).toEqual([403, expect.stringContaining('RBAC: role.rbac.authorization.k8s.io "brief" not found')]);
  });

  it('is listed for who asks', async () => {
    const { body } = await cluster.ask('ben', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { spec: { namespace: 'default' } });
    expect(body.status.incomplete).toBe(false);
    expect(body.status.resourceRules).toContainEqual({ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] });
    expect(body.status.nonResourceRules).toContainEqual({ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] });
  });

  it('goes with the name that is taken on, which needs a right', async () => {
    expect(await cluster.ask('ben', 'GET', '/version', undefined, { 'impersonate-user': 'anna' })).toMatchObject({ code: 403, body: { message: 'users "anna" is forbidden: User "ben" cannot impersonate resource "users" in API group "" at the cluster scope' } });
    await clusterRole('be-anna', [rule(['impersonate'], ['users'], { resourceNames: ['anna'] })]);
    await bindEverywhere('be-anna', 'User', 'ben');
    expect((await cluster.until(200, 'ben', 'GET', '/version', undefined, { 'impersonate-user': 'anna' })).code).toBe(200);
    for (const headers of [{ 'impersonate-user': 'root' }, { 'impersonate-user': 'anna', 'impersonate-group': 'system:masters' }, { 'impersonate-user': 'anna', 'impersonate-uid': '1' }, { 'impersonate-user': 'system:serviceaccount:default:robot' }]) {
      expect(await cluster.ask('ben', 'GET', '/version', undefined, headers)).toMatchObject(forbidden);
    }
  });
});

describe('who may give what', () => {
  beforeAll(async () => {
    await role('manager', [{ verbs: ['*'], apiGroups: [GROUP], resources: ['roles', 'rolebindings'] }, rule(['get'], ['pods'])]);
    await clusterRole('cluster-manager', [{ verbs: ['create', 'update', 'patch', 'get', 'list'], apiGroups: [GROUP], resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'] }, rule(['get'], ['pods'])]);
    await bindEverywhere('cluster-manager', 'User', 'ben');
    await cluster.until(200, 'ben', 'GET', `${RBAC}/clusterroles`);
  });
  const roles = `${RBAC}/namespaces/default/roles`;
  const bindings = `${RBAC}/namespaces/default/rolebindings`;
  const binding = (name: string, kind: string, to: string) => ({ metadata: { name }, roleRef: { kind, name: to }, subjects: [{ kind: 'User', name: 'ben' }] });

  it('has it', async () => {
    expect((await cluster.ask('ben', 'POST', roles, { metadata: { name: 'ok' }, rules: [rule(['get'], ['pods'])] })).code).toBe(201);
    const refused = await cluster.ask('ben', 'POST', roles, { metadata: { name: 'all' }, rules: [rule(['get', 'delete'], ['pods'])] });
    expect(refused).toMatchObject({ code: 403, body: { message: expect.stringContaining('roles.rbac.authorization.k8s.io "all" is forbidden: user "ben" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}') } });
    expect((await cluster.ask('ben', 'PUT', `${roles}/ok`, { metadata: { name: 'ok' }, rules: [rule(['*'], ['*'])] })).code).toBe(403);
    expect((await cluster.ask('ben', 'PATCH', `${roles}/ok`, [{ op: 'add', path: '/rules/0/verbs/-', value: 'delete' }], { 'content-type': 'application/json-patch+json' })).code).toBe(403);
    expect((await cluster.ask('ben', 'PATCH', `${roles}/applied?fieldManager=x`, { ...API, kind: 'Role', metadata: { name: 'applied' }, rules: [rule(['*'], ['*'])] }, { 'content-type': 'application/apply-patch+yaml' })).code).toBe(403);
    expect((await cluster.ask('ben', 'POST', `${RBAC}/clusterroles`, { metadata: { name: 'up' }, rules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }] })).code).toBe(403);
  });

  it('may bind what they hold only', async () => {
    expect((await cluster.ask('ben', 'POST', bindings, binding('ok', 'Role', 'ok'))).code).toBe(201);
    expect((await cluster.ask('ben', 'POST', bindings, binding('admin', 'ClusterRole', 'cluster-admin'))).code).toBe(403);
    expect((await cluster.ask('ben', 'POST', `${RBAC}/clusterrolebindings`, binding('admin', 'ClusterRole', 'cluster-admin'))).code).toBe(403);
    expect((await cluster.ask('ben', 'POST', bindings, binding('nothing', 'Role', 'not-there'))).code).toBe(404);
    // Subjects that are added to a binding that is there are given its role, too.
    expect((await cluster.ask('ben', 'PATCH', `${RBAC}/clusterrolebindings/cluster-admin`, { subjects: [{ kind: 'User', name: 'ben', apiGroup: GROUP }] }, { 'content-type': 'application/merge-patch+json' })).code).toBe(403);
    // A dry run tells nothing else.
    expect((await cluster.ask('ben', 'POST', `${bindings}?dryRun=All`, binding('admin', 'ClusterRole', 'cluster-admin'))).code).toBe(403);
  });

  it('cannot gather rules by labels', async () => {
    const gather = { metadata: { name: 'gather' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } };
    expect(await cluster.ask('ben', 'POST', `${RBAC}/clusterroles`, gather)).toMatchObject({ code: 403, body: { message: expect.stringContaining('must have cluster-admin privileges to use the aggregationRule') } });
    expect((await cluster.ask('ben', 'PATCH', `${RBAC}/clusterroles/view`, { aggregationRule: null }, { 'content-type': 'application/merge-patch+json' })).code).toBe(403);
    expect((await cluster.ask('root', 'POST', `${RBAC}/clusterroles`, gather)).code).toBe(201);
  });

  it('unless the verbs escalate and bind say otherwise', async () => {
    await role('trusted', [{ verbs: ['escalate', 'bind'], apiGroups: [GROUP], resources: ['roles'], resourceNames: ['special'] }]);
    await bind('Role', 'trusted', 'User', 'ben');
    const special = { metadata: { name: 'special' }, rules: [rule(['*'], ['*'])] };
    expect((await cluster.until(201, 'ben', 'POST', `${roles}?dryRun=All`, special)).code).toBe(201);
    expect((await cluster.ask('ben', 'POST', roles, special)).code).toBe(201);
    expect((await cluster.ask('ben', 'POST', bindings, binding('special', 'Role', 'special'))).code).toBe(201);
    expect((await cluster.ask('ben', 'POST', roles, { metadata: { name: 'other' }, rules: [rule(['*'], ['*'], { apiGroups: ['apps'] })] })).code).toBe(403);
  });
});

describe('a decision', () => {
  it('looks at the bindings of who asks only, however many there are', async () => {
    let [reads, lists] = [0, 0];
    const counting: Informers = {
      get: (kind, options) => {
        const informer = cluster.orchestrator.informers.get(kind, options);
        const { lister } = informer;
        const counted: typeof lister = {
          get size() {
            return lister.size;
          },
          get: (key) => ((reads += 1), lister.get(key)),
          list: (namespace) => ((lists += 1), lister.list(namespace)),
          byIndex: (index, value) => {
            const found = lister.byIndex(index, value);
            reads += 1 + found.length;
            return found;
          },
        };
        return { kind: informer.kind, lister: counted, subscribe: (handler) => informer.subscribe(handler), synced: (signal) => informer.synced(signal), observed: (revision, signal) => informer.observed(revision, signal), health: () => informer.health() };
      },
    };
    const source = new RoleSource(counting);
    await source.ready();
    const cost = (): number => {
      reads = 0;
      const { allowedBy } = source.decide({ user: { name: 'emil', groups: ['g1', 'g2'] }, verb: 'get', ref: { group: '', version: 'v1', resource: 'nodes', namespace: 'default' } });
      expect(allowedBy).toBeUndefined();
      return reads;
    };
    const before = cost();
    await role('crowd', [rule(['get'], ['nodes'])]);
    for (let i = 0; i < 200; i += 1) await bind('Role', 'crowd', 'User', `other${i}`);
    await cluster.orchestrator.informers.get(RoleBinding).observed(Number((await cluster.client.kind(RoleBinding).list()).metadata.resourceVersion), new AbortController().signal);
    expect([cost(), lists]).toEqual([before, 0]);
    expect(source.decide({ user: { name: 'other7', groups: [] }, verb: 'get', ref: { group: '', version: 'v1', resource: 'nodes', namespace: 'default' } }).allowedBy).toBe('RoleBinding "crowd-other7/default" of Role "crowd" to User "other7"');
  });
});

describe('aggregated roles', () => {
  it('have the rules of those they select, each once', () => {
    const one = (name: string, rules: object[], labels = {}) => ({ ...API, kind: 'ClusterRole', metadata: { name, labels }, rules }) as unknown as ClusterRole;
    const all = { ...one('all', [rule(['get'], ['old'])], { a: 'b' }), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }, { matchLabels: { c: 'd' } }] } };
    const others = [one('z', [rule(['get'], ['pods'])], { a: 'b', c: 'd' }), one('x', [rule(['list'], ['pods']), rule(['get'], ['pods'])], { a: 'b' }), one('n', [rule(['*'], ['*'])])];
    expect(aggregatedRules(all, [all, ...others])).toEqual([rule(['list'], ['pods']), rule(['get'], ['pods'])]);
    expect(aggregatedRules(one('p', []), others)).toBeUndefined();
  });

  it('follow what is labelled for them, through each other', async () => {
    await bindEverywhere('edit', 'User', 'dora');
    await clusterRole('things', [{ verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] }], { labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } });
    const has = async (): Promise<boolean> => may('dora', 'get', 'things', { group: 'example.com' });
    for (let turn = 0; turn < 500 && !(await has()); turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([await has(), await may('dora', 'create', 'pods'), await may('dora', 'create', 'roles', { group: GROUP })]).toEqual([true, true, false]);
    await cluster.client.kind(ClusterRole).delete({ name: 'things' });
    for (let turn = 0; turn < 500 && (await has()); turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([await has(), await may('dora', 'create', 'pods')]).toEqual([false, true]);
  });
});

it('stays in force while the plugin is exchanged', async () => {
  await cluster.orchestrator.replace('rbac', rbac());
  expect([(await cluster.ask('ben', 'GET', '/api/v1/secrets')).code, (await cluster.ask('root', 'GET', '/api/v1/secrets')).code, (await cluster.ask('anna', 'GET', '/api/v1/secrets')).code]).toEqual([403, 200, 200]);
});
