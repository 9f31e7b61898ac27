import { errorMessage, type ForwardedGroup, type ForwardedGroups, type LiveList, type Logger } from '@orrery/core';

/** What discovery tells of one version that another server has. */
export interface ForwardedVersion extends ForwardedGroup {
  /** As aggregated discovery lists them; empty when the server did not say. */
  readonly resources: readonly object[];
  readonly isStale: boolean;
}

/** The groups of other servers, in the order of their priorities. */
export const forwardedGroups = (groups: Pick<LiveList<ForwardedGroups>, 'items'>): readonly ForwardedGroup[] =>
  groups.items().flatMap((one) => one.list()).toSorted((a, b) => b.groupPriority - a.groupPriority || (a.group < b.group ? -1 : a.group > b.group ? 1 : b.versionPriority - a.versionPriority));

/** The same with what they serve. A server that does not answer is told as stale, without resources. */
export async function forwardedVersions(groups: Pick<LiveList<ForwardedGroups>, 'items'>, log: Logger): Promise<readonly ForwardedVersion[]> {
  return Promise.all(
    forwardedGroups(groups).map(async (one) => {
      const owner = groups.items().find((some) => some.list().includes(one));
      try {
        return { ...one, resources: (await owner?.resources(one.group, one.version)) ?? [], isStale: false };
      } catch (error) {
        log.debug('an API server behind this one does not say what it serves', { group: one.group, version: one.version, error: errorMessage(error) });
        return { ...one, resources: [], isStale: true };
      }
    }),
  );
}

/** A version that another server has, in aggregated discovery. Pure. */
export const discoveryOfForwarded = ({ version, resources, isStale }: ForwardedVersion): object => ({ version, freshness: isStale ? 'Stale' : 'Current', resources });
