import type { MergeNode } from '../merge-keys.js';
import type { PathElement } from './path-element.js';
import { childOf, elementsOf, isAtomic, type Json, listAt, objectAt, ownValue } from './typed.js';

/**
 * What is there with what is applied over it (TypedValue.Merge): objects, maps and lists with keys are merged, everything else is taken from what is applied. Items keep the
 * order in which they are applied, and those that are not applied keep their place among them.
 */
export function mergeTyped(node: MergeNode, live: unknown, applied: unknown): unknown {
  const taken = applied === undefined ? live : applied;
  if (node.type === 'value' || isAtomic(node)) return taken;
  if (node.type === 'list') {
    const [left, right] = [listAt(live) ?? [], listAt(applied) ?? []];
    return left.length === 0 && right.length === 0 ? taken : mergeLists(node, left, right);
  }
  const [left, right] = [objectAt(live) ?? {}, objectAt(applied) ?? {}];
  if (Object.keys(left).length === 0 && Object.keys(right).length === 0) return taken;
  const merged: Json = {};
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const value = mergeTyped(childOf(node, key), ownValue(left, key), ownValue(right, key));
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/** mergingWalker.visitListItems. */
function mergeLists(node: MergeNode, left: readonly unknown[], right: readonly unknown[]): unknown {
  const child = childOf(node, '0');
  const [leftElements, rightElements] = [elementsOf(node, left, ''), elementsOf(node, right, '')];
  const leftItems = firstOf(leftElements, left);
  const rightItems = firstOf(rightElements, right);
  // Those of both, from the first that is not taken yet.
  const shared = rightElements.filter((element) => leftItems.has(element));
  let next = 0;
  const merged = new Set<PathElement>();
  const out: unknown[] = [];
  const put = (value: unknown): void => void (value !== undefined && out.push(value));
  const take = (element: PathElement): void => {
    merged.add(element);
    put(mergeTyped(child, leftItems.get(element), rightItems.get(element)));
    if (shared[next] === element) next += 1;
  };
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const [mine, theirs] = [leftElements[l], rightElements[r]];
    if (mine !== undefined && mine === theirs) {
      take(mine);
      [l, r] = [l + 1, r + 1];
      continue;
    }
    // Applied too, but not yet its turn.
    if (mine !== undefined && theirs !== undefined && rightItems.has(mine) && next < shared.length && shared[next] !== mine) {
      l += 1;
      continue;
    }
    if (mine !== undefined && !rightItems.has(mine)) {
      put(mergeTyped(child, left[l], undefined));
      l += 1;
      continue;
    }
    if (mine !== undefined && merged.has(mine)) l += 1;
    if (theirs !== undefined) {
      take(theirs);
      r += 1;
    }
  }
  return out.length === 0 ? undefined : out;
}

/** Items by their steps; of one that occurs more than once nothing is known. */
function firstOf(elements: readonly PathElement[], items: readonly unknown[]): Map<PathElement, unknown> {
  const found = new Map<PathElement, unknown>();
  elements.forEach((element, i) => found.set(element, found.has(element) ? undefined : items[i]));
  return found;
}
