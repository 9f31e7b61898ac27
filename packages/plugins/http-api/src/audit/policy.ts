import type { Attributes } from '@orrery/core';

/** How much of a request is written down (audit.k8s.io/v1 Level): nothing; who did what to what and how it ended; what was sent, too; what was answered, too. */
export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';

/** Resources of one group; without `resources` all of it. `pods`, `pods/log`, `pods/*`, `*\/scale` and `*` mean what they mean in Kubernetes. */
export interface AuditResources {
  /** '' for the core group. */
  readonly group?: string | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly resourceNames?: readonly string[] | undefined;
}

/** One rule (audit.k8s.io/v1 PolicyRule): what is not named is not asked for. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[] | undefined;
  readonly userGroups?: readonly string[] | undefined;
  readonly verbs?: readonly string[] | undefined;
  readonly resources?: readonly AuditResources[] | undefined;
  /** '' means what is in no namespace. */
  readonly namespaces?: readonly string[] | undefined;
  /** Paths, perhaps with a `*` at the end. */
  readonly nonResourceURLs?: readonly string[] | undefined;
}

/** What is written down (audit.k8s.io/v1 Policy): the first rule that fits counts, and nothing where none does. */
export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
}

/** Whatever changes something or reads secrets, who asked and how it ended; nothing of reading and of health. */
export const DEFAULT_AUDIT_POLICY: AuditPolicy = {
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/metrics', '/openapi/*', '/api*', '/apis*'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }, { group: '', resources: ['events'] }, { group: 'events.k8s.io', resources: ['events'] }] },
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token', 'pods/exec', 'pods/attach', 'pods/portforward', 'pods/log'] }] },
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'Request' },
  ],
};

/** Whose bodies hold what nobody is to read in a log: `resource` or `resource/subresource`, by group. */
const SECRET: Readonly<Record<string, readonly string[]>> = { '': ['secrets', 'serviceaccounts/token'], 'authentication.k8s.io': ['tokenreviews'] };

/** The level of a request by a policy; of secrets and tokens never more than Metadata. Pure. */
export function auditLevel({ rules }: AuditPolicy, attributes: Attributes): AuditLevel {
  const level = rules.find((rule) => fits(rule, attributes))?.level ?? 'None';
  return level !== 'None' && isSecret(attributes) ? 'Metadata' : level;
}

function isSecret({ ref }: Attributes): boolean {
  return ref !== undefined && (SECRET[ref.group] ?? []).some((name) => name === ref.resource || name === `${ref.resource}/${ref.subresource ?? ''}`);
}

function fits({ users = [], userGroups = [], verbs = [], resources = [], namespaces = [], nonResourceURLs = [] }: AuditRule, { user, verb, ref, path }: Attributes): boolean {
  if (users.length > 0 && !users.includes(user.name)) return false;
  if (userGroups.length > 0 && !userGroups.some((group) => user.groups.includes(group))) return false;
  if (verbs.length > 0 && !verbs.includes(verb)) return false;
  if (resources.length === 0 && namespaces.length === 0 && nonResourceURLs.length === 0) return true;
  if (ref === undefined) return nonResourceURLs.some((pattern) => fitsPath(pattern, path ?? ''));
  if (resources.length === 0 && namespaces.length === 0) return false;
  if (namespaces.length > 0 && !namespaces.includes(ref.namespace ?? '')) return false;
  return resources.length === 0 || resources.some((one) => fitsResource(one, ref));
}

const fitsPath = (pattern: string, path: string): boolean => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern);

function fitsResource({ group = '', resources = [], resourceNames = [] }: AuditResources, ref: NonNullable<Attributes['ref']>): boolean {
  if (group !== ref.group) return false;
  const named = resourceNames.length === 0 || resourceNames.includes(ref.name ?? '');
  return named && (resources.length === 0 || resources.some((pattern) => fitsName(pattern, ref.resource, ref.subresource)));
}

function fitsName(pattern: string, resource: string, subresource: string | undefined): boolean {
  if (pattern === '*') return true;
  const [wanted, part] = pattern.split('/', 2);
  if (wanted !== '*' && wanted !== resource) return false;
  if (part === undefined) return subresource === undefined;
  return subresource !== undefined && (part === '*' || part === subresource);
}
