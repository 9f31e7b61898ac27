import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isDns1123Subdomain } from '../names.js';

// Small checks that many fields share. Each adds what it finds to `errors`.

/** Where checks put what they find. */
export type Errors = FieldError[];

/** A value that must be one of a few. */
export function oneOf(errors: Errors, field: string, value: string | undefined, supported: readonly string[]): void {
  if (value === undefined || value === '') errors.push(fieldError.required(field));
  else if (!supported.includes(value)) errors.push(fieldError.notSupported(field, value, supported));
}

/** An optional value that must be one of a few when present. */
export function oneOfIfSet(errors: Errors, field: string, value: string | undefined, supported: readonly string[]): void {
  if (value !== undefined && value !== '' && !supported.includes(value)) errors.push(fieldError.notSupported(field, value, supported));
}

/** Every message as an invalid value. */
export function invalidEach(errors: Errors, field: string, value: unknown, messages: readonly string[]): void {
  for (const message of messages) errors.push(fieldError.invalid(field, value, message));
}

/** A number that may not be negative. */
export function notNegative(errors: Errors, field: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(fieldError.invalid(field, value, 'must be greater than or equal to 0'));
}

/** A text that must be there. */
export function required(errors: Errors, field: string, value: string | undefined, detail = ''): boolean {
  if (value !== undefined && value !== '') return true;
  errors.push(fieldError.required(field, detail));
  return false;
}

/** The optional name of another object. */
export function subdomainIfSet(errors: Errors, field: string, value: string | undefined): void {
  if (value !== undefined && value !== '') invalidEach(errors, field, value, isDns1123Subdomain(value));
}

/** A relative path that stays below where it starts. */
export function descendingPath(errors: Errors, field: string, path: string): void {
  if (path.startsWith('/')) errors.push(fieldError.invalid(field, path, 'must be a relative path'));
  withoutBacksteps(errors, field, path);
}

/** A path without `..`. */
export function withoutBacksteps(errors: Errors, field: string, path: string): void {
  if (path.split('/').includes('..')) errors.push(fieldError.invalid(field, path, "must not contain '..'"));
}

/** How many of the members of a union are set. */
export function countSet(members: readonly unknown[]): number {
  return members.filter((member) => member !== undefined).length;
}
