import { ApiError } from '../api-error.js';
import { cloneJson, equalJson } from '../json.js';
import type { KindDefinition } from '../kind.js';
import { type MergeNode, mergeRoot } from '../merge-keys.js';
import { inOrder, itemKey, keyedBy } from './element-order.js';

/** A JSON object. */
export type Json = Record<string, unknown>;

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const bad = (why: string): ApiError => ApiError.badRequest(`invalid strategic merge patch: ${why}`);

/**
 * Applies a strategic merge patch as apimachinery's StrategicMergePatch does: lists with a merge key merge by it, and the directives `$patch`,
 * `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` are obeyed. Returns a private copy; throws BadRequest for a malformed patch.
 */
export function applyStrategicPatch(kind: KindDefinition, document: Json, patch: Json): Json {
  return mergeMap(cloneJson(document), cloneJson(patch), mergeRoot(kind), '');
}

/** Merges `patch` into `original`; both are private and are used up. */
function mergeMap(original: Json, patch: Json, node: MergeNode | undefined, path: string): Json {
  if (Object.hasOwn(patch, DIRECTIVE)) return obeyDirective(patch, path);
  retainKeys(original, patch, path);
  mergeOrderedLists(original, patch, node, path);
  for (const [given, value] of Object.entries(patch)) {
    const deletes = given.startsWith(DELETE_FROM);
    const key = deletes ? given.slice(DELETE_FROM.length) : given;
    mergeField(original, key, value, deletes, node, path === '' ? key : `${path}.${key}`);
  }
  return original;
}

function mergeField(original: Json, key: string, value: unknown, deletes: boolean, node: MergeNode | undefined, path: string): void {
  if (value === null) {
    delete original[key];
    return;
  }
  const before = original[key];
  const alike = (isMap(before) && isMap(value)) || (Array.isArray(before) && Array.isArray(value));
  if (!Object.hasOwn(original, key) || !alike) {
    if (!deletes) original[key] = withoutDirectives(value, path);
    return;
  }
  const child = node?.child(key);
  if (child === undefined || child.type === 'value') {
    if (child === undefined) throw bad(`${path}: the kind has no such field`);
    original[key] = isMap(before) && isMap(value) ? mergeMap(before, value, child, path) : value;
    return;
  }
  original[key] = Array.isArray(before) ? mergeListField(before, value as unknown[], child, deletes, path) : mergeMap(before as Json, value as Json, child, path);
}

/** `$patch: replace` takes the patch as it is, `$patch: delete` leaves nothing. */
function obeyDirective(patch: Json, path: string): Json {
  const { [DIRECTIVE]: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return {};
  throw bad(`${path}: unknown patch type ${JSON.stringify(directive)}`);
}

/** `$retainKeys` names all members of a union that may stay. */
function retainKeys(original: Json, patch: Json, path: string): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const kept = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  if (!Array.isArray(kept)) throw bad(`${path}: ${RETAIN_KEYS} must be a list`);
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !key.startsWith(SET_ORDER) && !key.startsWith(DELETE_FROM) && !kept.includes(key)) throw bad(`${path}: ${key} is set but not in ${RETAIN_KEYS}`);
  }
  for (const key of Object.keys(original)) if (!kept.includes(key)) delete original[key];
}

/** Lists whose order the patch gives in `$setElementOrder/<field>`: merged here, and taken out of the patch. */
function mergeOrderedLists(original: Json, patch: Json, node: MergeNode | undefined, path: string): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(SET_ORDER)) continue;
    const order = patch[directive];
    delete patch[directive];
    const key = directive.slice(SET_ORDER.length);
    const place = path === '' ? key : `${path}.${key}`;
    if (!Array.isArray(order)) throw bad(`${place}: the element order must be a list`);
    const child = node?.child(key);
    if (child === undefined) throw bad(`${place}: the kind has no such field`);
    const mergeKey = child.merge.key;
    const [before, change] = [original[key], patch[key]];
    if (change !== undefined && change !== null && !Array.isArray(change)) throw bad(`${place}: must be a list`);
    if (before !== undefined && !Array.isArray(before)) throw bad(`${place}: is not a list in the object`);
    if (Array.isArray(change)) checkOrder(change, order, mergeKey, place);
    if (change === null) continue;
    delete patch[key];
    if (before === undefined && change === undefined) continue;
    const merged =
      change === undefined ? (before as unknown[]) : before === undefined ? (withoutDirectives(change, place) as unknown[]) : mergeListField(before, change as unknown[], child, false, place);
    original[key] = inOrder(merged, order, (before as unknown[] | undefined) ?? [], keyedBy(mergeKey, (item) => missing(mergeKey, item, place)));
  }
}

/** What a patch adds or changes must stand in its element order, in the same relative order. */
function checkOrder(change: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined, path: string): void {
  const keyOf = keyedBy(mergeKey, (item) => missing(mergeKey, item, path));
  const wanted = change.filter((item) => !(isMap(item) && Object.hasOwn(item, DIRECTIVE)));
  let at = 0;
  for (const item of wanted) {
    const key = keyOf(item);
    while (at < order.length && !equalJson(keyOf(order[at]), key)) at += 1;
    if (at === order.length) throw bad(`${path}: the order of the list does not match ${SET_ORDER}`);
    at += 1;
  }
}

function mergeListField(before: unknown[], change: unknown[], node: MergeNode, deletes: boolean, path: string): unknown[] {
  const merges = node.merge.strategy === 'merge' || node.merge.strategy === 'merge,retainKeys';
  if (!merges && !deletes) return change;
  if (before.length === 0 && change.length === 0) return before;
  const first = before[0] ?? change[0];
  if ([...before, ...change].some((item) => isMap(item) !== isMap(first) || Array.isArray(item))) throw bad(`${path}: the items of a merged list must be of one type`);
  if (!isMap(first)) return mergeScalars(before, change, deletes);
  const { key } = node.merge;
  if (key === undefined) throw bad(`${path}: lists of objects without a merge key cannot be merged`);
  return mergeItems(before as Json[], change as Json[], key, node, path);
}

function mergeScalars(before: readonly unknown[], change: readonly unknown[], deletes: boolean): unknown[] {
  if (deletes) return before.filter((item) => !change.includes(item));
  return inOrder([...new Set([...before, ...change])], change, before, (item) => item);
}

function mergeItems(before: readonly Json[], change: readonly Json[], key: string, node: MergeNode, path: string): unknown[] {
  const keyOf = keyedBy(key, (item) => missing(key, item, path));
  let items = [...before];
  const plain: Json[] = [];
  let replaces = false;
  for (const item of change) {
    const directive = item[DIRECTIVE];
    if (directive === undefined) plain.push(item);
    else if (directive === 'delete') {
      const gone = keyOf(item);
      items = items.filter((candidate) => !equalJson(itemKey(candidate, key), gone));
    } else if (directive === 'replace') replaces = true;
    else throw bad(`${path}: unknown patch type ${JSON.stringify(directive)} in a list`);
  }
  if (replaces) return plain;
  const merged: unknown[] = [...items];
  for (const item of plain) {
    const wanted = keyOf(item);
    const at = merged.findIndex((candidate) => equalJson(itemKey(candidate, key), wanted));
    // Items share one schema, whatever their place.
    if (at < 0) merged.push(withoutDirectives(item, path));
    else merged[at] = mergeMap(merged[at] as Json, item, node.child('0'), `${path}[${String(wanted)}]`);
  }
  return inOrder(merged, plain, items, keyOf);
}

/** What is new is taken over without nulls (there is nothing to remove) and without directives. */
function withoutDirectives(value: unknown, path: string): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !(isMap(item) && Object.hasOwn(item, DIRECTIVE))).map((item) => withoutDirectives(item, path));
  }
  if (!isMap(value)) return value;
  if (value[DIRECTIVE] === 'delete') return {};
  const result: Json = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null || key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(SET_ORDER) || key.startsWith(DELETE_FROM)) continue;
    result[key] = withoutDirectives(inner, path);
  }
  return result;
}

const missing = (key: string | undefined, _item: unknown, path: string): ApiError => bad(`${path}: an item has no ${key}`);
