import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { RuntimeClass } from '../kinds/runtime-class.js';
import { validateLabels } from '../label-selector.js';
import { isDns1123Label } from '../names.js';
import { value } from '../quantity.js';
import { checkTolerations } from './affinity.js';
import { invalidEach } from './checks.js';

// Runtime classes (pkg/apis/node/validation).

/** What is wrong with a RuntimeClass. */
export function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors: FieldError[] = [];
  invalidEach(errors, 'handler', handler, isDns1123Label(handler));
  for (const [name, amount] of Object.entries(overhead?.podFixed ?? {})) {
    if (value(amount) < 0) errors.push(fieldError.invalid(`overhead.podFixed[${name}]`, amount, 'must be greater than or equal to 0'));
  }
  if (scheduling?.nodeSelector !== undefined) errors.push(...validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'));
  checkTolerations(errors, 'scheduling.tolerations', scheduling?.tolerations ?? []);
  return errors;
}

/** Its handler stays. */
export function validateRuntimeClassUpdate({ handler }: RuntimeClass, old: RuntimeClass): FieldError[] {
  return handler === old.handler ? [] : [fieldError.invalid('handler', handler, 'field is immutable')];
}
