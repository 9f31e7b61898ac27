import type { Column } from '../kind.js';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from '../kinds/rbac.js';
import { age, column, wide } from './cells.js';

// Access control: pkg/printers/internalversion; roles have the columns of kinds without a printer.

/** Columns of Roles and ClusterRoles. */
export const roleColumns: readonly Column<Role | ClusterRole>[] = [column('Created At', ({ metadata }) => metadata.creationTimestamp ?? '', 'date')];

const namesOf = (subjects: readonly Subject[] | undefined, kind: string, text: (subject: Subject) => string = ({ name }) => name): string =>
  (subjects ?? []).filter((subject) => subject.kind === kind).map(text).join(', ');

/** Columns of RoleBindings and ClusterRoleBindings. */
export const roleBindingColumns: readonly Column<RoleBinding | ClusterRoleBinding>[] = [
  column('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  age(),
  wide('Users', ({ subjects }) => namesOf(subjects, 'User')),
  wide('Groups', ({ subjects }) => namesOf(subjects, 'Group')),
  wide('ServiceAccounts', ({ subjects }) => namesOf(subjects, 'ServiceAccount', ({ namespace = '', name }) => `${namespace}/${name}`)),
];
