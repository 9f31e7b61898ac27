import { type Budget, compileExpression as compile, type ExpressionNode as Node } from '@orrery/cel';
import { type JsonSchemaProps, objectOf } from '../schema/types.js';
import { escapedName } from './values.js';

/** What the rules of one object may cost: about so many steps, each 64 characters or items being one more. About a second at most. */
export const RULES_COST = 2_000_000;

/** An expression that was compiled for a schema. */
export interface Expression {
  /** It reads what was before: it is only asked of changes. */
  readonly usesOld: boolean;
  /** Throws when it fails, and `TooExpensive` when the budget is spent. */
  evaluate(variables: { readonly self: unknown; readonly oldSelf?: unknown }, budget: Budget): unknown;
}

/**
 * Compiles an expression over values of a schema. Answers what is wrong with it instead: syntax, unknown fields of `self`, functions that are not known, a result of another type,
 * a pattern that is none. `optionalOld`: what was before is an optional value.
 */
export function compileExpression(text: string, schema: JsonSchemaProps, wanted: 'bool' | 'string', { optionalOld = false, isRoot = false } = {}): Expression | string {
  const made = compile(text, {
    variables: { self: 'dyn', oldSelf: optionalOld ? 'optional<dyn>' : 'dyn' },
    wanted,
    mismatch: wanted === 'bool' ? 'cel expression must evaluate to a bool' : 'must evaluate to string',
    check: (node) => unknownField(node, schema, { optionalOld, isRoot }),
  });
  return typeof made === 'string' ? made : { usesOld: made.uses('oldSelf'), evaluate: (variables, budget) => made.evaluate({ ...variables }, budget) };
}

/** A field that there certainly is not. */
function unknownField(node: Node, schema: JsonSchemaProps, given: { readonly optionalOld: boolean; readonly isRoot: boolean }): string | undefined {
  if (node.op !== '.' && node.op !== '.?') return undefined;
  const [of, field] = node.args as [Node, string | Node];
  const name = typeof field === 'string' ? field : typeof field.args === 'string' ? field.args : undefined;
  const holder = placeOf(of, schema, given);
  return holder === undefined || name === undefined || fieldOf(holder, name) !== undefined ? undefined : `undefined field '${name}'`;
}

/** A place in the schema whose fields are all known. */
interface Place {
  readonly schema: JsonSchemaProps;
  readonly isRoot: boolean;
}
const UNKNOWN: unique symbol = Symbol('unknown');

/** The place that a chain of fields from `self` leads to; undefined when that cannot be told. */
function placeOf(node: Node, schema: JsonSchemaProps, given: { readonly optionalOld: boolean; readonly isRoot: boolean }): Place | undefined {
  if (node.op === 'id') return node.args === 'self' || (node.args === 'oldSelf' && !given.optionalOld) ? { schema, isRoot: given.isRoot } : undefined;
  if (node.op !== '.') return undefined;
  const [of, name] = node.args as [Node, unknown];
  const holder = placeOf(of, schema, given);
  const found = holder === undefined || typeof name !== 'string' ? undefined : fieldOf(holder, name);
  return found === undefined || found === UNKNOWN ? undefined : found;
}

const OF_RESOURCES: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** A field by the name it has in rules; undefined when there is certainly none. */
function fieldOf({ schema, isRoot }: Place, name: string): Place | typeof UNKNOWN | undefined {
  const property = namesIn(schema).get(name);
  if (OF_RESOURCES.has(name) && (isRoot || schema['x-kubernetes-embedded-resource'] === true)) return UNKNOWN;
  if (property !== undefined) return { schema: property, isRoot: false };
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || objectOf(schema.additionalProperties) !== undefined || schema.additionalProperties === true;
  return isOpen || schema['x-kubernetes-int-or-string'] === true || schema.type === undefined ? UNKNOWN : undefined;
}

const named = new WeakMap<JsonSchemaProps, ReadonlyMap<string, JsonSchemaProps>>();

/** The properties of a schema by the names that they have in rules. */
function namesIn(schema: JsonSchemaProps): ReadonlyMap<string, JsonSchemaProps> {
  let names = named.get(schema);
  if (names === undefined) {
    names = new Map(Object.entries(schema.properties ?? {}).map(([key, property]) => [escapedName(key) ?? '', property]));
    named.set(schema, names);
  }
  return names;
}
