import {
  type Amounts,
  amountOf,
  type KindDefinition,
  type KubeObject,
  millisOfTime,
  noAmounts,
  type PersistentVolumeClaim,
  type Pod,
  podLimits,
  podRequests,
  type Service,
} from '@orrery/core';
import { isPodTerminal } from '../shared/pods.js';

// What objects count for in quotas (pkg/quota/v1/evaluator/core). Amounts: cpu in milli-units, all else in whole units.

/** Kinds that have a name of their own in quotas besides `count/<resource>`. */
const COUNTED_BY_NAME: ReadonlySet<string> = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas']);

/** The name under which quotas count objects of a kind. */
export const countName = ({ plural, group }: Pick<KindDefinition, 'plural' | 'group'>): string => `count/${group === '' ? plural : `${plural}.${group}`}`;

/** What an object uses, by the names of quotas. `now` in milliseconds since the epoch. Pure. */
export function usageOf(kind: Pick<KindDefinition, 'plural' | 'group'>, object: KubeObject, now: number): Amounts {
  const usage = noAmounts();
  usage[countName(kind)] = 1;
  if (kind.group !== '') return usage;
  switch (kind.plural) {
    case 'pods':
      addPod(usage, object as Pod, now);
      break;
    case 'services':
      addService(usage, object as Service);
      break;
    case 'persistentvolumeclaims':
      addClaim(usage, object as PersistentVolumeClaim);
      break;
    default:
      if (COUNTED_BY_NAME.has(kind.plural)) usage[kind.plural] = 1;
  }
  return usage;
}

/** Whether a quota of these names counts objects of a kind at all. */
export function isCountedBy(kind: Pick<KindDefinition, 'plural' | 'group'>, hard: Readonly<Record<string, unknown>>): boolean {
  if (Object.hasOwn(hard, countName(kind))) return true;
  if (kind.group !== '') return false;
  const names = Object.keys(hard).filter((name) => !name.startsWith('count/'));
  if (kind.plural === 'persistentvolumeclaims') return names.some((name) => name === 'persistentvolumeclaims' || name.endsWith('requests.storage') || name.endsWith(`${OF_CLASS}persistentvolumeclaims`));
  if (kind.plural === 'services') return names.some((name) => name === 'services' || name.startsWith('services.'));
  if (kind.plural !== 'pods') return COUNTED_BY_NAME.has(kind.plural) && names.includes(kind.plural);
  return names.some((name) => name === 'pods' || name.startsWith('limits.') || COMPUTE.has(name) || (name.startsWith('requests.') && name !== 'requests.storage') || name.startsWith('hugepages-'));
}

const COMPUTE: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const OF_CLASS = '.storageclass.storage.k8s.io/';

/** Ended pods use nothing but their entry, and so do those that should have been gone (QuotaV1Pod). */
function addPod(usage: Amounts, pod: Pod, now: number): void {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  const isOverdue = deletionTimestamp !== undefined && now > (millisOfTime(deletionTimestamp) ?? 0) + deletionGracePeriodSeconds * 1000;
  if (isPodTerminal(pod) || isOverdue) return;
  usage['pods'] = 1;
  const requests = podRequests(pod);
  for (const name in requests) {
    const amount = requests[name] as number;
    // Extended resources cannot be overcommitted, so that quotas of them are always of requests.
    usage[`requests.${name}`] = amount;
    if (COMPUTE.has(name) || name.startsWith('hugepages-')) usage[name] = amount;
  }
  const limits = podLimits(pod);
  for (const name in limits) if (COMPUTE.has(name)) usage[`limits.${name}`] = limits[name] as number;
}

function addService(usage: Amounts, { spec }: Service): void {
  usage['services'] = 1;
  const balanced = spec.type === 'LoadBalancer';
  const ports = spec.ports ?? [];
  usage['services.loadbalancers'] = balanced ? 1 : 0;
  const ofNode = spec.type === 'NodePort' || (balanced && spec.allocateLoadBalancerNodePorts !== false) ? ports.length : ports.filter(({ nodePort = 0 }) => balanced && nodePort !== 0).length;
  usage['services.nodeports'] = ofNode;
}

function addClaim(usage: Amounts, { spec, status }: PersistentVolumeClaim): void {
  const asked = spec.resources?.requests?.['storage'];
  const allocated = status?.allocatedResources?.['storage'];
  const storage = Math.max(0, ...[asked, allocated].map((text) => (text === undefined ? 0 : amountOf('storage', text))));
  usage['persistentvolumeclaims'] = 1;
  usage['requests.storage'] = storage;
  const { storageClassName = '' } = spec;
  if (storageClassName === '') return;
  usage[`${storageClassName}${OF_CLASS}persistentvolumeclaims`] = 1;
  usage[`${storageClassName}${OF_CLASS}requests.storage`] = storage;
}
