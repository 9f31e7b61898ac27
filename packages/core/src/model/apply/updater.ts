import type { MergeNode } from '../merge-keys.js';
import { compareTyped, type Comparison } from './compare.js';
import { FieldSet } from './field-set.js';
import { type Managed, managerKey, type ManagerIdentity, type Managers } from './managers.js';
import { mergeTyped } from './merge.js';
import type { PathElement } from './path-element.js';
import { fieldsOf, withoutFields } from './typed.js';

// Who owns which field after a write: structured-merge-diff's merge.Updater.

/** A field that somebody else has. */
export interface FieldConflict {
  readonly manager: Managed;
  readonly path: readonly PathElement[];
}

/** Refused: others have fields that would change. */
export class ApplyConflicts extends Error {
  constructor(readonly conflicts: readonly FieldConflict[]) {
    super(`${conflicts.length} conflicts`);
    this.name = 'ApplyConflicts';
  }
}

/** Fields that nobody is said to manage: what names an object, and what the server writes (stripMetaManager). */
const UNMANAGED = FieldSet.of(['apiVersion'], ['kind'], ['metadata'], ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map((name) => ['metadata', name]));

/** The managers after somebody replaced an object: what changed is theirs. `ignored` fields were not theirs to change. */
export function afterUpdate(node: MergeNode, live: unknown, next: unknown, managers: Managers, identity: ManagerIdentity, ignored: FieldSet): Managers {
  const { managers: others, comparison } = settle(node, live, next, managers, identity, true, ignored);
  const key = managerKey(identity);
  const { added, modified, removed } = comparison;
  const set = (others.get(key)?.set ?? new FieldSet()).difference(removed).union(modified).union(added);
  return withManaged(others, key, { ...identity, set });
}

/** The object and its managers after somebody applied a configuration. Throws {@link ApplyConflicts} when others have what would change, unless forced. */
export function afterApply(
  node: MergeNode,
  live: unknown,
  config: unknown,
  managers: Managers,
  identity: ManagerIdentity,
  { force, ignored }: { readonly force: boolean; readonly ignored: FieldSet },
): { readonly object: unknown; readonly managers: Managers } {
  const key = managerKey(identity);
  const last = managers.get(key)?.set;
  const merged = mergeTyped(node, live, config);
  const set = fieldsOf(node, config).without(ignored);
  const applied = new Map(managers).set(key, { ...identity, set });
  const object = prune(node, merged, applied, last);
  const { managers: others } = settle(node, live, object, applied, identity, force, ignored);
  return { object, managers: withManaged(others, key, { ...identity, set }) };
}

function withManaged(managers: Managers, key: string, managed: Managed): Managers {
  const next = new Map(managers);
  const set = managed.set.difference(UNMANAGED);
  if (set.empty) next.delete(key);
  else next.set(key, { ...managed, set });
  return next;
}

/** Takes from the others what changed and what is gone. */
function settle(node: MergeNode, live: unknown, next: unknown, managers: Managers, identity: ManagerIdentity, force: boolean, ignored: FieldSet): { readonly managers: Managers; readonly comparison: Comparison } {
  const whole = compareTyped(node, live, next);
  const comparison: Comparison = { added: whole.added.without(ignored), modified: whole.modified.without(ignored), removed: whole.removed.without(ignored) };
  const changed = comparison.modified.union(comparison.added);
  const own = managerKey(identity);
  const conflicts: FieldConflict[] = [];
  const settled = new Map<string, Managed>();
  for (const [key, managed] of managers) {
    if (key === own) {
      settled.set(key, managed);
      continue;
    }
    const contested = managed.set.intersection(changed);
    for (const path of contested.paths()) conflicts.push({ manager: managed, path });
    const set = managed.set.difference(contested).difference(comparison.removed);
    if (!set.empty) settled.set(key, { ...managed, set });
  }
  if (!force && conflicts.length > 0) throw new ApplyConflicts(conflicts);
  return { managers: settled, comparison };
}

/** Removes what the applier had applied before and does not any more, unless others have it. */
function prune(node: MergeNode, merged: unknown, managers: Managers, last: FieldSet | undefined): unknown {
  if (last === undefined || last.empty) return merged;
  const lastNamed = last.withNamedFields(node);
  const pruned = withoutFields(node, merged, lastNamed) ?? {};
  const mergedFields = fieldsOf(node, merged).withNamedFields(node);
  const managed = [...managers.values()].reduce((all, { set }) => all.union(set), new FieldSet()).withNamedFields(node);
  const owned = withoutFields(node, merged, mergedFields.difference(fieldsOf(node, pruned).withNamedFields(node).union(managed))) ?? {};
  // What was not this applier's before is not its to remove.
  return withoutFields(node, merged, mergedFields.difference(fieldsOf(node, owned).withNamedFields(node)).intersection(lastNamed)) ?? {};
}
