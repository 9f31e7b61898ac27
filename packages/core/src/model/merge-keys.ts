import type { z } from 'zod';
import type { KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';
import { fieldFacts } from './schema/fields.js';
import type { MergeInfo } from './schema/fields.js';

/**
 * A place in the schema of a kind, seen by someone who merges: what is here, how it merges, and what is below.
 * Nodes are made once per schema and remembered, so walking costs a map look-up a step.
 */
export interface MergeNode {
  /** `value` is anything that is replaced as a whole. */
  readonly type: 'object' | 'map' | 'list' | 'value';
  /** Facts of the field that leads here; empty means a struct is merged, and a list replaced. */
  readonly merge: MergeInfo;
  /** Of an object: the fields that Kubernetes always writes, if only as `{}`. */
  readonly always: readonly string[];
  /** The node of a field of an object, of a value of a map (any name), or of an item of a list; undefined where nothing is known. */
  child(key: string): MergeNode | undefined;
}

/** Where the walk starts. */
export function mergeRoot<T extends KubeObject>(kind: KindDefinition<T>): MergeNode {
  return nodeOf(kind.schema);
}

/** The node at a path such as `['spec', 'containers', 0, 'ports']` (numbers step into lists); undefined where nothing is known. */
export function mergeInfoAt<T extends KubeObject>(kind: KindDefinition<T>, path: readonly (string | number)[]): MergeNode | undefined {
  let node: MergeNode | undefined = mergeRoot(kind);
  for (const part of path) node = node?.child(String(part));
  return node;
}

const known = new WeakMap<z.core.$ZodType, MergeNode>();
const VALUE: MergeNode = { type: 'value', merge: {}, always: [], child: () => undefined };

function nodeOf(schema: z.core.$ZodType): MergeNode {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const node = makeNode(schema);
  known.set(schema, node);
  return node;
}

function makeNode(schema: z.core.$ZodType): MergeNode {
  const { inner, merge } = unwrap(schema);
  const def = (inner._zod as z.core.$ZodTypes['_zod']).def;
  switch (def.type) {
    case 'object':
      return { type: 'object', merge, always: Object.keys(def.shape).filter((key) => fieldFacts.get(def.shape[key] as z.ZodType)?.always === true), child: (key) => (Object.hasOwn(def.shape, key) ? nodeOf(def.shape[key] as z.core.$ZodType) : undefined) };
    case 'record':
      return { type: 'map', merge, always: [], child: () => nodeOf(def.valueType) };
    case 'array':
      return { type: 'list', merge, always: [], child: () => nodeOf(def.element) };
    default:
      return VALUE;
  }
}

/** The schema under optional, default and the like, with the merge facts found on the way. */
function unwrap(schema: z.core.$ZodType): { inner: z.core.$ZodType; merge: MergeInfo } {
  let inner = schema;
  let merge: MergeInfo = {};
  for (;;) {
    merge = fieldFacts.get(inner as z.ZodType)?.merge ?? merge;
    const def = (inner._zod as z.core.$ZodTypes['_zod']).def;
    if (def.type === 'lazy') inner = def.getter();
    else if ('innerType' in def) inner = def.innerType;
    else return { inner, merge };
  }
}
