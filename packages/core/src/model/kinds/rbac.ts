import type { z } from 'zod';
import { applyBindingDefaults } from '../defaults/rbac.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import { isValidPathSegmentName } from '../names.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, described, list, pointer, requiredList, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { roleBindingColumns, roleColumns } from '../table/rbac-columns.js';
import { validateClusterRole, validateClusterRoleBinding, validateRole, validateRoleBinding, validateRoleRefUpdate } from '../validation/rbac.js';
import { labelSelector } from './selectors.js';

const policyRuleSchema = struct({
  verbs: requiredList(text),
  apiGroups: list(text).optional(),
  resources: list(text).optional(),
  resourceNames: list(text).optional(),
  nonResourceURLs: list(text).optional(),
});
/** What may be done with which resources, or with which other paths. */
export interface PolicyRule extends z.infer<typeof policyRuleSchema> {}
/** Schema of {@link PolicyRule}. */
export const policyRule: Schema<PolicyRule> = described(policyRuleSchema, 'What may be done with which resources, or with which other paths.');

const roleRefSchema = atomicStruct({
  apiGroup: text.default(''),
  kind: text.default(''),
  name: text.default(''),
});
/** The role that a binding gives. */
export interface RoleRef extends z.infer<typeof roleRefSchema> {}
/** Schema of {@link RoleRef}. */
export const roleRef: Schema<RoleRef> = described(roleRefSchema, 'The role that a binding gives.');

const subjectSchema = atomicStruct({
  kind: text.default(''),
  apiGroup: text.optional(),
  name: text.default(''),
  namespace: text.optional(),
});
/** Who gets a role: a user, a group, or a service account. */
export interface Subject extends z.infer<typeof subjectSchema> {}
/** Schema of {@link Subject}. */
export const subject: Schema<Subject> = described(subjectSchema, 'Who gets a role: a user, a group, or a service account.');

const aggregationRuleSchema = struct({
  clusterRoleSelectors: list(labelSelector).optional(),
});
/** Which cluster roles' rules a cluster role consists of. */
export interface AggregationRule extends z.infer<typeof aggregationRuleSchema> {}
/** Schema of {@link AggregationRule}. */
export const aggregationRule: Schema<AggregationRule> = described(aggregationRuleSchema, 'Which cluster roles\' rules a cluster role consists of.');

/** Names are free but for what a path cannot hold: `system:node` is a good one. */
const names = { validateName: (name: string, prefix: boolean): string[] => (prefix ? isValidPathSegmentName(name).filter((message) => message.startsWith('may not contain')) : isValidPathSegmentName(name)) };
const group = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;

/** What may be done in one namespace (rbac.authorization.k8s.io/v1). */
export interface Role extends KubeObject {
  rules: PolicyRule[];
}
/** The kind {@link Role}. */
export const Role: KindDefinition<Role> = buildKind<Role>({
  ...group,
  kind: 'Role',
  description: 'What may be done in one namespace.',
  fields: { rules: requiredList(policyRule) },
  columns: roleColumns,
  rules: { ...names, validate: validateRole },
});

/** What may be done, wherever it is bound (rbac.authorization.k8s.io/v1). */
export interface ClusterRole extends KubeObject {
  rules: PolicyRule[];
  aggregationRule?: AggregationRule | undefined;
}
/** The kind {@link ClusterRole}. */
export const ClusterRole: KindDefinition<ClusterRole> = buildKind<ClusterRole>({
  ...group,
  kind: 'ClusterRole',
  description: 'What may be done, wherever it is bound.',
  namespaced: false,
  fields: { rules: requiredList(policyRule), aggregationRule: pointer(aggregationRule) },
  columns: roleColumns,
  rules: { ...names, validate: validateClusterRole },
});

/** Gives a role to subjects, in one namespace (rbac.authorization.k8s.io/v1). */
export interface RoleBinding extends KubeObject {
  subjects?: Subject[] | undefined;
  roleRef: RoleRef;
}
/** The kind {@link RoleBinding}. */
export const RoleBinding: KindDefinition<RoleBinding> = buildKind<RoleBinding>({
  ...group,
  kind: 'RoleBinding',
  description: 'Gives a role to subjects, in one namespace.',
  fields: { subjects: list(subject).optional(), roleRef: requiredStruct(roleRef) },
  columns: roleBindingColumns,
  rules: { ...names, applyDefaults: applyBindingDefaults, validate: validateRoleBinding, validateUpdate: validateRoleRefUpdate },
});

/** Gives a cluster role to subjects, everywhere (rbac.authorization.k8s.io/v1). */
export interface ClusterRoleBinding extends KubeObject {
  subjects?: Subject[] | undefined;
  roleRef: RoleRef;
}
/** The kind {@link ClusterRoleBinding}. */
export const ClusterRoleBinding: KindDefinition<ClusterRoleBinding> = buildKind<ClusterRoleBinding>({
  ...group,
  kind: 'ClusterRoleBinding',
  description: 'Gives a cluster role to subjects, everywhere.',
  namespaced: false,
  fields: { subjects: list(subject).optional(), roleRef: requiredStruct(roleRef) },
  columns: roleBindingColumns,
  rules: { ...names, applyDefaults: applyBindingDefaults, validate: validateClusterRoleBinding, validateUpdate: validateRoleRefUpdate },
});
