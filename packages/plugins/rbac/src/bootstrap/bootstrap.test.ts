import { ClusterRole, ClusterRoleBinding, type KubeObject } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../test/cluster.js';
import { bootstrapBindings } from './bindings.js';
import { repairBinding, repairRole } from './reconcile.js';
import { AUTOUPDATE, bootstrapRoles } from './roles.js';

const roleNamed = (name: string): ClusterRole => bootstrapRoles().find(({ metadata }) => metadata.name === name) as ClusterRole;
const bindingNamed = (name: string): ClusterRoleBinding => bootstrapBindings().find(({ metadata }) => metadata.name === name) as ClusterRoleBinding;
const leftAlone = <T extends KubeObject>(object: T): T => ({ ...object, metadata: { ...object.metadata, annotations: { [AUTOUPDATE]: 'false' } } });

describe('default roles', () => {
  it('are bound to roles that there are', () => {
    const names = bootstrapRoles().map(({ metadata }) => metadata.name);
    for (const { roleRef } of bootstrapBindings()) expect(names).toContain(roleRef.name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('get back what they lack and keep what they have besides', () => {
    const wanted = roleNamed('system:node-proxier');
    const own = { verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] };
    expect(repairRole(wanted, undefined)).toEqual({ action: 'create', object: wanted });
    expect(repairRole(wanted, wanted)).toEqual({ action: 'nothing' });
    expect(repairRole(wanted, { ...wanted, rules: [...wanted.rules, own] })).toEqual({ action: 'nothing' });
    const cut = { ...wanted, rules: [...wanted.rules.slice(1), own] };
    const repaired = repairRole(wanted, cut);
    expect(repaired).toMatchObject({ action: 'update', object: { rules: [...cut.rules, { verbs: ['list', 'watch'], apiGroups: [''], resources: ['endpoints'] }, { verbs: ['list', 'watch'], apiGroups: [''], resources: ['services'] }] } });
    expect(repairRole(wanted, leftAlone(cut))).toEqual({ action: 'nothing' });
  });

  it('that are aggregated are left their rules', () => {
    const wanted = roleNamed('view');
    expect(repairRole(wanted, { ...wanted, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] })).toEqual({ action: 'nothing' });
    const { aggregationRule: _, ...plain } = wanted;
    expect(repairRole(wanted, plain)).toMatchObject({ action: 'update', object: { aggregationRule: wanted.aggregationRule } });
  });
});

describe('default bindings', () => {
  it('get back their subjects, and their role by being made anew', () => {
    const wanted = bindingNamed('system:public-info-viewer');
    expect(repairBinding(wanted, wanted)).toEqual({ action: 'nothing' });
    const cut = { ...wanted, subjects: [] };
    expect(repairBinding(wanted, cut)).toMatchObject({ action: 'update', object: { subjects: wanted.subjects } });
    expect(repairBinding(wanted, leftAlone(cut))).toEqual({ action: 'nothing' });
    expect(repairBinding(wanted, { ...wanted, roleRef: { ...wanted.roleRef, name: 'cluster-admin' } })).toEqual({ action: 'replace', object: wanted });
    expect(repairBinding(bindingNamed('system:node'), bindingNamed('system:node'))).toEqual({ action: 'nothing' });
  });
});

describe('the policy a cluster begins with', () => {
  it('is put right when it starts, and survives many starts at once', async () => {
    const cluster = await Cluster.start();
    const { client } = cluster;
    const { reconcileBootstrapPolicy } = await import('./reconcile.js');
    const roles = client.kind(ClusterRole);
    await roles.delete({ name: 'system:discovery' });
    await roles.patch({ name: 'system:basic-user' }, 'merge', { rules: [] });
    await roles.patch({ name: 'system:monitoring' }, 'merge', { rules: [], metadata: { annotations: { [AUTOUPDATE]: 'false' } } });
    const bindings = client.kind(ClusterRoleBinding);
    await bindings.delete({ name: 'cluster-admin' });
    await bindings.create({ ...bindingNamed('cluster-admin'), roleRef: { ...bindingNamed('cluster-admin').roleRef, name: 'view' } });
    await Promise.all([1, 2, 3].map(() => reconcileBootstrapPolicy(client)));
    expect((await roles.get({ name: 'system:discovery' })).rules).toEqual(roleNamed('system:discovery').rules);
    expect((await roles.get({ name: 'system:basic-user' })).rules).toHaveLength(3);
    expect((await roles.get({ name: 'system:monitoring' })).rules).toEqual([]);
    expect((await bindings.get({ name: 'cluster-admin' })).roleRef.name).toBe('cluster-admin');
    const before = (await roles.list()).metadata.resourceVersion;
    await reconcileBootstrapPolicy(client);
    expect((await roles.list()).metadata.resourceVersion).toBe(before);
    await cluster.stop();
  });
});
