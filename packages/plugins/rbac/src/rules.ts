import type { Attributes, PolicyRule } from '@orrery/core';

// What rules allow (plugin/pkg/auth/authorizer/rbac, pkg/apis/rbac/v1/evaluation_helpers.go). Pure.

const ALL = '*';

/** Whether a rule allows a request. */
export function ruleAllows(rule: PolicyRule, { verb, ref, path }: Pick<Attributes, 'verb' | 'ref' | 'path'>): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (ref === undefined) return path !== undefined && (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path));
  const { resourceNames = [] } = rule;
  return (
    has(rule.apiGroups, ref.group) &&
    resourceMatches(rule.resources, ref.resource, ref.subresource) &&
    // A request without a name (a list, a create) is not about the objects that are named.
    (resourceNames.length === 0 || (ref.name !== undefined && ref.name !== '' && resourceNames.includes(ref.name)))
  );
}

const has = (list: readonly string[] | undefined, wanted: string): boolean => list !== undefined && (list.includes(ALL) || list.includes(wanted));

function resourceMatches(list: readonly string[] | undefined, resource: string, subresource: string | undefined): boolean {
  if (list === undefined) return false;
  if (subresource === undefined || subresource === '') return has(list, resource);
  return list.includes(ALL) || list.includes(`${resource}/${subresource}`) || list.includes(`*/${subresource}`);
}

/** `*` at the end stands for anything. */
function pathMatches(pattern: string, path: string): boolean {
  return pattern === ALL || pattern === path || (pattern.endsWith(ALL) && path.startsWith(pattern.replace(/\*+$/, '')));
}

/** One right: a rule of one verb on one resource (of one name, or all), or on one path. */
export interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly path?: string;
}

/** The rights that rules consist of, each by itself (BreakdownRule). */
export function* rightsOf(rules: readonly PolicyRule[]): Generator<Right, void, undefined> {
  for (const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } of rules) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        for (const verb of verbs) {
          if (resourceNames.length === 0) yield { verb, group, resource };
          for (const name of resourceNames) yield { verb, group, resource, name };
        }
      }
    }
    for (const path of nonResourceURLs) for (const verb of verbs) yield { verb, path };
  }
}

/** Whether a rule gives a right, and so all that falls under it (ruleCovers). */
export function ruleCovers(rule: PolicyRule, { verb, group, resource, name, path }: Right): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (path !== undefined) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path));
  const { resourceNames = [], resources = [] } = rule;
  const slash = (resource ?? '').indexOf('/');
  const isCovered = has(resources, resource ?? '') || (slash >= 0 && resources.includes(`*${(resource ?? '').slice(slash)}`));
  return isCovered && has(rule.apiGroups, group ?? '') && (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)));
}

/** The rights in `wanted` that `held` does not give; at most `limit` are looked at, and then undefined is answered: too many to be sure. */
export function missingRights(held: readonly PolicyRule[], wanted: readonly PolicyRule[], limit = Infinity): readonly Right[] | undefined {
  const missing: Right[] = [];
  let looked = 0;
  for (const right of rightsOf(wanted)) {
    looked += 1;
    if (looked > limit) return undefined;
    if (!held.some((rule) => ruleCovers(rule, right))) missing.push(right);
  }
  return missing;
}

/** Rights as rules again: those that differ in their verbs only become one (CompactRules). */
export function rulesOfRights(rights: readonly Right[]): PolicyRule[] {
  const byPlace = new Map<string, PolicyRule>();
  for (const { verb, group, resource, name, path } of rights) {
    const place = JSON.stringify([group, resource, name, path]);
    const found = byPlace.get(place);
    if (found !== undefined) {
      if (!found.verbs.includes(verb)) found.verbs.push(verb);
      continue;
    }
    const what = path !== undefined ? { nonResourceURLs: [path] } : { apiGroups: [group ?? ''], resources: [resource ?? ''], ...(name !== undefined && { resourceNames: [name] }) };
    byPlace.set(place, { verbs: [verb], ...what });
  }
  return [...byPlace.values()];
}
