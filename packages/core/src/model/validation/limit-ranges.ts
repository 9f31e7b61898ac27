import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { LimitRange, LimitRangeItem } from '../kinds/limit-range.js';
import { isQualifiedName } from '../names.js';
import { approximateNumber, compareQuantities, parseQuantity, quantityOf } from '../quantity.js';
import type { Quantity } from '../quantity.js';
import { invalidEach } from './checks.js';
import type { Errors } from './checks.js';

// Limit ranges: ValidateLimitRange in pkg/apis/core/validation.

const TYPES: readonly string[] = ['Pod', 'Container', 'PersistentVolumeClaim'];
const PARTS = ['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
const ONE = quantityOf(1);

/** What is wrong with a LimitRange. */
export function validateLimitRange({ spec }: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  spec.limits.forEach((item, i) => {
    const at = `spec.limits[${i}]`;
    checkType(errors, `${at}.type`, item.type);
    if (seen.has(item.type)) errors.push(fieldError.duplicate(`${at}.type`, item.type));
    seen.add(item.type);
    checkParts(errors, at, item);
    for (const name of new Set(PARTS.flatMap((part) => Object.keys(item[part] ?? {})))) checkOrder(errors, at, item, name);
  });
  return errors;
}

function checkType(errors: Errors, field: string, type: string): void {
  invalidEach(errors, field, type, isQualifiedName(type));
  if (!type.includes('/') && !TYPES.includes(type)) errors.push(fieldError.invalid(field, type, 'must be a standard limit type or fully qualified'));
}

function checkParts(errors: Errors, at: string, item: LimitRangeItem): void {
  for (const part of PARTS) {
    for (const name of Object.keys(item[part] ?? {})) {
      const field = `${at}.${part}[${name}]`;
      invalidEach(errors, field, name, isQualifiedName(name));
      if (!name.includes('/') && !/^(?:cpu|memory|ephemeral-storage|storage|hugepages-.+)$/.test(name)) errors.push(fieldError.invalid(field, name, 'must be a standard resource type or fully qualified'));
    }
  }
  if (item.type === 'Pod') {
    if (Object.keys(item.default ?? {}).length > 0) errors.push(fieldError.forbidden(`${at}.default`, 'may not be specified when `type` is \'Pod\''));
    if (Object.keys(item.defaultRequest ?? {}).length > 0) errors.push(fieldError.forbidden(`${at}.defaultRequest`, 'may not be specified when `type` is \'Pod\''));
  }
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
    errors.push(fieldError.required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided'));
  }
}

/** min ≤ defaultRequest ≤ default ≤ max, each only if given; ratios are at least one and do not exceed what max and min allow. */
function checkOrder(errors: Errors, at: string, item: LimitRangeItem, name: string): void {
  const amount = (part: (typeof PARTS)[number]): Quantity | undefined => {
    const text = item[part]?.[name];
    return text === undefined ? undefined : (parseQuantity(text) as Quantity);
  };
  const exceeds = (low: Quantity | undefined, high: Quantity | undefined): boolean => low !== undefined && high !== undefined && compareQuantities(low, high) > 0;
  const [min, max, ask, limit, ratio] = [amount('min'), amount('max'), amount('defaultRequest'), amount('default'), amount('maxLimitRequestRatio')];
  const refuse = (part: (typeof PARTS)[number], detail: string): void => void errors.push(fieldError.invalid(`${at}.${part}[${name}]`, item[part]?.[name], detail));
  if (exceeds(min, max)) refuse('min', `min value ${item.min?.[name]} is greater than max value ${item.max?.[name]}`);
  if (exceeds(min, ask)) refuse('defaultRequest', `min value ${item.min?.[name]} is greater than default request value ${item.defaultRequest?.[name]}`);
  if (exceeds(ask, max)) refuse('defaultRequest', `default request value ${item.defaultRequest?.[name]} is greater than max value ${item.max?.[name]}`);
  if (exceeds(ask, limit)) refuse('defaultRequest', `default request value ${item.defaultRequest?.[name]} is greater than default limit value ${item.default?.[name]}`);
  if (exceeds(min, limit)) refuse('default', `min value ${item.min?.[name]} is greater than default value ${item.default?.[name]}`);
  if (exceeds(limit, max)) refuse('default', `default value ${item.default?.[name]} is greater than max value ${item.max?.[name]}`);
  if (ratio === undefined) return;
  if (compareQuantities(ratio, ONE) < 0) refuse('maxLimitRequestRatio', `ratio ${item.maxLimitRequestRatio?.[name]} is less than 1`);
  const possible = min !== undefined && max !== undefined && min.unscaled !== 0n ? approximateNumber(max) / approximateNumber(min) : undefined;
  if (possible !== undefined && approximateNumber(ratio) > possible) refuse('maxLimitRequestRatio', `ratio ${item.maxLimitRequestRatio?.[name]} is greater than max/min = ${possible}`);
}
