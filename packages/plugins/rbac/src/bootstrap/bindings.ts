import { type ClusterRoleBinding, type Subject, systemIdentities } from '@orrery/core';
import { bootstrapMetadata } from './roles.js';

const API_GROUP = 'rbac.authorization.k8s.io';
const group = (name: string): Subject => ({ kind: 'Group', apiGroup: API_GROUP, name });
const user = (name: string): Subject => ({ kind: 'User', apiGroup: API_GROUP, name });

const binding = (name: string, ...subjects: Subject[]): ClusterRoleBinding => ({
  apiVersion: `${API_GROUP}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: bootstrapMetadata(name),
  roleRef: { apiGroup: API_GROUP, kind: 'ClusterRole', name },
  ...(subjects.length > 0 && { subjects }),
});

/** Who has which of the default roles. Nodes have theirs by the node authorizer, each for itself: `system:node` is bound to nobody. */
export const bootstrapBindings = (): readonly ClusterRoleBinding[] => [
  binding('cluster-admin', group(systemIdentities.masters)),
  binding('system:monitoring', group('system:monitoring')),
  binding('system:discovery', group(systemIdentities.authenticated)),
  binding('system:basic-user', group(systemIdentities.authenticated)),
  binding('system:public-info-viewer', group(systemIdentities.authenticated), group(systemIdentities.unauthenticated)),
  binding('system:service-account-issuer-discovery', group(systemIdentities.serviceAccounts)),
  binding('system:node-proxier', user('system:kube-proxy')),
  binding('system:kube-scheduler', user('system:kube-scheduler')),
  binding('system:node'),
];
