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

/** Groups of other servers, as old clients know them (APIGroup, without kind). Pure. */
export function groupsOfForwarded(all: readonly ForwardedGroup[]): readonly { readonly name: string; readonly versions: readonly { readonly groupVersion: string; readonly version: string }[]; readonly preferredVersion: object | undefined }[] {
  return [...new Set(all.map(({ group }) => group))].map((name) => {
    const versions = all.filter(({ group }) => group === name).map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] };
  });
}

/** Groups of other servers, as items of aggregated discovery. Pure. */
export function discoveryOfForwarded(all: readonly ForwardedVersion[]): readonly object[] {
  return groupsOfForwarded(all).map(({ name }) => ({
    metadata: { name },
    versions: all.filter(({ group }) => group === name).map(({ version, resources, isStale }) => ({ version, freshness: isStale ? 'Stale' : 'Current', resources })),
  }));
}
