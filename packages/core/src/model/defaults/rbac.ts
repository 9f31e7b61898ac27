import type { ClusterRoleBinding, RoleBinding } from '../kinds/rbac.js';

// Scheme defaulting of access control (pkg/apis/rbac/v1/defaults.go).

/** The API group of access control. */
const GROUP = 'rbac.authorization.k8s.io';

/** Roles, users and groups are of this API group unless it is said otherwise (SetDefaults_RoleBinding, SetDefaults_Subject). */
export function applyBindingDefaults(binding: RoleBinding | ClusterRoleBinding): void {
  if (binding.roleRef.apiGroup === '') binding.roleRef.apiGroup = GROUP;
  for (const subject of binding.subjects ?? []) {
    if ((subject.apiGroup ?? '') === '' && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP;
  }
}
