import { Budget, TooExpensive } from '../schema/budget.js';
import { finds, patternOf } from '../schema/patterns.js';
import { type JsonSchemaProps, objectOf } from '../schema/types.js';
import { celEnvironment } from './library.js';
import { escapedName } from './values.js';

/** What the rules of one object may cost: about so many steps, each 64 characters or items being one more. About a second at most. */
export const RULES_COST = 2_000_000;
/** Longer expressions are refused. */
const MAX_EXPRESSION = 10_000;

/** An expression that was compiled for a schema. */
export interface Expression {
  /** It reads what was before: it is only asked of changes. */
  readonly usesOld: boolean;
  /** Throws when it fails, and `TooExpensive` when the budget is spent. */
  evaluate(variables: { readonly self: unknown; readonly oldSelf?: unknown }, budget: Budget): unknown;
}

/** What the library's nodes are, as far as is needed here. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: { evaluate: Evaluate; readonly alternate?: unknown; readonly macro?: unknown };
  setMeta(key: string, value: unknown): Node;
}
interface Evaluator {
  run(node: Node, context: unknown): unknown;
}
type Evaluate = (evaluator: Evaluator, node: Node, context: unknown) => unknown;

type Environment = ReturnType<typeof celEnvironment>;
const environments = new Map<string, Environment>();

/** The environment in which what was before has a type. Made once. */
function environmentWith(oldSelf: 'dyn' | 'optional<dyn>'): Environment {
  const made = environments.get(oldSelf) ?? celEnvironment().registerVariable('self', 'dyn').registerVariable('oldSelf', oldSelf);
  environments.set(oldSelf, made);
  return made;
}

/**
 * Compiles an expression over values of a schema. Answers what is wrong with it instead: syntax, unknown fields of `self`, functions that are not known, a result of another type,
 * a pattern that is none. `optionalOld`: what was before is an optional value.
 */
export function compileExpression(text: string, schema: JsonSchemaProps, wanted: 'bool' | 'string', { optionalOld = false, isRoot = false } = {}): Expression | string {
  if (text.trim() === '') return 'must not be empty';
  if (text.length > MAX_EXPRESSION) return `must not be longer than ${MAX_EXPRESSION} characters`;
  try {
    const parsed = environmentWith(optionalOld ? 'optional<dyn>' : 'dyn').parse(text);
    const { valid, type, error } = parsed.check();
    if (!valid) return `compilation failed: ${firstLine(error)}`;
    if (type !== wanted && type !== 'dyn') return wanted === 'bool' ? 'cel expression must evaluate to a bool' : 'must evaluate to string';
    const nodes = nodesOf(parsed.ast as unknown as Node);
    const wrong = nodes.map((node) => problemOf(node, schema, { optionalOld, isRoot })).find((problem) => problem !== undefined);
    if (wrong !== undefined) return `compilation failed: ${wrong}`;
    const meter: Meter = { budget: new Budget(0) };
    for (const node of nodes) measure(node, meter);
    return {
      usesOld: nodes.some(({ op, args }) => op === 'id' && args === 'oldSelf'),
      evaluate: (variables, budget) => {
        meter.budget = budget;
        const result = parsed(variables as Record<string, unknown>);
        // Who was cut off may have been one side of an "or".
        if (budget.exceeded) throw new TooExpensive();
        return result;
      },
    };
  } catch (error) {
    return `compilation failed: ${firstLine(error)}`;
  }
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;

interface Meter {
  budget: Budget;
}

/** What the library keeps besides the expression itself. */
const NOT_NODES: ReadonlySet<string> = new Set(['iterCtx', 'bindCtx', 'candidates', 'argTypes', 'checkedType', 'registry']);

/** All nodes of an expression, those that macros became included. */
function nodesOf(root: Node): readonly Node[] {
  const nodes: Node[] = [];
  const seen = new Set<unknown>();
  const left: unknown[] = [root];
  while (left.length > 0) {
    const part = left.pop();
    if (typeof part !== 'object' || part === null || seen.has(part)) continue;
    seen.add(part);
    const { op, meta } = part as Partial<Node>;
    if (typeof op === 'string' && typeof meta === 'object') {
      nodes.push(part as Node);
      left.push(meta);
    }
    for (const [key, inner] of Object.entries(part)) if (!NOT_NODES.has(key)) left.push(inner);
  }
  return nodes;
}

/** Has a node pay for what it does; patterns are matched in linear time. */
function measure(node: Node, meter: Meter): void {
  if (node.meta.alternate !== undefined || node.meta.macro !== undefined) return;
  const evaluate = isMatches(node) ? matches(meter) : node.meta.evaluate;
  node.setMeta('evaluate', ((evaluator, self, context) => {
    meter.budget.spend(1);
    const result = evaluate(evaluator, self, context);
    if (typeof result === 'string' || Array.isArray(result)) meter.budget.spend(result.length >> 6);
    return result;
  }) satisfies Evaluate);
}

const isMatches = ({ op, args }: Node): boolean => op === 'rcall' && Array.isArray(args) && args[0] === 'matches';

const matches =
  (meter: Meter): Evaluate =>
  (evaluator, node, context) => {
    const [, receiver, [argument]] = node.args as [string, Node, [Node]];
    const [text, pattern] = [evaluator.run(receiver, context), evaluator.run(argument, context)];
    if (typeof text !== 'string' || typeof pattern !== 'string') throw new TypeError('matches is for texts');
    const compiled = patternOf(pattern);
    if (typeof compiled === 'string') throw new RangeError(compiled);
    return finds(compiled, text, meter.budget);
  };

/** What is wrong with one node that the library does not see. */
function problemOf(node: Node, schema: JsonSchemaProps, { optionalOld, isRoot }: { readonly optionalOld: boolean; readonly isRoot: boolean }): string | undefined {
  if (node.op === 'id' && node.args === 'cel') return "undeclared reference to 'cel'";
  if (isMatches(node)) {
    const [argument] = (node.args as [string, Node, Node[]])[2];
    const compiled = argument?.op === 'value' && typeof argument.args === 'string' ? patternOf(argument.args) : undefined;
    return typeof compiled === 'string' ? compiled : undefined;
  }
  if (node.op !== '.' && node.op !== '.?') return undefined;
  const [of, field] = node.args as [Node, string | Node];
  const name = typeof field === 'string' ? field : typeof field.args === 'string' ? field.args : undefined;
  const holder = placeOf(of, schema, { optionalOld, isRoot });
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
