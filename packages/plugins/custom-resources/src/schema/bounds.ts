/** What the checks of all values of an object, and what their patterns look at, may cost in all. About a second of work. */
export const VALIDATION_COST = 2_000_000;

const MAX_ERRORS = 100;

/** Of what is wrong with one object so much as is told: at most a hundred errors, the last one, which may say why it ended, among them. */
export const told = <T>(errors: readonly T[]): T[] => (errors.length <= MAX_ERRORS ? [...errors] : [...errors.slice(0, MAX_ERRORS - 1), ...errors.slice(-1)]);
