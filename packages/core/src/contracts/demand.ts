import { microTimeOfMillis, millisOfTime } from '../model/timestamp.js';
import { isDns1123Subdomain } from '../model/names.js';
import { fnv64a } from '../model/hash.js';
import type { Lease } from '../model/kinds/lease.js';
import type { Service } from '../model/kinds/service.js';

// How those who see the use of a Service (proxies, gateways, consumers of a queue) tell those who scale what is behind it.
//
// Each holder keeps one Lease per Service in the Service's namespace while the Service is used through it: `renewTime` is when it was last used
// (a connection was open, or waited for a first endpoint), and it is renewed well within `leaseDurationSeconds`. A holder that goes away just stops renewing.
// So it works across processes and restarts, is watched and not polled, and is quiet when nothing is used.

/** On a Service, with the value `true`: connections that find no endpoint are held for a while instead of being refused. */
export const HOLD_ANNOTATION = 'autoscaling.orrery.dev/hold-requests';
/** On a Lease of demand: the name of the Service. */
export const DEMAND_LABEL = 'autoscaling.orrery.dev/demand-for';

/** The use of one Service as one holder saw it. */
export interface Demand {
  readonly namespace: string;
  readonly service: string;
  readonly holder: string;
  /** Milliseconds since the epoch at which it was last in use. */
  readonly lastUse: number;
  /** Milliseconds since the epoch up to which it counts as in use unless it is said again. */
  readonly until: number;
}

/** Whether connections to this Service are held while it has no endpoint. */
export const holdsRequests = ({ metadata }: Pick<Service, 'metadata'>): boolean => metadata.annotations?.[HOLD_ANNOTATION] === 'true';

/** What a holder of demand says. */
export interface DemandReport {
  readonly service: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Who saw it: at most one Lease per Service and holder. */
  readonly holder: string;
  /** Milliseconds since the epoch. */
  readonly lastUse: number;
  /** How long it holds; the holder renews well within. At least 1. */
  readonly leaseSeconds: number;
}

/** The Lease that says it. It belongs to the Service and is collected with it. Pure. */
export function demandLease({ service, holder, lastUse, leaseSeconds }: DemandReport): Lease {
  const { namespace, name, uid } = service;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name: leaseName(name, holder), labels: { [DEMAND_LABEL]: name }, ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid }] },
    spec: { holderIdentity: holder, leaseDurationSeconds: Math.max(1, Math.ceil(leaseSeconds)), renewTime: microTimeOfMillis(lastUse) },
  };
}

/** What a Lease says of the use of a Service; undefined when it is about something else. Pure. */
export function demandOf({ metadata, spec }: Lease): Demand | undefined {
  const service = metadata.labels?.[DEMAND_LABEL];
  const lastUse = spec.renewTime === undefined ? undefined : millisOfTime(spec.renewTime);
  if (service === undefined || lastUse === undefined) return undefined;
  return { namespace: metadata.namespace ?? '', service, holder: spec.holderIdentity ?? '', lastUse, until: lastUse + (spec.leaseDurationSeconds ?? 0) * 1000 };
}

/** Names of holders are anything; what is no name, or too long, is told apart by its hash. */
function leaseName(service: string, holder: string): string {
  const name = `demand.${service}.${holder}`;
  return isDns1123Subdomain(name).length === 0 ? name : `demand.${service}.${fnv64a(holder).toString(16)}`;
}
