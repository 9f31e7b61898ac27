import { ApiError, ClusterRole, type Controller, equalJson, labelMatcher, type PolicyRule, watching } from '@orrery/core';

/** The rules of all cluster roles that an aggregated one selects, in the order of its selectors and of their names, each once; undefined when it selects none by rule (clusterroleaggregation). Pure. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const rules = new Map<string, PolicyRule>();
  const others = all.filter(({ metadata }) => metadata.name !== role.metadata.name).toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const matcher = labelMatcher(selector);
    for (const other of others) {
      if (!matcher.matches(other.metadata.labels)) continue;
      for (const rule of other.rules) rules.set(textOf(rule), rule);
    }
  }
  return [...rules.values()];
}

/** The same text for the same rule, in whatever order its fields came. */
const textOf = ({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): string => JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs]);

/** Keeps the rules of aggregated cluster roles those of the roles that they select. */
export function aggregationController(): Controller {
  return {
    name: 'clusterrole-aggregation-controller',
    start: (setup) => {
      const roles = setup.informer(ClusterRole).lister;
      // Any role may begin or end to be selected. There are few that select.
      const keys = (): readonly string[] => roles.list().filter(({ aggregationRule }) => aggregationRule !== undefined).map(({ metadata }) => metadata.name ?? '');
      return {
        watches: [watching({ kind: ClusterRole, keys })],
        reconcile: async (name, { client }) => {
          const role = roles.get(name);
          const rules = role && aggregatedRules(role, roles.list());
          if (role === undefined || rules === undefined || role.metadata.deletionTimestamp !== undefined || equalJson(rules, role.rules)) return;
          // Of this version only, and never a role that is gone: an apply would make it again.
          await client.kind(ClusterRole).patch({ name }, 'merge', { metadata: { resourceVersion: role.metadata.resourceVersion }, rules }).catch(ignoreGone);
        },
      };
    },
  };
}

function ignoreGone(error: unknown): void {
  if (!ApiError.is(error, 'NotFound')) throw error;
}
