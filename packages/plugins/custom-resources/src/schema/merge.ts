import { type MergeInfo, mergeRoot, type KindDefinition, type MergeNode } from '@orrery/core';
import { type JsonSchemaProps, propertyOf } from './types.js';

const VALUE: MergeNode = { type: 'value', merge: {}, always: [], child: () => undefined };

/** How server-side apply merges objects of a schema. What is kept without being known is one value: its owner has the whole of it. `base` knows the fields that every object has. */
export function mergeNodeOf<T extends KindDefinition>(schema: JsonSchemaProps, base: T): MergeNode {
  const root = mergeRoot(base);
  const own = nodeOf(schema);
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return { type: 'object', merge: {}, always: [], child: (key) => (OF_RESOURCES.has(key) ? root.child(key) : (own.child(key) ?? (isOpen ? VALUE : undefined))) };
}

const OF_RESOURCES: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
const known = new WeakMap<JsonSchemaProps, MergeNode>();

function nodeOf(schema: JsonSchemaProps): MergeNode {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const node = makeNode(schema);
  known.set(schema, node);
  return node;
}

function makeNode(schema: JsonSchemaProps): MergeNode {
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const { items, additionalProperties, properties } = schema;
  if (schema.type === 'array') return { type: 'list', merge: listMerge(schema), always: [], child: () => (items === undefined ? VALUE : nodeOf(items)) };
  if (schema.type !== 'object') return VALUE;
  const merge: MergeInfo = schema['x-kubernetes-map-type'] === 'atomic' ? { mapType: 'atomic' } : {};
  const isResource = schema['x-kubernetes-embedded-resource'] === true;
  if (properties === undefined && additionalProperties !== undefined) {
    return { type: 'map', merge, always: [], child: () => (typeof additionalProperties === 'object' ? nodeOf(additionalProperties) : VALUE) };
  }
  if (properties === undefined && isOpen) return { type: 'map', merge, always: [], child: () => VALUE };
  const child = (key: string): MergeNode | undefined => {
    const property = propertyOf(schema, key);
    if (property !== undefined) return nodeOf(property);
    return isOpen || (isResource && OF_RESOURCES.has(key)) ? VALUE : undefined;
  };
  return { type: 'object', merge, always: [], child };
}

function listMerge(schema: JsonSchemaProps): MergeInfo {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return { listType: 'map', listKeys: keys, ...(keys[0] !== undefined && { key: keys[0] }) };
    case 'set':
      return { listType: 'set' };
    default:
      return {};
  }
}
