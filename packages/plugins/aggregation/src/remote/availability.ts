import { type Condition, type Controller, equalJson, errorMessage, keyOf, type Lister, timeOfMillis, watching } from '@orrery/core';
import type { ServiceResolver } from '@orrery/webhook-client';
import { APIService } from '../kind/api-service.js';
import { type AskOptions, askServer } from './ask.js';
import type { RemoteServices } from './services.js';

/** A server elsewhere tells nobody when it comes or goes: it is asked again so often, as kube-aggregator does. */
const RECHECK_MS = 30_000;
/** While it does not answer. */
const RETRY_MS = 5_000;

/** What came of the checks. */
export type Finding = Pick<Condition, 'status' | 'reason' | 'message'>;

const LOCAL: Finding = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
const PASSED: Finding = { status: 'True', reason: 'Passed', message: 'all checks passed' };

/** What the checks look at. */
export interface AvailabilityOptions {
  readonly services: () => ServiceResolver;
  readonly remote: () => RemoteServices;
}

/** Says of each APIService whether it can be asked, in its condition `Available`. */
export function availabilityController({ services, remote }: AvailabilityOptions): Controller {
  return {
    name: 'apiservice-availability',
    workers: 5,
    start: (setup) => {
      const lister: Lister<APIService> = setup.informer(APIService).lister;
      return {
        watches: [watching({ kind: APIService, keys: (one, _old, deleted) => (deleted ? [] : [keyOf(one)]) })],
        reconcile: async (key, { client, clock, signal }) => {
          const one = lister.get(key);
          if (one === undefined) return;
          const found = one.spec.service === undefined ? LOCAL : await check(one, services(), remote(), { accept: 'application/json', clock, signal });
          const conditions = withFinding(one.status?.conditions ?? [], found, clock.now());
          if (!equalJson(conditions, one.status?.conditions ?? [])) await client.kind(APIService).updateStatus({ ...one, status: { ...one.status, conditions } });
          if (one.spec.service === undefined) return;
          return { againAfterMs: found.status === 'True' ? RECHECK_MS : RETRY_MS };
        },
      };
    },
  };
}

async function check(one: APIService, services: ServiceResolver, remote: RemoteServices, how: AskOptions): Promise<Finding> {
  const { namespace = '', name = '', port = 443 } = one.spec.service ?? {};
  const at = `service/${name} in ${JSON.stringify(namespace)}`;
  try {
    services.resolve(namespace, name, port);
  } catch (error) {
    const why = errorMessage(error);
    if (why.endsWith('not found')) return { status: 'False', reason: 'ServiceNotFound', message: `${at} is not present` };
    if (why.startsWith('no service port')) return { status: 'False', reason: 'ServicePortError', message: `${at} is not listening on port ${port}` };
    return { status: 'False', reason: 'MissingEndpoints', message: `endpoints for ${at} have no addresses with port ${port}` };
  }
  const { group = '', version = '' } = one.spec;
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    const { code } = await askServer(remote.targetOf(one), path, how);
    if (code >= 200 && code < 300) return PASSED;
    return { status: 'False', reason: 'FailedDiscoveryCheck', message: `failing or missing response from https://${name}.${namespace}.svc:${port}${path}: bad status from https://${name}.${namespace}.svc:${port}${path}: ${code}` };
  } catch (error) {
    return { status: 'False', reason: 'FailedDiscoveryCheck', message: `failing or missing response from https://${name}.${namespace}.svc:${port}${path}: ${errorMessage(error)}` };
  }
}

/** The conditions with this one in them; its time is that of its last change. Pure. */
export function withFinding(conditions: readonly Condition[], { status, reason, message }: Finding, now: number): Condition[] {
  const before = conditions.find(({ type }) => type === 'Available');
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timeOfMillis(now);
  const next: Condition = { type: 'Available', status, reason, message, lastTransitionTime };
  return before === undefined ? [...conditions, next] : conditions.map((one) => (one === before ? next : one));
}
