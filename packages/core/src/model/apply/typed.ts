import type { MergeNode } from '../merge-keys.js';
import { ApplyTypeError } from './type-error.js';
import { FieldSet } from './field-set.js';
import { fieldElement, itemElement, type PathElement } from './path-element.js';

// What structured-merge-diff's typed values do beside merging and comparing: which fields a value has, and a value without some of them.

/** A JSON object. */
export type Json = Record<string, unknown>;

/** Whether what is here is owned as a whole. */
export const isAtomic = (node: MergeNode): boolean => (node.type === 'list' ? node.merge.listType === undefined : node.merge.mapType === 'atomic');

/** An object or nothing: null counts as nothing. */
export const objectAt = (value: unknown): Json | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined);
/** The value of a key that the object itself has. */
export const ownValue = (object: Readonly<Json>, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
/** A list or nothing. */
export const listAt = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? (value as readonly unknown[]) : undefined);

/** What leads to an item of a list, or to a value of an object. */
export const childOf = (node: MergeNode, key: string): MergeNode => node.child(key) ?? UNKNOWN;
const UNKNOWN: MergeNode = { type: 'value', merge: {}, always: [], child: () => undefined };

/** The steps to the items of a list, those that occur more than once among them twice. */
export function elementsOf(node: MergeNode, items: readonly unknown[], at: string): readonly PathElement[] {
  return items.map((item) => itemElement(node, item, at));
}

/** The steps that occur more than once, in the order in which they do so. */
function repeatedIn(elements: readonly PathElement[]): ReadonlySet<PathElement> {
  const [seen, repeated] = [new Set<PathElement>(), new Set<PathElement>()];
  for (const element of elements) (seen.has(element) ? repeated : seen).add(element);
  return repeated;
}

/** Throws {@link ApplyTypeError} when a value has fields that its kind does not know, or another form. `at` is the path for the message. */
export function checkTypes(node: MergeNode, value: unknown, at = ''): void {
  if (value === null || value === undefined || node.type === 'value') return;
  if (node.type === 'list') {
    const items = listAt(value);
    if (items === undefined) throw new ApplyTypeError(at, 'expected a list');
    if (!isAtomic(node)) {
      const [twice] = repeatedIn(elementsOf(node, items, at));
      if (twice !== undefined) throw new ApplyTypeError(at, `duplicate entries for key ${twice.slice(2)}`);
    }
    items.forEach((item, i) => checkTypes(childOf(node, String(i)), item, `${at}[${i}]`));
    return;
  }
  const object = objectAt(value);
  if (object === undefined) throw new ApplyTypeError(at, 'expected a map');
  for (const [key, member] of Object.entries(object)) {
    const child = node.child(key);
    if (child === undefined) throw new ApplyTypeError(`${at}.${key}`, 'field not declared in schema');
    checkTypes(child, member, `${at}.${key}`);
  }
}

/** The value as Kubernetes' own types write it: with the structs that they hold without a pointer. Shares what does not change. */
export function asWritten(node: MergeNode, value: unknown): unknown {
  if (node.type === 'value') return value;
  if (Array.isArray(value)) return value.map((item, i) => asWritten(childOf(node, String(i)), item));
  const object = objectAt(value);
  if (object === undefined) return value;
  const written: Json = {};
  for (const key of [...Object.keys(object), ...node.always]) written[key] = asWritten(childOf(node, key), object[key] === undefined ? {} : object[key]);
  return written;
}

/** The fields that a value has (TypedValue.ToFieldSet). */
export function fieldsOf(node: MergeNode, value: unknown): FieldSet {
  const set = new FieldSet();
  collect(node, value, [], set);
  return set;
}

function collect(node: MergeNode, value: unknown, path: readonly PathElement[], set: FieldSet): void {
  if (node.type === 'value' || isAtomic(node)) {
    set.insert(path);
    return;
  }
  if (node.type === 'list') {
    const items = listAt(value) ?? [];
    const elements = elementsOf(node, items, '');
    const repeated = repeatedIn(elements);
    items.forEach((item, i) => {
      const element = elements[i] as PathElement;
      const at = [...path, element];
      if (!repeated.has(element)) collect(childOf(node, String(i)), item, at, set);
      set.insert(at);
    });
    return;
  }
  for (const [key, member] of Object.entries(objectAt(value) ?? {})) {
    const at = [...path, fieldElement(key)];
    collect(childOf(node, key), member, at, set);
    const isEmpty = member === null || (objectAt(member) !== undefined && Object.keys(member as Json).length === 0);
    if (isEmpty || node.type === 'map' || node.child(key) === undefined) set.insert(at);
  }
}

/** A value without the fields of a set (TypedValue.RemoveItems); undefined: nothing is left. */
export function withoutFields(node: MergeNode, value: unknown, remove: FieldSet): unknown {
  if (node.type === 'value') return value;
  if (node.type === 'list') {
    const items = listAt(value);
    if (items === undefined || items.length === 0 || isAtomic(node)) return undefined;
    const left: unknown[] = [];
    items.forEach((item, i) => {
      const element = itemElement(node, item, '');
      if (remove.members.has(element)) return;
      const below = remove.below(element);
      left.push(below === undefined || below.empty ? item : withoutFields(childOf(node, String(i)), item, below));
    });
    return left.length === 0 ? undefined : left;
  }
  const object = objectAt(value);
  if (object === undefined || isAtomic(node)) return undefined;
  const left: Json = {};
  for (const [key, member] of Object.entries(object)) {
    const element = fieldElement(key);
    if (remove.members.has(element)) continue;
    const below = remove.below(element);
    const kept = below === undefined || below.empty ? member : withoutFields(childOf(node, key), member, below);
    // What was emptied stays as null, as it does in structured-merge-diff: its owner has it still.
    left[key] = kept ?? null;
  }
  return Object.keys(left).length === 0 ? undefined : left;
}
