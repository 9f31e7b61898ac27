import { type Admission, type AdmissionRequest, type Amounts, ApiError, type Client, type Clock, type Informer, type Pod, type ResourceQuota } from '@orrery/core';
import { QuotaLedger } from './ledger.js';
import { difference, forbiddenText, missingRequests } from './plan.js';
import { whenSynced } from '../shared/when-synced.js';
import { isInScope } from './scopes.js';
import { isCountedBy, usageOf } from './usage.js';

/** What the admission step works with; asked for when the first request comes. */
export interface QuotaSources {
  readonly client: Client;
  readonly quotas: Informer<ResourceQuota>;
  readonly clock: Clock;
}

/** Kinds of which an update may use more. */
const GROWING: ReadonlySet<string> = new Set(['services', 'persistentvolumeclaims']);

/**
 * Refuses what the quotas of its namespace have no room for, and charges them for the rest (the admission plugin ResourceQuota). Where there is no quota it costs a look into a cache.
 */
export function resourceQuotaAdmission(sources: () => QuotaSources): Admission {
  const informer = whenSynced(() => sources().quotas);
  let ledger: QuotaLedger | undefined;
  return {
    name: 'ResourceQuota',
    handles: ({ operation, kind, ref }) =>
      ref.subresource === undefined && kind.namespaced && kind.plural !== 'events' && (operation === 'CREATE' || (operation === 'UPDATE' && kind.group === '' && GROWING.has(kind.plural))),
    validate: async (request) => {
      const { namespace = '' } = request.object?.metadata ?? {};
      const { lister } = await informer();
      if (!lister.list(namespace).some((quota) => isCountedBy(request.kind, quota.spec.hard ?? {}))) return;
      const { client, clock } = sources();
      ledger ??= new QuotaLedger(client, lister);
      await ledger.charge(namespace, { amounts: (quota) => amountsFor(quota, request, clock.now()), refuse: (why) => refusal(request, why), dryRun: request.dryRun });
    },
  };
}

/** What a quota is to bear for a request. Throws when the object leaves open what the quota counts. */
function amountsFor(quota: ResourceQuota, request: AdmissionRequest, now: number): Amounts | undefined {
  const { kind, object, old } = request;
  const { hard = {} } = quota.spec;
  if (object === undefined || !isCountedBy(kind, hard) || !isInScope(quota.spec, kind, object)) return undefined;
  if (kind.group === '' && kind.plural === 'pods') {
    const missing = missingRequests(object as Pod, hard);
    if (missing !== undefined) throw refusal(request, `failed quota: ${quota.metadata.name}: ${missing}`);
  }
  const usage = usageOf(kind, object, now);
  // What an update gives back is credited when the quota is counted again, and not before the update is made.
  return old === undefined ? usage : Object.fromEntries(Object.entries(difference(usage, usageOf(kind, old, now))).filter(([, amount]) => amount > 0));
}

function refusal({ kind, object }: AdmissionRequest, why: string): ApiError {
  const name = object?.metadata.name ?? object?.metadata.generateName ?? '';
  return new ApiError('Forbidden', forbiddenText(kind, name, why), { name, ...(kind.group !== '' && { group: kind.group }), kind: kind.plural });
}
