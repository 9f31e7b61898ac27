import type { PolicyRule, UserInfo } from '@orrery/core';
import { missingRights, type Right, rulesOfRights } from './rules.js';

/** Rights that are compared at most, and lines of a refusal at most. */
const RIGHTS = 50_000;
const LINES = 50;

const quoted = (texts: readonly string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;

/** What somebody lacks who wants to give these rules to others, in the words of Kubernetes; undefined when nothing (ConfirmNoEscalation). Pure. */
export function escalationOf(user: UserInfo, held: readonly PolicyRule[], given: readonly PolicyRule[]): string | undefined {
  const missing: readonly Right[] | undefined = missingRights(held, given, RIGHTS);
  const who = `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)})`;
  if (missing === undefined) return `${who} is attempting to grant more than ${RIGHTS} single RBAC permissions at once`;
  if (missing.length === 0) return undefined;
  const lines = rulesOfRights(missing).map(ruleText).sort();
  const rest = lines.length > LINES ? [`and ${lines.length - LINES} more`] : [];
  return `${who} is attempting to grant RBAC permissions not currently held:\n${[...lines.slice(0, LINES), ...rest].join('\n')}`;
}

/** A rule as refusals name it (CompactString). */
function ruleText({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): string {
  const parts = ([['APIGroups', apiGroups], ['Resources', resources], ['NonResourceURLs', nonResourceURLs], ['ResourceNames', resourceNames], ['Verbs', verbs]] as const).filter(([, list]) => list.length > 0);
  return `{${parts.map(([name, list]) => `${name}:${quoted(list)}`).join(', ')}}`;
}
