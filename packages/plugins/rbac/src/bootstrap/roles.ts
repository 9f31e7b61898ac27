import type { ClusterRole, PolicyRule } from '@orrery/core';
import { nodeRules } from '../node/rules.js';
import { CHANGE, onPaths, onResources, READ, READ_AND_CHANGE } from './rule-words.js';

// The roles every cluster begins with (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go), as far as what they are about exists here.

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';
/** Says of which origin roles and bindings are. */
const BOOTSTRAPPING = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
/** `false` on a role or binding: it is left as it is. */
export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

/** Metadata of all default roles and bindings. */
export const bootstrapMetadata = (name: string, labels: Readonly<Record<string, string>> = {}) => ({ name, labels: { ...BOOTSTRAPPING, ...labels }, annotations: { [AUTOUPDATE]: 'true' } });

const role = (name: string, rules: PolicyRule[], labels: Readonly<Record<string, string>> = {}): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: bootstrapMetadata(name, labels),
  rules,
});
/** A role that consists of those that are labelled for it. */
const aggregated = (name: string, labels: Readonly<Record<string, string>> = {}): ClusterRole => ({
  ...role(name, [], labels),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${AGGREGATE}${name}`]: 'true' } }] },
});
const labelFor = (name: string): Readonly<Record<string, string>> => ({ [`${AGGREGATE}${name}`]: 'true' });

const APPS = ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale', 'statefulsets', 'statefulsets/scale'];
const APPS_STATUS = ['daemonsets/status', 'deployments/status', 'replicasets/status', 'statefulsets/status'];

const viewRules = (): PolicyRule[] => [
  onResources([''], ['configmaps', 'endpoints', 'persistentvolumeclaims', 'persistentvolumeclaims/status', 'pods', 'replicationcontrollers', 'replicationcontrollers/scale', 'serviceaccounts', 'services', 'services/status'], READ),
  onResources([''], ['bindings', 'limitranges', 'namespaces/status', 'pods/log', 'pods/status', 'replicationcontrollers/status', 'resourcequotas', 'resourcequotas/status'], READ),
  onResources([''], ['namespaces'], READ),
  onResources(['', 'events.k8s.io'], ['events'], READ),
  onResources(['discovery.k8s.io'], ['endpointslices'], READ),
  onResources(['apps'], ['controllerrevisions', ...APPS, ...APPS_STATUS], READ),
  onResources(['autoscaling'], ['horizontalpodautoscalers', 'horizontalpodautoscalers/status'], READ),
  onResources(['batch'], ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status'], READ),
  onResources(['policy'], ['poddisruptionbudgets', 'poddisruptionbudgets/status'], READ),
  onResources(['networking.k8s.io'], ['ingresses', 'ingresses/status', 'networkpolicies'], READ),
];

const editRules = (): PolicyRule[] => [
  onResources([''], ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'], READ),
  onResources([''], ['serviceaccounts'], ['impersonate']),
  onResources([''], ['pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'], CHANGE),
  onResources([''], ['pods/eviction'], ['create']),
  onResources([''], ['configmaps', 'events', 'persistentvolumeclaims', 'replicationcontrollers', 'replicationcontrollers/scale', 'secrets', 'serviceaccounts', 'services', 'services/proxy'], CHANGE),
  onResources([''], ['serviceaccounts/token'], ['create']),
  onResources(['apps'], [...APPS, 'deployments/rollback'], CHANGE),
  onResources(['autoscaling'], ['horizontalpodautoscalers'], CHANGE),
  onResources(['batch'], ['cronjobs', 'jobs'], CHANGE),
  onResources(['policy'], ['poddisruptionbudgets'], CHANGE),
  onResources(['networking.k8s.io'], ['ingresses', 'networkpolicies'], CHANGE),
  onResources(['coordination.k8s.io'], ['leases'], READ_AND_CHANGE),
];

const adminRules = (): PolicyRule[] => [
  onResources(['authorization.k8s.io'], ['localsubjectaccessreviews'], ['create']),
  onResources(['rbac.authorization.k8s.io'], ['rolebindings', 'roles'], READ_AND_CHANGE),
];

const DISCOVERY_PATHS = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'];
const PUBLIC_PATHS = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

const schedulerRules = (): PolicyRule[] => [
  onResources(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  onResources(['coordination.k8s.io'], ['leases'], ['create', 'get', 'list', 'update', 'watch']),
  onResources([''], ['nodes', 'namespaces', 'services', 'replicationcontrollers', 'persistentvolumeclaims', 'persistentvolumes'], READ),
  onResources([''], ['pods'], ['delete', ...READ]),
  onResources([''], ['bindings', 'pods/binding'], ['create']),
  onResources([''], ['pods/status'], ['patch', 'update']),
  onResources(['apps'], ['replicasets', 'statefulsets'], READ),
  onResources(['policy'], ['poddisruptionbudgets'], READ),
  onResources(['storage.k8s.io'], ['storageclasses', 'csinodes', 'csidrivers', 'csistoragecapacities'], READ),
  onResources(['scheduling.k8s.io'], ['priorityclasses'], READ),
  onResources(['authentication.k8s.io'], ['tokenreviews'], ['create']),
  onResources(['authorization.k8s.io'], ['subjectaccessreviews'], ['create']),
];

/** The default cluster roles. */
export const bootstrapRoles = (): readonly ClusterRole[] => [
  role('cluster-admin', [onResources(['*'], ['*'], ['*']), onPaths(['*'], ['*'])]),
  role('system:discovery', [onPaths(DISCOVERY_PATHS)]),
  role('system:monitoring', [onPaths(['/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*'])]),
  role('system:basic-user', [
    onResources(['authorization.k8s.io'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    onResources(['authentication.k8s.io'], ['selfsubjectreviews'], ['create']),
  ]),
  role('system:public-info-viewer', [onPaths(PUBLIC_PATHS)]),
  aggregated('admin'),
  aggregated('edit', labelFor('admin')),
  aggregated('view', labelFor('edit')),
  role('system:aggregate-to-admin', adminRules(), labelFor('admin')),
  role('system:aggregate-to-edit', editRules(), labelFor('edit')),
  role('system:aggregate-to-view', viewRules(), labelFor('view')),
  role('system:node', nodeRules()),
  role('system:node-proxier', [
    onResources([''], ['endpoints', 'services'], ['list', 'watch']),
    onResources([''], ['nodes'], READ),
    onResources(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
    onResources(['discovery.k8s.io'], ['endpointslices'], ['list', 'watch']),
  ]),
  role('system:node-bootstrapper', [onResources(['certificates.k8s.io'], ['certificatesigningrequests'], ['create', 'get', 'list', 'watch'])]),
  role('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [onResources(['certificates.k8s.io'], ['certificatesigningrequests/nodeclient'], ['create'])]),
  role('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [onResources(['certificates.k8s.io'], ['certificatesigningrequests/selfnodeclient'], ['create'])]),
  role('system:kubelet-api-admin', [
    onResources([''], ['nodes'], READ),
    onResources([''], ['nodes'], ['proxy']),
    onResources([''], ['nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/stats'], ['*']),
  ]),
  role('system:auth-delegator', [
    onResources(['authentication.k8s.io'], ['tokenreviews'], ['create']),
    onResources(['authorization.k8s.io'], ['subjectaccessreviews'], ['create']),
  ]),
  role('system:service-account-issuer-discovery', [onPaths(['/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'])]),
  role('system:kube-scheduler', schedulerRules()),
];
