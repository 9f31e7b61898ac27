import type { Call, DeclaredLoss, History, Recorded, Told } from '../history.js';
import { happenedAt, type Truth } from '../truth.js';

type Commit = Extract<Call, { readonly kind: 'commit' }>;

/** What came of the commits. */
export interface CommitFindings {
  readonly violations: readonly string[];
  /** Acknowledged, and not there at the end. */
  readonly lost: readonly Recorded[];
}

/** What was said of each commit is true: done at that revision, not done, or not known; all of it or nothing; once. A loss was declared by the store that had acknowledged. */
export function checkCommits({ calls, losses, changes }: Pick<History, 'calls' | 'losses' | 'changes'>, truth: Truth): CommitFindings {
  const violations: string[] = [...twice(changes)];
  const lost: Recorded[] = [];
  const made = new Set<string>();
  for (const recorded of calls) {
    const { call, answer } = recorded;
    if (call.kind !== 'commit') continue;
    made.add(call.id);
    const happened = truth.revisionOf(call.id);
    if (happened !== undefined) violations.push(...half(call, truth, happened));
    if (answer?.kind === 'failed' || answer?.kind === 'conflict') {
      if (happened !== undefined) violations.push(`${call.id} was said not to have happened (${answer.kind}), and happened at revision ${happened}`);
    } else if (answer?.kind === 'done') {
      if (happened !== undefined && happened !== answer.revision) violations.push(`${call.id} was acknowledged at revision ${answer.revision}, and happened at ${happened}`);
      else if (happened === undefined && isGone(call, truth, answer.revision)) {
        lost.push(recorded);
        if (!isDeclared(losses, call, answer.revision)) violations.push(`${call.id} was acknowledged at revision ${answer.revision} and is gone, and ${call.handle} did not declare a loss`);
      }
    }
  }
  for (const { id, revision } of changes) if (id !== undefined && !made.has(id)) violations.push(`revision ${revision} holds ${id}, which nobody wrote`);
  return { violations, lost };
}

/** Whether something that must be there at a revision is not. */
function isGone(call: Commit, truth: Truth, revision: number): boolean {
  const mustBe = call.changes.some((change) => !change.delete || call.guards.some((guard) => guard.key === change.key && guard.modRevision > 0));
  return mustBe && !happenedAt(call, revision, truth);
}

function isDeclared(losses: readonly DeclaredLoss[], { handle }: Commit, revision: number): boolean {
  return losses.some((loss) => loss.handle === handle && loss.lastCommon < revision && revision <= loss.seen);
}

/** A commit that happened did so whole: its puts, at one revision, and nothing else there. */
function half({ id, changes }: Commit, truth: Truth, revision: number): string[] {
  const there = truth.at(revision);
  const missing = changes.filter(({ key, delete: gone }) => !gone && !there.some((told) => told.key === key && told.id === id));
  const foreign = there.filter(({ key }) => !changes.some((change) => change.key === key));
  return [
    ...missing.map(({ key }) => `${id} happened at revision ${revision}, but without its write of ${key}`),
    ...foreign.map(({ key }) => `revision ${revision} is of ${id}, which did not write ${key}`),
  ];
}

function twice(changes: readonly Told[]): string[] {
  const at = new Map<string, number>();
  return changes.flatMap(({ id, revision }) => {
    const before = id === undefined ? undefined : at.get(id);
    if (id !== undefined) at.set(id, revision);
    return before === undefined || before === revision ? [] : [`${id} happened twice, at revisions ${before} and ${revision}`];
  });
}
