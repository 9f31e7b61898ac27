import type { ManagedFieldsEntry } from '../object.js';
import { FieldSet } from './field-set.js';

/** Who writes, and how. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
}

/** The fields of one manager. */
export interface Managed extends ManagerIdentity {
  readonly set: FieldSet;
  readonly time?: string | undefined;
}

/** The managers of an object by {@link managerKey}. */
export type Managers = ReadonlyMap<string, Managed>;

/** Update managers that are told apart; older ones are put together (MaxUpdateManagers). */
const MAX_UPDATERS = 10;
const ANCIENT = 'ancient-changes';

/** What tells managers apart: an applier is the same in every version (BuildManagerIdentifier). */
export const managerKey = ({ manager, operation, apiVersion, subresource = '' }: ManagerIdentity): string => JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);

/** Reads `metadata.managedFields`. */
export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers = new Map<string, Managed>();
  for (const { manager = '', operation, apiVersion = '', subresource, fieldsV1, time } of entries ?? []) {
    if (operation !== 'Apply' && operation !== 'Update') continue;
    const managed: Managed = { manager, operation, apiVersion, ...(subresource !== undefined && { subresource }), set: FieldSet.fromFieldsV1(fieldsV1), ...(time !== undefined && { time }) };
    managers.set(managerKey(managed), managed);
  }
  return managers;
}

/** Writes `metadata.managedFields`: appliers first, then by time and name (sortEncodedManagedFields). */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] {
  return [...managers.values()].sort(byOperationAndTime).map(({ manager, operation, apiVersion, subresource, set, time }) => ({
    manager,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: set.toFieldsV1(),
    ...(subresource !== undefined && subresource !== '' && { subresource }),
  }));
}

const byOperationAndTime = (a: Managed, b: Managed): number =>
  a.operation.localeCompare(b.operation) || (a.time ?? '').localeCompare(b.time ?? '') || a.manager.localeCompare(b.manager) || a.apiVersion.localeCompare(b.apiVersion);

/** Puts the oldest updaters of a version together when there are too many (capManagersManager). */
export function capped(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update').sort(([, a], [, b]) => byOperationAndTime(a, b));
  if (updaters.length <= MAX_UPDATERS) return managers;
  const next = new Map(managers);
  let surplus = updaters.length - MAX_UPDATERS;
  for (const [key, old] of updaters) {
    if (surplus < 0) break;
    if (old.manager === ANCIENT) continue;
    const bucket: ManagerIdentity = { manager: ANCIENT, operation: 'Update', apiVersion: old.apiVersion };
    const known = next.get(managerKey(bucket));
    next.delete(key);
    next.set(managerKey(bucket), { ...bucket, set: known === undefined ? old.set : known.set.union(old.set), ...(old.time !== undefined && { time: old.time }) });
    surplus -= 1;
  }
  return next;
}
