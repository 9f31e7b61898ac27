import { equalJson } from '../json.js';
import type { MergeNode } from '../merge-keys.js';
import { FieldSet } from './field-set.js';
import { fieldElement, itemElement, type PathElement } from './path-element.js';
import { childOf, isAtomic, listAt, objectAt, ownValue } from './typed.js';

/** In which fields two versions of an object differ. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two versions of an object field by field (TypedValue.Compare). */
export function compareTyped(node: MergeNode, left: unknown, right: unknown): Comparison {
  const comparison = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compare(node, left, right, [], comparison);
  return comparison;
}

function compare(node: MergeNode, left: unknown, right: unknown, path: readonly PathElement[], into: Comparison): void {
  if (node.type === 'value' || isAtomic(node) || bothEmpty(node, left, right)) {
    note(left, right, path, into, true);
    return;
  }
  if (node.type === 'list') compareLists(node, listAt(left) ?? [], listAt(right) ?? [], path, into);
  else compareMaps(node, objectAt(left) ?? {}, objectAt(right) ?? {}, path, into);
  note(left, right, path, into, false);
}

/** Both have nothing in them: null and empty differ nevertheless. */
function bothEmpty({ type }: MergeNode, left: unknown, right: unknown): boolean {
  const size = (value: unknown): number => (type === 'list' ? (listAt(value)?.length ?? 0) : Object.keys(objectAt(value) ?? {}).length);
  return size(left) === 0 && size(right) === 0;
}

/** Enters the place itself: as added or removed when one side has none, and as modified when it is compared as a whole. */
function note(left: unknown, right: unknown, path: readonly PathElement[], into: Comparison, whole: boolean): void {
  if (left === undefined && right === undefined) return;
  if (left === undefined) into.added.insert(path);
  else if (right === undefined) into.removed.insert(path);
  else if (whole && !equalJson(left, right)) into.modified.insert(path);
}

function compareMaps(node: MergeNode, left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>, path: readonly PathElement[], into: Comparison): void {
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) compare(childOf(node, key), ownValue(left, key), ownValue(right, key), [...path, fieldElement(key)], into);
}

/** Items that occur more than once are compared as a whole. */
function compareLists(node: MergeNode, left: readonly unknown[], right: readonly unknown[], path: readonly PathElement[], into: Comparison): void {
  const [before, after] = [byElement(node, left), byElement(node, right)];
  const child = childOf(node, '0');
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const [olds, news] = [before.get(element) ?? [], after.get(element) ?? []];
    const at = [...path, element];
    if (olds.length <= 1 && news.length <= 1) compare(child, olds[0], news[0], at, into);
    else if (olds.length >= 2 && news.length >= 2) {
      if (!equalJson(olds, news)) into.modified.insert(at);
    } else if (olds.length >= 2) {
      if (news.length > 0) compare(child, undefined, news[0], at, into);
      into.removed.insert(at);
    } else {
      if (olds.length > 0) compare(child, olds[0], undefined, at, into);
      into.added.insert(at);
    }
  }
}

function byElement(node: MergeNode, items: readonly unknown[]): Map<PathElement, unknown[]> {
  const found = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const element = itemElement(node, item, '');
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}
