import type { z } from 'zod';
import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { formatPath } from './safe-copy.js';

/** What a zod schema has against a value, as Kubernetes' field errors (the wording of CustomResource validation). */
export function fieldErrorsOf(schema: z.ZodType, value: unknown): FieldError[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => toFieldError(issue, value));
}

function toFieldError(issue: z.core.$ZodIssue, root: unknown): FieldError {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  const field = formatPath(path);
  const value = at(root, path);
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? fieldError.required(field) : fieldError.typeInvalid(field, value, `must be of type ${issue.expected}`);
    case 'invalid_value':
      return fieldError.notSupported(field, value, issue.values.map(String));
    case 'unrecognized_keys':
      return fieldError.forbidden(field, `unknown fields ${issue.keys.join(', ')}`);
    default:
      return fieldError.invalid(field, value, issue.message);
  }
}

function at(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
