import type { z } from 'zod';
import type { KindDefinition } from './kind.js';
import type { MergeNode } from './merge-node.js';
import type { KubeObject } from './object.js';
import { fieldFacts } from './schema/fields.js';
import type { MergeInfo } from './schema/fields.js';

export type { MergeNode } from './merge-node.js';

/** Where the walk starts. */
export function mergeRoot<T extends KubeObject>(kind: KindDefinition<T>): MergeNode {
  return kind.shape?.merge ?? nodeOf(kind.schema);
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
