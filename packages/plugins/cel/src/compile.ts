import { Budget, TooExpensive } from './budget.js';
import { celEnvironment } from './library.js';
import { finds, patternOf } from './patterns.js';

/** Longer expressions are refused. */
const MAX_EXPRESSION = 10_000;

/** An expression that can be asked. */
export interface Expression {
  /** Whether it names a variable. */
  uses(variable: string): boolean;
  /** Throws when it fails, and `TooExpensive` when the budget is spent. */
  evaluate(variables: Readonly<Record<string, unknown>>, budget: Budget): unknown;
}

/** What an expression is compiled for. */
export interface ExpressionOptions {
  /** The variables it may name, with their types. */
  readonly variables: Readonly<Record<string, 'dyn' | 'optional<dyn>'>>;
  /** The type of its result. */
  readonly wanted: 'bool' | 'string';
  /** What is told when it has another one. */
  readonly mismatch: string;
  /** Looks for what is wrong with one part of it. */
  check?(node: ExpressionNode): string | undefined;
}

/** A part of an expression, as far as is needed to look at it. */
export interface ExpressionNode {
  /** `id` (a name), `.` (a field), `rcall` (a method), `value`, … */
  readonly op: string;
  /** By what it is: a name; what has the field and the name of that; … */
  readonly args: unknown;
}

/** What the library's nodes are besides. */
interface Node extends ExpressionNode {
  readonly meta: { evaluate: Evaluate; readonly alternate?: unknown; readonly macro?: unknown };
  setMeta(key: string, value: unknown): Node;
}
interface Evaluator {
  run(node: Node, context: unknown): unknown;
}
type Evaluate = (evaluator: Evaluator, node: Node, context: unknown) => unknown;

type Environment = ReturnType<typeof celEnvironment>;
const environments = new Map<string, Environment>();

/** The environment with these variables. Made once. */
function environmentWith(variables: ExpressionOptions['variables']): Environment {
  const key = JSON.stringify(variables);
  const made = environments.get(key) ?? Object.entries(variables).reduce((environment, [name, type]) => environment.registerVariable(name, type), celEnvironment());
  environments.set(key, made);
  return made;
}

/** Compiles an expression. Answers what is wrong with it instead: syntax, names and functions that are not known, a result of another type, a pattern that is none. */
export function compileExpression(text: string, { variables, wanted, mismatch, check }: ExpressionOptions): Expression | string {
  if (text.trim() === '') return 'must not be empty';
  if (text.length > MAX_EXPRESSION) return `must not be longer than ${MAX_EXPRESSION} characters`;
  try {
    const parsed = environmentWith(variables).parse(text);
    const { valid, type, error } = parsed.check();
    if (!valid) return `compilation failed: ${firstLine(error)}`;
    if (type !== wanted && type !== 'dyn') return mismatch;
    const nodes = nodesOf(parsed.ast as unknown as Node);
    const wrong = nodes.map((node) => problemOf(node) ?? check?.(node)).find((problem) => problem !== undefined);
    if (wrong !== undefined) return `compilation failed: ${wrong}`;
    const meter: Meter = { budget: new Budget(0) };
    for (const node of nodes) measure(node, meter);
    return {
      uses: (variable) => nodes.some(({ op, args }) => op === 'id' && args === variable),
      evaluate: (values, budget) => {
        meter.budget = budget;
        const result = parsed(values as Record<string, unknown>);
        // Who was cut off may have been one side of an "or".
        if (budget.exceeded) throw new TooExpensive();
        return result;
      },
    };
  } catch (error) {
    return `compilation failed: ${firstLine(error)}`;
  }
}

/** The first line of what an expression says when it fails: the others show where. */
export const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;

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
function problemOf(node: Node): string | undefined {
  if (node.op === 'id' && node.args === 'cel') return "undeclared reference to 'cel'";
  if (!isMatches(node)) return undefined;
  const [argument] = (node.args as [string, Node, Node[]])[2];
  const compiled = argument?.op === 'value' && typeof argument.args === 'string' ? patternOf(argument.args) : undefined;
  return typeof compiled === 'string' ? compiled : undefined;
}
