import { ApiError } from '../api-error.js';
import { decodeObject } from '../decode.js';
import { cloneJson } from '../json.js';
import type { KindDefinition } from '../kind.js';
import { mergeRoot } from '../merge-keys.js';
import type { KubeObject } from '../object.js';
import { FieldSet } from './field-set.js';
import { capped, type ManagerIdentity, managerKey, type Managers, readManagers, writeManagers } from './managers.js';
import { pathText } from './path-element.js';
import { ApplyTypeError } from './type-error.js';
import { asWritten, checkTypes, type Json } from './typed.js';
import { afterApply, afterUpdate, ApplyConflicts, type FieldConflict } from './updater.js';

// Server-side apply: who owns which field of an object (k8s.io/apimachinery/pkg/util/managedfields).

/** Who writes, and when. */
export interface FieldWriter {
  readonly manager: string;
  readonly subresource?: string | undefined;
  /** Now, in RFC 3339. */
  readonly time: string;
  /** Parts of the object that this write cannot change, as field names: nobody becomes their manager by it. */
  readonly ignored?: readonly (readonly string[])[];
}

/** Whom the fields belong to that were there before the first apply. */
export const BEFORE_FIRST_APPLY = 'before-first-apply';

/**
 * Applies a configuration over what is there (`undefined`: nothing): what it names is made so and belongs to the manager; what the same manager named the last time and does not any more
 * is removed, unless others have it. Answers a private draft that is yet to be decoded, with its managedFields. Throws BadRequest for a configuration that does not fit the kind or
 * has managedFields itself, and Conflict with a cause for each field that another manager has, unless forced.
 */
export function applyConfiguration<T extends KubeObject>(kind: KindDefinition<T>, live: T | undefined, config: Json, writer: FieldWriter & { readonly force: boolean }): Json {
  const node = mergeRoot(kind);
  const { metadata } = config as { metadata?: { managedFields?: unknown } };
  if (Array.isArray(metadata?.managedFields) && metadata.managedFields.length > 0) throw ApiError.badRequest('metadata.managedFields must be nil');
  const { managers: had, object: before } = split(kind, live);
  const identity = identityOf(kind, 'Apply', writer);
  const ignored = FieldSet.of(...(writer.ignored ?? []));
  try {
    checkTypes(node, config);
    const first = identityOf(kind, 'Update', { ...writer, manager: BEFORE_FIRST_APPLY, subresource: undefined });
    const managers = had.size === 0 && live !== undefined ? stamped(afterUpdate(node, split(kind, undefined).object, before, had, first, new FieldSet()), managerKey(first), writer.time) : had;
    const { object, managers: after } = afterApply(node, before, config, managers, identity, { force: writer.force, ignored });
    return joined(object as Json, capped(timed(after, managers, managerKey(identity), writer.time)));
  } catch (error) {
    if (error instanceof ApplyTypeError) throw new ApiError('BadRequest', `failed to create typed patch object (${kind.apiVersion}, Kind=${kind.kind}): ${error.message}`, {}, error);
    if (error instanceof ApplyConflicts) throw conflictError(error.conflicts);
    throw error;
  }
}

/**
 * The managedFields after a write that is not an apply: what it changed belongs to the writer. Answers undefined when the object has none and is not `tracked` from the start.
 * Both objects are decoded and defaulted.
 */
export function trackedFields<T extends KubeObject>(kind: KindDefinition<T>, live: T | undefined, next: T, writer: FieldWriter, tracked = false): T['metadata']['managedFields'] {
  const { managers, object: before } = split(kind, live);
  if (managers.size === 0 && !tracked) return undefined;
  const identity = identityOf(kind, 'Update', writer);
  const after = afterUpdate(mergeRoot(kind), before, split(kind, next).object, managers, identity, FieldSet.of(...(writer.ignored ?? [])));
  return writeManagers(capped(timed(after, managers, managerKey(identity), writer.time)));
}

const identityOf = ({ apiVersion }: { readonly apiVersion: string }, operation: ManagerIdentity['operation'], { manager, subresource }: Pick<FieldWriter, 'manager' | 'subresource'>): ManagerIdentity => ({
  manager,
  operation,
  apiVersion,
  ...(subresource !== undefined && { subresource }),
});

/** The object without its managedFields, and these. No object is one in which only is what Kubernetes' own types always write. */
function split<T extends KubeObject>(kind: KindDefinition<T>, object: T | undefined): { readonly object: Json; readonly managers: Managers } {
  const node = mergeRoot(kind);
  if (object === undefined) return { object: asWritten(node, decodeObject(kind, {}).object) as Json, managers: new Map() };
  const { managedFields, ...metadata } = object.metadata;
  return { object: asWritten(node, { ...object, metadata }) as Json, managers: readManagers(managedFields) };
}

function joined(object: Json, managers: Managers): Json {
  const draft = cloneJson(object);
  const metadata = (draft['metadata'] ??= {}) as Json;
  if (managers.size > 0) metadata['managedFields'] = writeManagers(managers);
  return draft;
}

const stamped = (managers: Managers, key: string, time: string): Managers => new Map([...managers].map(([one, managed]) => [one, one === key ? { ...managed, time } : managed]));

/** The time of a manager is when its set last changed. */
function timed(after: Managers, before: Managers, key: string, time: string): Managers {
  const [now, then] = [after.get(key), before.get(key)];
  if (now === undefined) return after;
  const same = then !== undefined && JSON.stringify(sorted(now.set)) === JSON.stringify(sorted(then.set));
  return stamped(after, key, same && then.time !== undefined ? then.time : time);
}

const sorted = (set: FieldSet): string[] => [...set.paths()].map(pathText).sort();

function conflictError(conflicts: readonly FieldConflict[]): ApiError {
  const causes = conflicts
    .map(({ manager: { manager, operation, apiVersion, subresource }, path }) => {
      const using = operation === 'Update' ? ` ${subresource === undefined || subresource === '' ? '' : `with subresource "${subresource}" `}using ${apiVersion}` : '';
      return { reason: 'FieldManagerConflict', message: `conflict with ${JSON.stringify(manager)}${using}`, field: pathText(path) };
    })
    .sort((a, b) => a.message.localeCompare(b.message) || a.field.localeCompare(b.field));
  const text = causes.length === 1 ? `1 conflict: ${causes[0]?.message}: ${causes[0]?.field}` : `${causes.length} conflicts: ${[...new Set(causes.map(({ message }) => message))].map((message) => `${message}:\n${causes.filter((one) => one.message === message).map(({ field }) => `- ${field}`).join('\n')}`).join('\n')}`;
  return new ApiError('Conflict', `Apply failed with ${text}`, { causes });
}
