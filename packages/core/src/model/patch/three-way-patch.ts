import { equalJson } from '../json.js';
import type { KindDefinition } from '../kind.js';
import { type MergeNode, mergeRoot } from '../merge-keys.js';
import { itemKey } from './element-order.js';
import { applyMergePatch, diffMergePatch } from './merge-patch.js';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

/**
 * The merge patch that kubectl sends for kinds whose schema it does not know: from `current` what `modified` adds or changes, and from `lastApplied` what it does not have any more.
 * The rules of apimachinery's CreateThreeWayJSONMergePatch. Pure.
 */
export function threeWayMergePatch(lastApplied: Json, modified: Json, current: Json): Json {
  const changes = filtered(diffMergePatch(current, modified), false);
  const deletions = filtered(diffMergePatch(lastApplied, modified), true);
  return joined(deletions, changes);
}

/** Of a merge patch the deletions alone, or everything but them; what holds nothing then is left out. */
function filtered(patch: Json, deletions: boolean): Json {
  const kept: Json = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      if (deletions) kept[key] = null;
    } else if (!isMap(value) || Object.keys(value).length === 0) {
      if (!deletions) kept[key] = value;
    } else {
      const inner = filtered(value, deletions);
      if (Object.keys(inner).length > 0) kept[key] = inner;
    }
  }
  return kept;
}

/** Two merge patches as one; the second counts more. */
function joined(first: Json, second: Json): Json {
  const both: Json = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = both[key];
    both[key] = isMap(before) && isMap(value) ? joined(before, value) : applyMergePatch(undefined, value);
  }
  return both;
}

/** Which half of a difference is wanted. */
type Half = 'changes' | 'deletions';

/**
 * The strategic merge patch that kubectl's client-side apply sends: from `current` what `modified` adds or changes, from `lastApplied` what it does not have any more; with `$setElementOrder`,
 * `$retainKeys` and `$deleteFromPrimitiveList` where the kind's lists and unions need them. The rules of apimachinery's CreateThreeWayMergePatch with overwrite. Pure.
 */
export function threeWayStrategicPatch(kind: KindDefinition, lastApplied: Json, modified: Json, current: Json): Json {
  const root = mergeRoot(kind);
  const changes = diffMaps(current, modified, root, 'changes', false);
  const deletions = diffMaps(lastApplied, modified, root, 'deletions', false);
  return joinedStrategic(deletions, changes, root);
}

function diffMaps(from: Json, to: Json, node: MergeNode | undefined, half: Half, retains: boolean): Json {
  const patch: Json = {};
  for (const [key, value] of Object.entries(to)) {
    const before = from[key];
    if (Object.hasOwn(from, key) && isMap(before) && isMap(value)) diffMapField(patch, key, before, value, node?.child(key), half);
    else if (Object.hasOwn(from, key) && Array.isArray(before) && Array.isArray(value)) diffListField(patch, key, before, value, node?.child(key), half);
    else if (half === 'changes' && !(Object.hasOwn(from, key) && equalJson(before, value))) patch[key] = value;
  }
  if (half === 'deletions') for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
  if (retains) retainKeys(patch, from, to);
  return patch;
}

/** Names the members of a union that stay, when any member changes or goes. */
function retainKeys(patch: Json, from: Json, to: Json): void {
  const kept = Object.keys(to).filter((key) => to[key] !== null);
  const goes = Object.entries(from).some(([key, value]) => value !== null && !Object.hasOwn(to, key));
  if (kept.length > 0 && (Object.keys(patch).length > 0 || goes)) patch[RETAIN_KEYS] = kept.sort();
}

function diffMapField(patch: Json, key: string, before: Json, value: Json, node: MergeNode | undefined, half: Half): void {
  const strategies = strategiesOf(node);
  if (strategies.has('replace') || node === undefined || node.type === 'value') {
    // Kubernetes replaces such a map also by one that is the same; where there is nothing to say we say nothing.
    if (half === 'changes' && (strategies.has('replace') || !equalJson(before, value))) patch[key] = value;
    return;
  }
  const inner = diffMaps(before, value, node, half, strategies.has('retainKeys'));
  if (Object.keys(inner).length > 0) patch[key] = inner;
}

function diffListField(patch: Json, key: string, before: readonly unknown[], value: readonly unknown[], node: MergeNode | undefined, half: Half): void {
  const strategies = strategiesOf(node);
  if (!strategies.has('merge') || node === undefined) {
    if (half === 'changes' && !equalJson(before, value)) patch[key] = value;
    return;
  }
  if (before.length === 0) {
    if (half === 'changes' && value.length > 0) patch[key] = value;
    return;
  }
  const mergeKey = node.merge.key;
  if (mergeKey === undefined) diffScalars(patch, key, before, value, half);
  else diffItems(patch, key, before, value, { node, mergeKey, half, retains: strategies.has('retainKeys') });
}

function diffScalars(patch: Json, key: string, before: readonly unknown[], value: readonly unknown[], half: Half): void {
  const gone = half === 'deletions' ? [...new Set(before.filter((item) => !value.includes(item)))] : [];
  const added = half === 'changes' ? value.filter((item) => !before.includes(item)) : [];
  if (added.length > 0) patch[key] = added;
  if (gone.length > 0) patch[`${DELETE_FROM}${key}`] = gone;
  // Kubernetes sorts what was there before it compares the order: an order that is no alphabet's is always told.
  const sorted = before.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  if (gone.length > 0 || (half === 'changes' && !equalJson(sorted, value))) patch[`${SET_ORDER}${key}`] = value;
}

interface ItemsDiff {
  readonly node: MergeNode;
  readonly mergeKey: string;
  readonly half: Half;
  readonly retains: boolean;
}

function diffItems(patch: Json, key: string, before: readonly unknown[], value: readonly unknown[], { node, mergeKey, half, retains }: ItemsDiff): void {
  const items: Json[] = [];
  for (const item of value) {
    const old = before.find((other) => equalJson(itemKey(other, mergeKey), itemKey(item, mergeKey)));
    if (old === undefined) {
      if (half === 'changes') items.push(item as Json);
      continue;
    }
    const inner = diffMaps(old as Json, item as Json, node.child('0'), half, retains);
    if (Object.keys(inner).length > 0) items.push({ ...inner, [mergeKey]: itemKey(item, mergeKey) });
  }
  if (half === 'deletions') {
    for (const old of before) {
      if (!value.some((item) => equalJson(itemKey(item, mergeKey), itemKey(old, mergeKey)))) items.push({ [DIRECTIVE]: 'delete', [mergeKey]: itemKey(old, mergeKey) });
    }
  }
  const sameOrder = before.length === value.length && before.every((item, i) => equalJson(itemKey(item, mergeKey), itemKey(value[i], mergeKey)));
  if (items.length > 0) patch[key] = items;
  if (items.length > 0 || (half === 'changes' && !sameOrder)) patch[`${SET_ORDER}${key}`] = value.map((item) => ({ [mergeKey]: itemKey(item, mergeKey) }));
}

/** The patch of the deletions and that of the changes as one. */
function joinedStrategic(deletions: Json, changes: Json, node: MergeNode | undefined): Json {
  const both: Json = { ...deletions };
  for (const [key, value] of Object.entries(changes)) {
    const before = both[key];
    const child = node?.child(key);
    const mergeKey = child?.merge.key;
    if (isMap(before) && isMap(value) && !strategiesOf(child).has('replace')) both[key] = joinedStrategic(before, value, child);
    else if (Array.isArray(before) && Array.isArray(value) && mergeKey !== undefined && !key.startsWith('$')) both[key] = joinedItems(before as Json[], value as Json[], mergeKey, child?.child('0'), changes[`${SET_ORDER}${key}`]);
    else both[key] = value;
  }
  return both;
}

/** Items that change, in their order, and then those that go. */
function joinedItems(deletions: readonly Json[], changes: readonly Json[], mergeKey: string, node: MergeNode | undefined, order: unknown): Json[] {
  const places = (Array.isArray(order) ? order : changes).map((item) => JSON.stringify(itemKey(item, mergeKey)));
  const items = new Map<string, Json>();
  for (const item of [...deletions, ...changes]) {
    const name = JSON.stringify(item[mergeKey]);
    const before = items.get(name);
    items.set(name, before === undefined ? item : joinedStrategic(before, item, node));
  }
  const [going, staying] = [[...items].filter(([, item]) => Object.hasOwn(item, DIRECTIVE)), [...items].filter(([, item]) => !Object.hasOwn(item, DIRECTIVE))];
  return [...staying.sort(([a], [b]) => places.indexOf(a) - places.indexOf(b)), ...going].map(([, item]) => item);
}

const strategiesOf = (node: MergeNode | undefined): ReadonlySet<string> => new Set((node?.merge.strategy ?? '').split(','));
