import type { FilterPlugin, LiveList, LiveNamed, SchedulerProfile, WeightedScore } from '@orrery/core';
import type { ProfileView } from './profiles.js';

/**
 * What plugins contributed, as one view: every profile with the filters and scores that are added to all of them. `fallback`, if given, is there
 * unless a contributed profile has its name. An added filter takes the place of a profile's own of the same name.
 */
export function contributedProfiles(
  profiles: LiveNamed<SchedulerProfile>,
  filters: LiveList<FilterPlugin>,
  scores: LiveList<WeightedScore>,
  fallback?: SchedulerProfile,
): ProfileView {
  return {
    // Each of the three only grows, so their sum tells every change.
    get version() {
      return profiles.version + filters.version + scores.version;
    },
    changed(listener) {
      const stops = [profiles.changed(listener), filters.changed(listener), scores.changed(listener)];
      return () => stops.forEach((stop) => stop());
    },
    list() {
      const named = [...profiles.entries()].map(([schedulerName, profile]) => ({ ...profile, schedulerName }));
      const all = fallback === undefined || named.some(({ schedulerName }) => schedulerName === fallback.schedulerName) ? named : [...named, fallback];
      const added = new Set(filters.items().map(({ name }) => name));
      return all.map((profile) => ({
        ...profile,
        filters: [...profile.filters.filter(({ name }) => !added.has(name)), ...filters.items()],
        scores: [...profile.scores, ...scores.items()],
      }));
    },
  };
}
