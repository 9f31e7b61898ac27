import type { ControllerRevision } from '@orrery/core';
import { byRevision, newRevision, type RevisionStyle, sameRevision, type Versioned } from './revisions.js';

/** What a history needs so that it says which revision is the present one. */
export interface HistoryPlan {
  /** The revision of the present template, as it should be. */
  readonly current: ControllerRevision;
  /** `create`: there is none yet. `renumber`: the template was gone back to, and is the latest again. `keep`: all is as it should be. */
  readonly act: 'create' | 'renumber' | 'keep';
  /** Others of the same state, which came from elsewhere. */
  readonly duplicates: readonly ControllerRevision[];
  /** Those of other states, the oldest first. */
  readonly old: readonly ControllerRevision[];
}

/** Finds the revision of the owner's present template among those it has, or plans it (getStatefulSetRevisions, constructHistory). Pure. */
export function planHistory(owner: Versioned, style: RevisionStyle, revisions: readonly ControllerRevision[], collisionCount: number): HistoryPlan {
  const sorted = revisions.toSorted(byRevision);
  const wanted = newRevision(owner, style, 1, collisionCount);
  const equal = sorted.filter((one) => sameRevision(one, wanted));
  const old = sorted.filter((one) => !equal.includes(one));
  const next = (old.at(-1)?.revision ?? 0) + 1;
  const present = equal.at(-1);
  if (present === undefined) return { current: { ...wanted, revision: next }, act: 'create', duplicates: [], old };
  const duplicates = equal.slice(0, -1);
  if (present.revision >= next) return { current: present, act: 'keep', duplicates, old };
  return { current: { ...present, revision: next }, act: 'renumber', duplicates, old };
}

/**
 * The revisions to forget: the oldest of `candidates` (sorted by age), as many as are `excess`. One that is live, that is pods or a status
 * depend on it, is never among them. Pure.
 */
export function planTruncation(candidates: readonly ControllerRevision[], isLive: (revision: ControllerRevision) => boolean, excess: number): readonly ControllerRevision[] {
  return excess <= 0 ? [] : candidates.filter((one) => !isLive(one)).slice(0, excess);
}
