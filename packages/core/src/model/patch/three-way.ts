import { equalJson } from '../json.js';
import type { KindDefinition } from '../kind.js';
import { type MergeNode, mergeRoot } from '../merge-keys.js';
import { itemKey } from './element-order.js';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What `current` becomes when `modified` is declared: what `modified` has is set, what was applied last and is not declared any more goes, and what
 * others added stays (the rule of kubectl's client-side apply). Lists with a merge key follow it item by item; other lists are replaced. Pure.
 */
export function mergeThreeWay(kind: KindDefinition, lastApplied: Json, modified: Json, current: Json): Json {
  return mergeMaps(lastApplied, modified, current, mergeRoot(kind));
}

function mergeMaps(last: Json, modified: Json, current: Json, node: MergeNode | undefined): Json {
  const result: Json = { ...current };
  for (const key of Object.keys(last)) if (modified[key] === undefined) delete result[key];
  for (const [key, value] of Object.entries(modified)) {
    if (value === undefined) continue;
    if (value === null) delete result[key];
    else result[key] = mergeValues(last[key], value, current[key], node?.child(key));
  }
  return result;
}

function mergeValues(last: unknown, modified: unknown, current: unknown, node: MergeNode | undefined): unknown {
  if (isMap(modified) && isMap(current)) return mergeMaps(isMap(last) ? last : {}, modified, current, node);
  const merges = node?.type === 'list' && (node.merge.strategy ?? '').startsWith('merge');
  if (!merges || !Array.isArray(modified) || !Array.isArray(current)) return modified;
  const before = Array.isArray(last) ? last : [];
  return node.merge.key === undefined ? mergeSets(before, modified, current) : mergeItems(before, modified, current, node.merge.key, node);
}

function mergeSets(last: readonly unknown[], modified: readonly unknown[], current: readonly unknown[]): unknown[] {
  const kept = current.filter((item) => modified.includes(item) || !last.includes(item));
  return [...kept, ...modified.filter((item) => !kept.includes(item))];
}

/** Declared items come in their declared order; items of others follow. */
function mergeItems(last: readonly unknown[], modified: readonly unknown[], current: readonly unknown[], key: string, node: MergeNode): unknown[] {
  const find = (list: readonly unknown[], item: unknown): unknown => list.find((other) => equalJson(itemKey(other, key), itemKey(item, key)));
  const declared = modified.map((item) => mergeValues(find(last, item), item, find(current, item), node.child('0')));
  const foreign = current.filter((item) => find(modified, item) === undefined && find(last, item) === undefined);
  return [...declared, ...foreign];
}
