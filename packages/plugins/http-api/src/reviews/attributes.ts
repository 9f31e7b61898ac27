import { type Attributes, type FieldError, fieldError, type KindOf, matcherOf, type UserInfo } from '@orrery/core';
import type { SelfSubjectAccessReview, SubjectAccessReview } from './kinds.js';

/** What is asked about. */
type Asked = KindOf<typeof SelfSubjectAccessReview>['spec'];
/** Who is asked about. */
type Whose = KindOf<typeof SubjectAccessReview>['spec'];
type Selector = NonNullable<NonNullable<Asked['resourceAttributes']>['fieldSelector']>;

/** What is wrong with a question (pkg/apis/authorization/validation). */
export function questionErrors({ resourceAttributes, nonResourceAttributes }: Asked): FieldError[] {
  const errors: FieldError[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    errors.push(fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, 'cannot be specified in combination with resourceAttributes'));
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    errors.push(fieldError.invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  }
  for (const part of ['fieldSelector', 'labelSelector'] as const) errors.push(...selectorErrors(`spec.resourceAttributes.${part}`, resourceAttributes?.[part]));
  return errors;
}

/** What is wrong with a question about somebody. */
export function subjectErrors({ user = '', groups = [] }: Whose): FieldError[] {
  return user === '' && groups.length === 0 ? [fieldError.invalid('spec.user', user, 'at least one of user or group must be specified')] : [];
}

function selectorErrors(field: string, selector: Selector | undefined): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '' && requirements.length > 0) return [fieldError.invalid(`${field}.rawSelector`, rawSelector, 'may not specified at the same time as requirements')];
  if (rawSelector === '' && requirements.length === 0) return [fieldError.required(`${field}.requirements`, `when ${field} is specified, requirements or rawSelector is required`)];
  return requirements.flatMap(({ key, operator, values = [] }, i) => {
    const at = `${field}.requirements[${i}]`;
    if (key === '') return [fieldError.required(`${at}.key`, 'must be specified')];
    if (operator === 'In' || operator === 'NotIn') return values.length === 0 ? [fieldError.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")] : [];
    if (operator === 'Exists' || operator === 'DoesNotExist') return values.length > 0 ? [fieldError.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")] : [];
    return [fieldError.notSupported(`${at}.operator`, operator, [])];
  });
}

/** A question as authorizers are asked it. */
export function attributesOf(user: UserInfo, { resourceAttributes, nonResourceAttributes }: Asked): Attributes {
  if (resourceAttributes === undefined) return { user, verb: nonResourceAttributes?.verb ?? '', path: nonResourceAttributes?.path ?? '' };
  const { verb = '', group = '', version = '', resource = '', namespace = '', name = '', subresource = '', fieldSelector, labelSelector } = resourceAttributes;
  const [fields, labels] = [fieldText(fieldSelector), labelText(labelSelector)];
  const place = { ...(namespace !== '' && { namespace }), ...(name !== '' && { name }), ...(subresource !== '' && { subresource }) };
  const selection = { ...(fields !== undefined && { fieldSelector: fields }), ...(labels !== undefined && { labelSelector: labels }) };
  return { user, verb, ref: { group, version, resource, ...place }, ...((fields ?? labels) !== undefined && { selection }) };
}

/** The user that is asked about. */
export function subjectOf({ user = '', uid = '', groups = [], extra }: Whose): UserInfo {
  return { name: user, ...(uid !== '' && { uid }), groups, ...(extra !== undefined && { extra }) };
}

/** What cannot be written as a field selector is left out: that asks for more, and never allows more. */
function fieldText(selector: Selector | undefined): string | undefined {
  if (selector === undefined) return undefined;
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '') return rawSelector;
  const single = requirements.filter(({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') && values.length === 1);
  return single.map(({ key, operator, values = [] }) => `${key}${operator === 'In' ? '=' : '!='}${(values[0] ?? '').replace(/[\\,=]/g, '\\$&')}`).join(',') || undefined;
}

const OPERATORS = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const;

function labelText(selector: Selector | undefined): string | undefined {
  if (selector === undefined) return undefined;
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '') return rawSelector;
  return matcherOf(requirements.map(({ key, operator, values = [] }) => ({ key, operator: OPERATORS[operator as keyof typeof OPERATORS], values }))).toString() || undefined;
}
