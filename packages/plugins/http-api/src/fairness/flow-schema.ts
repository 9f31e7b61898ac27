import type { ResourceRef, UserInfo } from '@orrery/core';
import { EXEMPT } from './priority-levels.js';

/** What a request counts as. */
export interface Classified {
  /** The first flow schema that fits. */
  readonly schema: string;
  readonly level: string;
  /** Requests of one flow wait in one queue: those of one user, or of a user in one namespace. */
  readonly flow: string;
}

/** What a request is classified by. */
export interface ClassifiedBy {
  readonly user: UserInfo;
  /** Kubernetes' verb; in lower case, the method of what is no object. */
  readonly verb: string;
  readonly ref?: ResourceRef;
  readonly path?: string;
}

type Distinguisher = 'user' | 'namespace';

interface FlowSchema {
  readonly name: string;
  readonly level: string;
  readonly by: Distinguisher;
  fits(request: ClassifiedBy): boolean;
}

const PROBES: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);
const LEADING_VERBS: ReadonlySet<string> = new Set(['get', 'create', 'update']);
const SYSTEM_ACCOUNT = 'system:serviceaccount:kube-system:';

const isIn = ({ user }: ClassifiedBy, group: string): boolean => user.groups?.includes(group) === true;
const isOf = ({ ref }: ClassifiedBy, group: string, resource: string): boolean => ref?.group === group && ref.resource === resource;
const isLease = (request: ClassifiedBy): boolean => isOf(request, 'coordination.k8s.io', 'leases');
const isElection = (request: ClassifiedBy): boolean => isLease(request) && LEADING_VERBS.has(request.verb);
/** Controllers of an orchestrator that works on this API from elsewhere are controllers too. */
const isControllers = ({ user: { name } }: ClassifiedBy): boolean => name === 'system:kube-controller-manager' || name.startsWith('system:controller:');
const isScheduler = ({ user: { name } }: ClassifiedBy): boolean => name === 'system:kube-scheduler';
const isSystemAccount = ({ user: { name } }: ClassifiedBy): boolean => name.startsWith(SYSTEM_ACCOUNT);

/** Those of kube-apiserver from the beginning, in the order of their precedence. */
const FLOW_SCHEMAS: readonly FlowSchema[] = [
  { name: 'exempt', level: EXEMPT, by: 'user', fits: (request) => isIn(request, 'system:masters') },
  { name: 'probes', level: EXEMPT, by: 'user', fits: ({ path }) => path !== undefined && PROBES.has(path) },
  { name: 'system-leader-election', level: 'leader-election', by: 'user', fits: (request) => isElection(request) && (isControllers(request) || isScheduler(request) || isSystemAccount(request)) },
  { name: 'endpoint-controller', level: 'workload-high', by: 'user', fits: (request) => LEADING_VERBS.has(request.verb) && isOf(request, '', 'endpoints') && isControllers(request) },
  { name: 'workload-leader-election', level: 'leader-election', by: 'namespace', fits: (request) => isElection(request) && isIn(request, 'system:serviceaccounts') },
  { name: 'system-node-high', level: 'node-high', by: 'user', fits: (request) => isIn(request, 'system:nodes') && (isOf(request, '', 'nodes') || isLease(request)) },
  { name: 'system-nodes', level: 'system', by: 'user', fits: (request) => isIn(request, 'system:nodes') },
  { name: 'kube-controller-manager', level: 'workload-high', by: 'namespace', fits: isControllers },
  { name: 'kube-scheduler', level: 'workload-high', by: 'namespace', fits: isScheduler },
  { name: 'kube-system-service-accounts', level: 'workload-high', by: 'namespace', fits: isSystemAccount },
  { name: 'service-accounts', level: 'workload-low', by: 'user', fits: (request) => isIn(request, 'system:serviceaccounts') },
  { name: 'global-default', level: 'global-default', by: 'user', fits: (request) => isIn(request, 'system:authenticated') || isIn(request, 'system:unauthenticated') },
];

/** Names of all schemas, with their levels: for who counts by them. */
export const SCHEMA_LEVELS: ReadonlyMap<string, string> = new Map([...FLOW_SCHEMAS.map(({ name, level }) => [name, level] as const), ['catch-all', 'catch-all']]);

/** Which importance a request has, and whose it is (API Priority and Fairness of Kubernetes, with its suggested configuration). Pure. */
export function classify(request: ClassifiedBy): Classified {
  const schema = FLOW_SCHEMAS.find((one) => one.fits(request));
  if (schema === undefined) return { schema: 'catch-all', level: 'catch-all', flow: request.user.name };
  // A name of a schema has no slash: flows of two schemas never meet.
  const whose = schema.by === 'user' ? request.user.name : (request.ref?.namespace ?? '');
  return { schema: schema.name, level: schema.level, flow: `${schema.name}/${whose}` };
}
