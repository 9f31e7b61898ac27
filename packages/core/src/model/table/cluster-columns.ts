import type { Column } from '../kind.js';
import type { ConfigMap } from '../kinds/configmap.js';
import type { Event } from '../kinds/event.js';
import type { Lease } from '../kinds/lease.js';
import type { Namespace } from '../kinds/namespace.js';
import type { Node } from '../kinds/node.js';
import type { PriorityClass } from '../kinds/priorityclass.js';
import type { ResourceQuota } from '../kinds/resource-quota.js';
import type { Secret } from '../kinds/secret.js';
import type { ServiceAccount } from '../kinds/service-account.js';
import { age, column, orNone, wide } from './cells.js';
import { since } from './human-duration.js';

// Nodes, namespaces and the small kinds: pkg/printers/internalversion.

const ROLE = 'node-role.kubernetes.io/';

function rolesOf({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => (key.startsWith(ROLE) ? [key.slice(ROLE.length)] : key === 'kubernetes.io/role' ? [value] : []));
  return orNone([...new Set(roles.filter((role) => role !== ''))].sort().join(','));
}

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

const address = (type: string) => ({ status }: Node): string => status?.addresses?.find((one) => one.type === type)?.address ?? '<none>';

/** Columns of Nodes. */
export const nodeColumns: readonly Column<Node>[] = [
  column('Status', nodeStatus),
  column('Roles', rolesOf),
  age(),
  column('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', address('InternalIP')),
  wide('External-IP', address('ExternalIP')),
  wide('OS-Image', ({ status }) => orNone(status?.nodeInfo?.osImage, '<unknown>')),
  wide('Kernel-Version', ({ status }) => orNone(status?.nodeInfo?.kernelVersion, '<unknown>')),
  wide('Container-Runtime', ({ status }) => orNone(status?.nodeInfo?.containerRuntimeVersion, '<unknown>')),
];

/** Columns of Namespaces. */
export const namespaceColumns: readonly Column<Namespace>[] = [column('Status', ({ status }) => status?.phase ?? ''), age()];

/** Columns of ConfigMaps. */
export const configMapColumns: readonly Column<ConfigMap>[] = [column('Data', ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length), age()];

/** Columns of Secrets: how many, never what. */
export const secretColumns: readonly Column<Secret>[] = [column('Type', ({ type }) => type ?? ''), column('Data', ({ data = {} }) => Object.keys(data).length), age()];

/** Columns of ServiceAccounts. */
export const serviceAccountColumns: readonly Column<ServiceAccount>[] = [age()];

/** Columns of Leases. */
export const leaseColumns: readonly Column<Lease>[] = [column('Holder', ({ spec }) => spec?.holderIdentity ?? ''), age()];

/** Columns of PriorityClasses. */
export const priorityClassColumns: readonly Column<PriorityClass>[] = [
  column('Value', ({ value }) => value, 'integer'),
  column('Global-Default', ({ globalDefault }) => globalDefault === true, 'boolean'),
  age(),
  column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
];

function quotaText({ status }: ResourceQuota, limits: boolean): string {
  const { hard = {}, used = {} } = status ?? {};
  return Object.keys(hard).filter((name) => name.startsWith('limits') === limits).sort().map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`).join(', ');
}

/** Columns of ResourceQuotas. */
export const quotaColumns: readonly Column<ResourceQuota>[] = [column('Request', (quota) => quotaText(quota, false)), column('Limit', (quota) => quotaText(quota, true)), age()];

const lastSeen = ({ lastTimestamp, eventTime, series, firstTimestamp }: Event): string | undefined => series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp;

/** Columns of Events. */
export const eventColumns: readonly Column<Event>[] = [
  column('Last Seen', (event, now) => since(lastSeen(event), now)),
  column('Type', ({ type }) => type ?? ''),
  column('Reason', ({ reason }) => reason ?? ''),
  column('Object', ({ involvedObject: { kind = '', name = '' } }) => (name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`)),
  wide('Subobject', ({ involvedObject }) => involvedObject.fieldPath ?? ''),
  wide('Source', ({ source, reportingComponent }) => {
    const component = orNone(source?.component, reportingComponent ?? '');
    return (source?.host ?? '') === '' ? component : `${component}, ${source?.host}`;
  }),
  column('Message', ({ message }) => (message ?? '').trim()),
  wide('First Seen', ({ firstTimestamp, eventTime }, now) => since(firstTimestamp ?? eventTime, now)),
  wide('Count', ({ count, series }) => series?.count ?? count ?? 1),
  { ...wide<Event>('Name', ({ metadata }) => metadata.name ?? ''), format: 'name' },
];
