import type { DeclaredLoss, History, Session, Told } from '../history.js';
import type { Truth } from '../truth.js';

/** Every watch was ordered, unique, atomic and without a gap, and ended with `REVISION_AHEAD` only when a loss was declared. What a declared loss took is compared with nothing. */
export function checkWatches({ sessions, losses, changes }: Pick<History, 'sessions' | 'losses' | 'changes'>, truth: Truth): string[] {
  return sessions.flatMap((session) => {
    const after = losses.filter(({ handle, at }) => handle === session.handle && at >= session.startedAt);
    return [...form(session), ...content(session, after, changes, truth), ...ending(session, losses)].map((what) => `${session.watcher} from revision ${session.since}: ${what}`);
  });
}

function form({ since, batches }: Session): string[] {
  const violations: string[] = [];
  let through = since;
  for (const { revision, events } of batches) {
    if (revision < through) violations.push(`a batch of revision ${revision} after ${through}`);
    let last = through;
    for (const event of events) {
      // Events of one revision are in one batch: a later batch begins behind it.
      if (event.revision <= through || event.revision < last || event.revision > revision) violations.push(`an event of revision ${event.revision} after ${last} in a batch of ${through + 1} to ${revision}`);
      last = Math.max(last, event.revision);
    }
    through = Math.max(through, revision);
  }
  return violations;
}

function content({ since, prefix, batches }: Session, losses: readonly DeclaredLoss[], changes: readonly Told[], truth: Truth): string[] {
  const through = Math.min(batches.at(-1)?.revision ?? since, ...losses.map(({ lastCommon }) => lastCommon));
  const told = batches.flatMap(({ events }) => events).filter(({ revision }) => revision <= through);
  const expected = changes.slice(firstAfter(changes, since), firstAfter(changes, through)).filter(({ key }) => key.startsWith(prefix));
  const text = ({ revision, key, id, previousRevision }: Told): string => `${revision} ${key} ${id ?? 'deleted'} ${previousRevision}`;
  // The order within one revision is not promised.
  const [was, should] = [told.map(text).sort(), expected.map(text).sort()];
  if (was.join('\n') === should.join('\n')) return [];
  const [wasSet, shouldSet] = [new Set(was), new Set(should)];
  const missing = should.filter((one) => !wasSet.has(one));
  const extra = was.filter((one) => !shouldSet.has(one));
  const repeated = was.filter((one, i) => was[i - 1] === one);
  return [
    ...missing.slice(0, 5).map((one) => `missed ${one} (the history ends at ${truth.last})`),
    ...extra.slice(0, 5).map((one) => `was told ${one}, which did not happen`),
    ...repeated.slice(0, 5).map((one) => `was told ${one} twice`),
  ];
}

function ending({ end, handle }: Session, losses: readonly DeclaredLoss[]): string[] {
  if (end !== 'REVISION_AHEAD' || losses.some((loss) => loss.handle === handle)) return [];
  return ['ended with REVISION_AHEAD, although no loss was declared'];
}

/** The place of the first change with a greater revision. */
function firstAfter(changes: readonly Told[], revision: number): number {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle] as Told).revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
