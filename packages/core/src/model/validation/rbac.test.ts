import { describe, expect, it } from 'vitest';
import { ClusterRole, ClusterRoleBinding, decodeObject, type KindDefinition, type KubeObject, mergeInfoAt, Role, RoleBinding, tableOf, validateObjectMeta } from '../index.js';

const GROUP = 'rbac.authorization.k8s.io';
const made = <T extends KubeObject>(kind: KindDefinition<T>, body: object): T => {
  const { object } = decodeObject(kind, { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', ...(kind.namespaced && { namespace: 'default' }) }, ...body });
  kind.rules.applyDefaults?.(object);
  return object;
};
const short = (errors: readonly { field: string; type: string }[] = []): string[] => errors.map(({ field, type }) => `${field} ${type.replace('FieldValue', '')}`);
const wrong = <T extends KubeObject>(kind: KindDefinition<T>, body: object): string[] => short(kind.rules.validate?.(made(kind, body)));
const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const ref = { kind: 'ClusterRole', name: 'view' };

describe('roles', () => {
  it('are checked', () => {
    expect(wrong(Role, { rules: [rule] })).toEqual([]);
    expect(wrong(Role, {})).toEqual([]);
    expect(wrong(Role, { rules: [{}] })).toEqual(['rules[0].verbs Required', 'rules[0].apiGroups Required', 'rules[0].resources Required']);
    const paths = { nonResourceURLs: ['/healthz'], verbs: ['get'] };
    expect(wrong(Role, { rules: [paths] })).toEqual(['rules[0].nonResourceURLs Invalid']);
    expect(wrong(ClusterRole, { rules: [paths] })).toEqual([]);
    expect(wrong(ClusterRole, { rules: [{ ...paths, ...rule }] })).toEqual(['rules[0].nonResourceURLs Invalid']);
    expect(wrong(ClusterRole, { aggregationRule: {} })).toEqual(['aggregationRule.clusterRoleSelectors Required']);
    expect(wrong(ClusterRole, { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }, { matchExpressions: [{ key: 'a', operator: 'Like' }] }] } })).toEqual([
      'aggregationRule.clusterRoleSelectors[1].matchExpressions[0].operator Invalid', 'aggregationRule.clusterRoleSelectors[1] Invalid',
    ]);
  });

  it('have names that are only to fit in a path', () => {
    const { validateName } = Role.rules;
    const meta = (name: string): string[] => short(validateObjectMeta({ name, namespace: 'default' }, { namespaced: true, ...(validateName && { validateName }) }));
    for (const name of ['system:node', 'Upper Case', 'a_b', '..a']) expect(meta(name)).toEqual([]);
    for (const name of ['a/b', 'a%b', '.', '..']) expect(meta(name)).toEqual(['metadata.name Invalid']);
    expect(validateName?.('..', true)).toEqual([]);
    expect(validateName?.('a/', true)).toEqual(["may not contain '/'"]);
  });
});

describe('bindings', () => {
  it('are of the API group of access control unless they say otherwise', () => {
    const subjects = [{ kind: 'User', name: 'u' }, { kind: 'Group', name: 'g' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }];
    expect(made(RoleBinding, { roleRef: ref, subjects })).toMatchObject({
      roleRef: { apiGroup: GROUP, ...ref },
      subjects: [{ kind: 'User', apiGroup: GROUP, name: 'u' }, { kind: 'Group', apiGroup: GROUP, name: 'g' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }],
    });
    expect(made(RoleBinding, { roleRef: ref, subjects }).subjects?.[2]).not.toHaveProperty('apiGroup');
  });

  it('are checked', () => {
    expect(wrong(RoleBinding, { roleRef: { kind: 'Role', name: 'a:b' }, subjects: [{ kind: 'ServiceAccount', name: 's' }] })).toEqual([]);
    expect(wrong(ClusterRoleBinding, { roleRef: { kind: 'Role', name: 'a/b' }, subjects: [{ kind: 'ServiceAccount', name: 's' }] })).toEqual(['roleRef.kind NotSupported', 'roleRef.name Invalid', 'subjects[0].namespace Required']);
    expect(wrong(RoleBinding, { roleRef: { apiGroup: 'x', name: '' } })).toEqual(['roleRef.apiGroup NotSupported', 'roleRef.kind NotSupported', 'roleRef.name Required']);
    const subjects = [{ kind: 'User', apiGroup: 'x', name: '' }, { kind: 'Robot', name: 'r' }, { kind: 'ServiceAccount', apiGroup: GROUP, name: 'No' }];
    expect(wrong(RoleBinding, { roleRef: ref, subjects })).toEqual([
      'subjects[0].name Required', 'subjects[0].apiGroup NotSupported', 'subjects[1].kind NotSupported', 'subjects[2].name Invalid', 'subjects[2].apiGroup NotSupported',
    ]);
  });

  it('keep their role', () => {
    const changed = (after: object) => short(RoleBinding.rules.validateUpdate?.(made(RoleBinding, { roleRef: after }), made(RoleBinding, { roleRef: ref })));
    expect(changed(ref)).toEqual([]);
    expect(changed({ ...ref, apiGroup: GROUP })).toEqual([]);
    expect(changed({ ...ref, name: 'cluster-admin' })).toEqual(['roleRef Invalid']);
  });

  it('merge as a whole', () => {
    for (const path of [['subjects'], ['roleRef']]) expect(mergeInfoAt(RoleBinding, path)?.merge.strategy).toBeUndefined();
    expect(mergeInfoAt(RoleBinding, ['roleRef'])?.merge).toEqual({ mapType: 'atomic' });
    expect(mergeInfoAt(ClusterRole, ['rules'])?.merge).toEqual({});
  });

  it('are shown as kubectl shows them', () => {
    const subjects = [{ kind: 'User', name: 'u' }, { kind: 'User', name: 'v' }, { kind: 'Group', name: 'g' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }];
    const { columnDefinitions, rows } = tableOf(ClusterRoleBinding as unknown as KindDefinition, made(ClusterRoleBinding, { roleRef: ref, subjects }), { now: 0 });
    expect(columnDefinitions.map(({ name, priority }) => `${name} ${priority}`)).toEqual(['Name 0', 'Role 0', 'Age 0', 'Users 1', 'Groups 1', 'ServiceAccounts 1']);
    expect(rows[0]?.cells).toEqual(['x', 'ClusterRole/view', '<unknown>', 'u, v', 'g', 'n/s']);
    const role = made(ClusterRole, { metadata: { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' } });
    const table = tableOf(ClusterRole as unknown as KindDefinition, role, { now: 0 });
    expect([table.columnDefinitions.map(({ name, type }) => `${name} ${type}`), table.rows[0]?.cells]).toEqual([['Name string', 'Created At date'], ['x', '2026-01-01T00:00:00Z']]);
  });
});
