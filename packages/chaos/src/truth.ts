import type { AcknowledgedWrite } from '@orrery/core/testing';
import type { Call, History, Interval, Told } from './history.js';

/** The history that counts at the end of a run, to look things up in. */
export interface Truth {
  readonly last: number;
  /** What changed at a revision. */
  at(revision: number): readonly Told[];
  /** At which revision a commit happened; undefined: it did not. */
  revisionOf(id: string): number | undefined;
  /** Revisions in order. */
  readonly revisions: readonly number[];
}

/** Indexes the changes. */
export function truthOf(changes: readonly Told[]): Truth {
  const byRevision = new Map<number, Told[]>();
  const byId = new Map<string, number>();
  for (const told of changes) {
    const there = byRevision.get(told.revision);
    if (there === undefined) byRevision.set(told.revision, [told]);
    else there.push(told);
    if (told.id !== undefined) byId.set(told.id, told.revision);
  }
  return {
    last: changes.at(-1)?.revision ?? 0,
    at: (revision) => byRevision.get(revision) ?? [],
    revisionOf: (id) => byId.get(id),
    revisions: [...byRevision.keys()],
  };
}

/** Whether a commit made a revision for certain. A delete has no id, and one of a key that does not exist makes no revision; only a guard shows that it existed. */
export function happenedAt({ id, changes, guards }: Extract<Call, { readonly kind: 'commit' }>, revision: number, truth: Truth): boolean {
  if (changes.some((change) => !change.delete)) return truth.revisionOf(id) === revision;
  const mustExist = (key: string): boolean => guards.some((guard) => guard.key === key && guard.modRevision > 0);
  return changes.some(({ key }) => mustExist(key) && truth.at(revision).some((told) => told.key === key && told.id === undefined));
}

/** Acknowledged commits that made a revision for certain and still count. */
export function settledWrites(calls: History['calls'], truth: Truth): AcknowledgedWrite[] {
  return calls.flatMap(({ call, answer }) =>
    call.kind === 'commit' && answer?.kind === 'done' && happenedAt(call, answer.revision, truth) ? [{ calledAt: call.calledAt, answeredAt: answer.at, revision: answer.revision }] : [],
  );
}

/**
 * When reads may have shown what was lost later, or what a replaced master still showed: from before the first write that the loss took until it was declared, and all through the faults that risk
 * it. A write that the old and the new history share was made after its call began, and what was lost came after it.
 */
export function riskyTimes({ calls, losses, risky }: Pick<History, 'calls' | 'losses' | 'risky'>, truth: Truth): readonly Interval[] {
  const known = settledWrites(calls, truth).sort((a, b) => a.revision - b.revision);
  const ofLosses = losses.map(({ lastCommon, at }): Interval => ({ from: known.findLast(({ revision }) => revision <= lastCommon)?.calledAt ?? Number.NEGATIVE_INFINITY, to: at }));
  return [...risky, ...ofLosses];
}

/** Whether a call may have been under way in one of the intervals. */
export function overlaps(intervals: readonly Interval[], from: number, to: number): boolean {
  return intervals.some((interval) => interval.from <= to && from <= interval.to);
}
