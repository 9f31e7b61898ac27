import type { SuccessPolicy } from '@orrery/core';
import { countIndexes, type IndexRuns, parseIndexes } from './indexes.js';

/** Why the indexes that succeeded are enough; undefined while they are not (matchSuccessPolicy). Pure. */
export function enoughSucceeded(policy: SuccessPolicy | undefined, completions: number, succeeded: IndexRuns): string | undefined {
  if (policy === undefined || succeeded.length === 0) return undefined;
  for (const [i, { succeededIndexes, succeededCount }] of policy.rules.entries()) {
    if (succeededIndexes !== undefined) {
      const wanted = parseIndexes(succeededIndexes, completions);
      if (wanted.length === 0) continue;
      const common = countCommon(wanted, succeeded);
      if (common === countIndexes(wanted) || (succeededCount !== undefined && common >= succeededCount)) return `Matched rules at index ${i}`;
    } else if (succeededCount !== undefined && countIndexes(succeeded) >= succeededCount) return `Matched rules at index ${i}`;
  }
  return undefined;
}

function countCommon(a: IndexRuns, b: IndexRuns): number {
  let [i, j, common] = [0, 0, 0];
  for (;;) {
    const [x, y] = [a[i], b[j]];
    if (x === undefined || y === undefined) return common;
    common += Math.max(0, Math.min(x[1], y[1]) - Math.max(x[0], y[0]));
    if (x[1] <= y[1]) i += 1;
    if (y[1] <= x[1]) j += 1;
  }
}
