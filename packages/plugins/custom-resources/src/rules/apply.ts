import { Budget, firstLine, Optional, TooExpensive } from '@orrery/cel';
import { equalJson, type FieldError, fieldError } from '@orrery/core';
import { told } from '../schema/bounds.js';
import { correlate } from '../schema/correlate.js';
import { type JsonSchemaProps, memberOf, objectOf, propertyOf, type ValidationRule } from '../schema/types.js';
import { typeOf } from '../schema/validate.js';
import { compileExpression, type Expression, RULES_COST } from './compile.js';
import { celValue } from './values.js';

/** A rule, ready to be asked. */
interface Compiled {
  readonly rule: ValidationRule;
  readonly holds: Expression;
  readonly message: Expression | undefined;
}

const known = new WeakMap<JsonSchemaProps, readonly Compiled[]>();
const holding = new WeakMap<JsonSchemaProps, boolean>();

/** What is wrong with a value by the rules of its schema. `old`: what it was before; rules that name it are only asked of changes. A value that is as it was is only asked those. */
export function validateRules(schema: JsonSchemaProps, value: unknown, old?: unknown): FieldError[] {
  const asking: Asking = { errors: [], budget: new Budget(RULES_COST) };
  try {
    walk(schema, value, old, '', true, asking);
  } catch (error) {
    if (!(error instanceof TooExpensive)) throw error;
    asking.errors.push(fieldError.forbidden('<root>', 'validation failed due to running out of cost budget, no further validation rules will be run'));
  }
  return told(asking.errors);
}

interface Variables {
  readonly self: unknown;
  readonly oldSelf: unknown;
}

interface Asking {
  readonly errors: FieldError[];
  readonly budget: Budget;
}

function walk(schema: JsonSchemaProps, value: unknown, old: unknown, path: string, isRoot: boolean, asking: Asking): void {
  if (value === null || value === undefined || !hasRules(schema)) return;
  const rules = rulesOf(schema, isRoot);
  if (rules.length > 0) ask(rules, schema, value, old, path, isRoot, asking);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    const before = correlate(schema, old);
    value.forEach((item, i) => walk(items, item, before(item, i), `${path}[${i}]`, false, asking));
    return;
  }
  const [object, before] = [objectOf(value), objectOf(old)];
  if (object === undefined) return;
  for (const [key, member] of Object.entries(object)) {
    const of = memberOf(schema, key);
    const at = propertyOf(schema, key) === undefined ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    if (of !== undefined) walk(of, member, before?.[key], at, false, asking);
  }
}

function ask(rules: readonly Compiled[], schema: JsonSchemaProps, value: unknown, old: unknown, path: string, isRoot: boolean, asking: Asking): void {
  const isSame = old !== undefined && equalJson(value, old);
  let self: unknown;
  let before: unknown;
  for (const one of rules) {
    const { rule, holds } = one;
    if (holds.usesOld ? old === undefined && rule.optionalOldSelf !== true : isSame) continue;
    if (self === undefined) {
      asking.budget.spend(countOf(value) + countOf(old));
      [self, before] = [celValue(schema, value, isRoot), celValue(schema, old, isRoot)];
    }
    const oldSelf = rule.optionalOldSelf === true ? (old === undefined ? Optional.none() : Optional.of(before)) : before;
    const wrong = failureOf(one, { self, oldSelf }, asking.budget);
    if (wrong !== undefined) asking.errors.push(errorOf(rule, path, schema.type ?? typeOf(value), wrong));
  }
}

/** Why the rule does not hold; undefined: it does. */
function failureOf({ rule, holds, message }: Compiled, variables: Variables, budget: Budget): string | undefined {
  try {
    if (holds.evaluate(variables, budget) === true) return undefined;
  } catch (error) {
    if (error instanceof TooExpensive) throw error;
    return `${firstLine(error)} evaluating rule: ${rule.message ?? rule.rule.trim()}`;
  }
  const made = message === undefined ? undefined : textOf(message, variables, budget);
  return made ?? (rule.message !== undefined && rule.message !== '' ? rule.message : `failed rule: ${rule.rule.trim()}`);
}

/** A message that could not be made, or says nothing, is none: the other one is told. */
function textOf(message: Expression, variables: Variables, budget: Budget): string | undefined {
  let text: unknown;
  try {
    text = message.evaluate(variables, budget);
  } catch (error) {
    if (error instanceof TooExpensive) throw error;
    return undefined;
  }
  return typeof text === 'string' && text.trim() !== '' && !text.includes('\n') && text.length <= 5 * 1024 ? text : undefined;
}

function errorOf({ reason, fieldPath = '' }: ValidationRule, path: string, type: string, detail: string): FieldError {
  const at = `${path}${fieldPath}`.replace(/^\./, '');
  const field = at === '' ? '<nil>' : at;
  switch (reason) {
    case 'FieldValueRequired':
      return fieldError.required(field, detail);
    case 'FieldValueForbidden':
      return fieldError.forbidden(field, detail);
    case 'FieldValueDuplicate':
      return fieldError.duplicate(field, type);
    default:
      return fieldError.invalid(field, type, detail);
  }
}

function rulesOf(schema: JsonSchemaProps, isRoot: boolean): readonly Compiled[] {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const compiled = (schema['x-kubernetes-validations'] ?? []).map((rule): Compiled => {
    const options = { optionalOld: rule.optionalOldSelf === true, isRoot };
    const holds = compileExpression(rule.rule, schema, 'bool', options);
    const message = rule.messageExpression === undefined ? undefined : compileExpression(rule.messageExpression, schema, 'string', options);
    // Definitions with such rules are refused; one that got by nevertheless lets nothing through.
    if (typeof holds === 'string') return { rule, holds: { usesOld: false, evaluate: () => fail(holds) }, message: undefined };
    return { rule, holds, message: typeof message === 'string' ? undefined : message };
  });
  known.set(schema, compiled);
  return compiled;
}

function fail(why: string): never {
  throw new Error(why);
}

/** Whether there are rules in a schema or below. */
function hasRules(schema: JsonSchemaProps): boolean {
  let has = holding.get(schema);
  if (has === undefined) {
    const { items, properties = {}, additionalProperties } = schema;
    const below = [...(items === undefined ? [] : [items]), ...Object.values(properties), ...(typeof additionalProperties === 'object' ? [additionalProperties] : [])];
    has = (schema['x-kubernetes-validations'] ?? []).length > 0 || below.some(hasRules);
    holding.set(schema, has);
  }
  return has;
}

/** How many values there are in a value. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const member of Object.values(value)) count += countOf(member);
  return count;
}
