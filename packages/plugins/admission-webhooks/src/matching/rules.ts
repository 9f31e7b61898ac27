import type { RuleWithOperations } from '../kinds/forms.js';

/** What rules look at. */
export interface Subject {
  readonly operation: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** It is in a namespace. A namespace itself is in none. */
  readonly isNamespaced: boolean;
}

const fits = (values: readonly string[] | undefined, value: string): boolean => values?.some((one) => one === '*' || one === value) === true;

/** Whether a rule is for a request (webhook/predicates/rules). Pure. */
export function ruleMatches({ operations, apiGroups, apiVersions, resources, scope = '*' }: RuleWithOperations, { operation, group, version, resource, subresource, isNamespaced }: Subject): boolean {
  if (scope !== '*' && (scope === 'Namespaced') !== isNamespaced) return false;
  if (!fits(operations, operation) || !fits(apiGroups, group) || !fits(apiVersions, version)) return false;
  return (resources ?? []).some((name) => {
    const [of = '', part = ''] = name.split('/');
    return (of === '*' || of === resource) && (part === '*' || part === subresource);
  });
}
