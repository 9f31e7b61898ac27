import type { History } from '../history.js';

/** The history fits itself: revisions grow (without gaps where the store promises it), each change follows on the one before of its key, and what is there at the end is what the last changes left. */
export function checkChanges({ changes, final }: Pick<History, 'changes' | 'final'>, { gapless }: { readonly gapless: boolean }): string[] {
  const violations: string[] = [];
  const state = new Map<string, { readonly id: string | undefined; readonly modRevision: number }>();
  let last = 0;
  for (const { revision, key, id, previousRevision } of changes) {
    if (revision < last) violations.push(`revision ${revision} comes after ${last}`);
    if (gapless && revision > last + 1) violations.push(`revision ${last} is followed by ${revision}`);
    last = revision;
    const before = state.get(key)?.modRevision ?? 0;
    if (before !== previousRevision) violations.push(`revision ${revision} changes ${key} as it was at revision ${previousRevision}, but it was last changed at ${before}`);
    if (id === undefined) state.delete(key);
    else state.set(key, { id, modRevision: revision });
  }
  if (gapless && final.revision !== last) violations.push(`the store is at revision ${final.revision}, its last change at ${last}`);
  for (const { key, id, modRevision } of final.entries) {
    const expected = state.get(key);
    if (expected === undefined || expected.id !== id || expected.modRevision !== modRevision) violations.push(`${key} holds ${id} of revision ${modRevision} at the end; its changes left ${expected === undefined ? 'nothing' : `${expected.id} of revision ${expected.modRevision}`}`);
    state.delete(key);
  }
  for (const [key, { id, modRevision }] of state) violations.push(`${key} should hold ${id} of revision ${modRevision} at the end, and is not there`);
  return violations;
}
