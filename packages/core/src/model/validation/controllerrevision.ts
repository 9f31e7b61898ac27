import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { ControllerRevision } from '../kinds/controllerrevision.js';
import { notNegative } from './checks.js';

/** What is wrong with a ControllerRevision (ValidateControllerRevision). */
export function validateControllerRevision({ data, revision }: ControllerRevision): FieldError[] {
  const errors: FieldError[] = [];
  if (data === undefined) errors.push(fieldError.required('data', 'data is mandatory'));
  notNegative(errors, 'revision', revision);
  return errors;
}

/** The data of a revision never changes; its number may (ValidateControllerRevisionUpdate). */
export function validateControllerRevisionUpdate(revision: ControllerRevision, old: ControllerRevision): FieldError[] {
  return equalJson(revision.data, old.data) ? [] : [fieldError.invalid('data', revision.data, 'field is immutable')];
}
