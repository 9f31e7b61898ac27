import {
  type Admission, type AdmissionRequest, ApiError, type Authorizer, type Client, ClusterRole, type ClusterRoleBinding, equalJson, type KubeObject, type PolicyRule, Role, type RoleBinding, type RoleRef,
  systemIdentities,
} from '@orrery/core';
import { escalationOf } from './escalation.js';
import type { RoleSource } from './role-source.js';

/** What the escalation check works with. */
export interface EscalationSources {
  readonly roles: RoleSource;
  /** Roles that were just made are read through it: caches may not have them yet. */
  readonly client: Client;
  /** Whoever it is that decides about the verbs `escalate` and `bind`. */
  readonly authorizer: Authorizer;
}

const GROUP = 'rbac.authorization.k8s.io';
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * Nobody gives what they do not have: who makes or changes a role must hold all of its rules, or have the verb `escalate` on it; who binds a role must hold its rules, or have the verb `bind` on it
 * (pkg/registry/rbac/*\/policybased). The group `system:masters` is not asked.
 */
export function escalationCheck(sources: () => EscalationSources): Admission {
  return {
    name: 'RBACEscalation',
    handles: ({ operation, kind }) => kind.group === GROUP && operation !== 'DELETE',
    validate: async (request) => {
      if (request.user.groups.includes(systemIdentities.masters)) return;
      if (request.old !== undefined && isForDeletionOnly(request.object as KubeObject, request.old)) return;
      const given = sources();
      await given.roles.ready();
      if (request.kind.kind === 'Role' || request.kind.kind === 'ClusterRole') return checkRole(request, given);
      return checkBinding(request, given);
    },
  };
}

async function checkRole(request: AdmissionRequest, { roles, authorizer }: EscalationSources): Promise<void> {
  const { user, kind, object, old } = request;
  const { namespace, name } = (object as KubeObject).metadata;
  const ref = { group: GROUP, version: kind.version, resource: kind.plural, ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) };
  const { allowed, denied } = await authorizer.authorize({ user, verb: 'escalate', ref });
  if (allowed && denied !== true) return;
  const held = roles.rulesFor(user, namespace);
  const lacks = escalationOf(user, held, (object as Role).rules);
  if (lacks !== undefined) throw refusal(request, lacks);
  const isAggregated = [object, old].some((one) => (one as ClusterRole | undefined)?.aggregationRule !== undefined);
  if (isAggregated && escalationOf(user, held, EVERYTHING) !== undefined) throw refusal(request, 'must have cluster-admin privileges to use the aggregationRule');
}

async function checkBinding(request: AdmissionRequest, { roles, client, authorizer }: EscalationSources): Promise<void> {
  const { user, object } = request;
  const { metadata: { namespace }, roleRef } = object as RoleBinding | ClusterRoleBinding;
  const ref = { group: GROUP, version: 'v1', resource: roleRef.kind === 'Role' ? 'roles' : 'clusterroles', name: roleRef.name, ...(namespace !== undefined && { namespace }) };
  const { allowed, denied } = await authorizer.authorize({ user, verb: 'bind', ref });
  if (allowed && denied !== true) return;
  const lacks = escalationOf(user, roles.rulesFor(user, namespace), await rulesOf(roleRef, namespace, client));
  if (lacks !== undefined) throw refusal(request, lacks);
}

/** As they are stored now: what was just added to a role must not be given by a look at its past. Throws NotFound for a role that is not there. */
async function rulesOf({ kind, name }: RoleRef, namespace: string | undefined, client: Client): Promise<readonly PolicyRule[]> {
  return kind === 'Role' ? (await client.kind(Role).get({ namespace, name })).rules : (await client.kind(ClusterRole).get({ name })).rules;
}

/** Whether only owners and finalizers change: the garbage collector may not hold what it helps to remove (IsOnlyMutatingGCFields). */
function isForDeletionOnly(object: KubeObject, old: KubeObject): boolean {
  const bare = ({ metadata, ...rest }: KubeObject): object => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, resourceVersion: ____, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };
  return equalJson(bare(object), bare(old));
}

function refusal({ kind, object }: AdmissionRequest, why: string): ApiError {
  const name = object?.metadata.name ?? '';
  return new ApiError('Forbidden', `${kind.plural}.${GROUP} ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: GROUP, kind: kind.plural });
}
