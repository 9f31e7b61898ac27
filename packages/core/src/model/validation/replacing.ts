import { fieldError } from '../field-error.js';
import { scaledIntOrPercent } from '../int-or-percent.js';
import type { IntOrString } from '../int-or-percent.js';
import { isValidPercent } from '../names.js';
import { invalidEach, notNegative } from './checks.js';
import type { Errors } from './checks.js';

// What strategies of replacing pods share: numbers of pods, or percentages of all (pkg/apis/apps/validation).

const percent = (value: IntOrString): number | undefined => (typeof value === 'string' ? scaledIntOrPercent(value, 100, true) : undefined);

/** The number, or the figure of a percentage: 0% of anything is nothing (getIntOrPercentValue). */
export const figure = (value: IntOrString): number => (typeof value === 'number' ? value : (percent(value) ?? 0));

/** A number that is not negative, or a percentage (ValidatePositiveIntOrPercent). */
export function checkIntOrPercent(errors: Errors, field: string, value: IntOrString): void {
  if (typeof value === 'number') notNegative(errors, field, value);
  else invalidEach(errors, field, value, isValidPercent(value));
}

/** At most all (IsNotMoreThan100Percent). */
export function checkAtMostAll(errors: Errors, field: string, value: IntOrString): void {
  if ((percent(value) ?? 0) > 100) errors.push(fieldError.invalid(field, value, 'must not be greater than 100%'));
}
