import { systemIdentities, type UserInfo } from '@orrery/core';

/** The node that somebody is the agent of: a user `system:node:<name>` in the group `system:nodes`; undefined for everybody else, and for an agent without a name. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  if (!groups.includes(systemIdentities.nodes) || !name.startsWith(systemIdentities.nodeUser)) return undefined;
  const node = name.slice(systemIdentities.nodeUser.length);
  return node === '' ? undefined : node;
}
