import type { History } from '../history.js';
import { riskyTimes, truthOf } from '../truth.js';
import { checkChanges } from './changes.js';
import { checkCommits } from './commits.js';
import { checkKeys } from './keys.js';
import { checkLeases } from './leases.js';
import { checkReads } from './reads.js';
import { checkWatches } from './watches.js';

/** What a store promises in the mode it is run in. */
export interface Promises {
  /** Acknowledged writes may be lost, if that is declared. */
  readonly mayLose: boolean;
  /** Revisions have no gaps. */
  readonly gapless: boolean;
}

/** What the checks found, and counts. */
export interface Verdict {
  readonly violations: readonly string[];
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly lostAcknowledged: number;
  readonly declaredLosses: number;
  readonly undecided: number;
  readonly keys: number;
  readonly revisions: number;
  readonly watchEvents: number;
  readonly watchesReopened: number;
}

/** Judges a run. Pure. */
export function judge(history: History, { mayLose, gapless }: Promises): Verdict {
  const { calls, sessions, losses } = history;
  const truth = truthOf(history.changes);
  const risky = riskyTimes(history, truth);
  const commits = checkCommits(history, truth);
  const keys = checkKeys(calls, truth, risky);
  const violations = [
    ...history.irregular,
    ...commits.violations,
    ...checkChanges(history, { gapless }),
    ...keys.violations,
    ...checkReads(calls, truth, risky),
    ...checkWatches(history, truth),
    ...checkLeases(calls, truth, risky),
    ...(mayLose ? [] : [...commits.lost.map(({ call }) => `${call.client} lost an acknowledged write, where none may be lost`), ...losses.map(({ handle, reason }) => `${handle} declared a loss, where none may be: ${reason}`)]),
  ];
  const commitCalls = calls.filter(({ call }) => call.kind === 'commit');
  const answered = (kind: string): number => commitCalls.filter(({ answer }) => answer?.kind === kind).length;
  return {
    violations,
    operations: calls.length,
    acknowledged: answered('done'),
    unknown: commitCalls.filter(({ answer }) => answer === undefined).length,
    refused: answered('conflict'),
    unavailable: calls.filter(({ answer }) => answer?.kind === 'failed').length,
    lostAcknowledged: commits.lost.length,
    declaredLosses: losses.length,
    undecided: keys.undecided,
    keys: keys.keys,
    revisions: truth.revisions.length,
    watchEvents: sessions.reduce((sum, { batches }) => sum + batches.reduce((inner, { events }) => inner + events.length, 0), 0),
    watchesReopened: sessions.filter(({ end }) => end !== undefined).length,
  };
}
