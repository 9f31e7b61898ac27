import { Budget, celJson, compileExpression, type Expression, firstLine, TooExpensive } from '@orrery/cel';
import type { MatchCondition } from '../kinds/forms.js';

/** What the conditions of one webhook may cost for one request. About a tenth of a second at most. */
const CONDITIONS_COST = 200_000;

const VARIABLES = { object: 'dyn', oldObject: 'dyn', request: 'dyn' } as const;

/** Compiles a condition, or says what is wrong with it. */
export const compileCondition = (expression: string): Expression | string => compileExpression(expression, { variables: VARIABLES, wanted: 'bool', mismatch: 'must evaluate to bool' });

const known = new WeakMap<MatchCondition, Expression | string>();

/** What a request looks like to conditions. */
export interface ConditionFacts {
  readonly object: unknown;
  readonly oldObject: unknown;
  /** The AdmissionReview's request without the objects. */
  readonly request: unknown;
}

/** Whether all conditions hold; or why that cannot be told: as soon as one does not hold the others do not matter. */
export function conditionsHold(conditions: readonly MatchCondition[], { object, oldObject, request }: ConditionFacts): boolean | { readonly problem: string } {
  if (conditions.length === 0) return true;
  const variables = { object: celJson(object ?? null), oldObject: celJson(oldObject ?? null), request: celJson(request) };
  const budget = new Budget(CONDITIONS_COST);
  const problems: string[] = [];
  for (const condition of conditions) {
    const made = known.get(condition) ?? compileCondition(condition.expression);
    known.set(condition, made);
    try {
      if (typeof made === 'string') throw new Error(made);
      if (made.evaluate(variables, budget) === false) return false;
    } catch (error) {
      problems.push(`expression '${condition.expression}' resulted in error: ${firstLine(error).replace(/^N(?=o such key)/, 'n')}`);
      if (error instanceof TooExpensive) break;
    }
  }
  return problems.length === 0 ? true : { problem: problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]` };
}
