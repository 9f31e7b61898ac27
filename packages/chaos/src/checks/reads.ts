import type { Call, History, Interval, Recorded, Seen } from '../history.js';
import { overlaps, settledWrites, type Truth } from '../truth.js';

type Page = Extract<NonNullable<Recorded['answer']>, { readonly kind: 'page' }>;
interface Reading {
  readonly call: Extract<Call, { readonly kind: 'range' }>;
  readonly page: Page;
}

/** What was read was written, and every range shows exactly the state at its revision, which is neither older than what was acknowledged before it nor newer than what was begun after it. */
export function checkReads(calls: History['calls'], truth: Truth, risky: readonly Interval[]): string[] {
  const violations: string[] = [];
  const readings: Reading[] = [];
  for (const { call, answer } of calls) {
    if (answer === undefined || overlaps(risky, call.calledAt, answer.at)) continue;
    if (call.kind === 'get' && answer.kind === 'seen') violations.push(...invented(call.key, answer.seen, truth));
    if (call.kind === 'range' && answer.kind === 'page') readings.push({ call, page: answer });
  }
  return [...violations, ...snapshots(readings, truth), ...times(readings, calls, truth)];
}

function invented(key: string, { id, modRevision }: Seen, truth: Truth): string[] {
  if (modRevision === 0 || truth.at(modRevision).some((told) => told.key === key && told.id === id)) return [];
  return [`${key} was read as ${id} of revision ${modRevision}, which was never there`];
}

/** Goes through the history once, with the ranges in the order of their revisions. Only the keys under a range's prefix are kept together. */
function snapshots(readings: readonly Reading[], truth: Truth): string[] {
  const violations: string[] = [];
  const groups = new Map<string, Map<string, Seen>>();
  for (const { call } of readings) groups.set(call.prefix, new Map());
  let next = 0;
  const revisions = truth.revisions;
  for (const { call, page } of [...readings].sort((a, b) => a.page.revision - b.page.revision)) {
    for (let revision = revisions[next]; revision !== undefined && revision <= page.revision; revision = revisions[(next += 1)]) {
      for (const { key, id } of truth.at(revision)) {
        const group = groups.get(key.slice(0, key.lastIndexOf('/') + 1));
        if (id === undefined) group?.delete(key);
        else group?.set(key, { id, modRevision: revision });
      }
    }
    const all = [...(groups.get(call.prefix) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    const expected = all.slice(0, call.limit).map(([key, { id, modRevision }]) => `${key}=${id}@${modRevision}`);
    const found = page.entries.map(({ key, id, modRevision }) => `${key}=${id}@${modRevision}`);
    if (expected.join() !== found.join() || page.more !== all.length > expected.length) {
      violations.push(`a range of ${call.prefix} at revision ${page.revision} showed ${found.join(' ') || 'nothing'}${page.more ? ' and more' : ''}; there was ${expected.join(' ') || 'nothing'} of ${all.length}`);
    }
  }
  return violations;
}

function times(readings: readonly Reading[], calls: History['calls'], truth: Truth): string[] {
  const writes = settledWrites(calls, truth);
  const violations: string[] = [];
  const answered = [...writes].sort((a, b) => a.answeredAt - b.answeredAt);
  let highest = 0;
  let next = 0;
  for (const { call, page } of [...readings].sort((a, b) => a.call.calledAt - b.call.calledAt)) {
    for (let write = answered[next]; write !== undefined && write.answeredAt < call.calledAt; write = answered[(next += 1)]) highest = Math.max(highest, write.revision);
    if (page.revision < highest) violations.push(`a range showed revision ${page.revision} after revision ${highest} had been acknowledged`);
  }
  const begun = [...writes].sort((a, b) => b.calledAt - a.calledAt);
  let lowest = Number.POSITIVE_INFINITY;
  next = 0;
  for (const { page } of [...readings].sort((a, b) => b.page.at - a.page.at)) {
    for (let write = begun[next]; write !== undefined && write.calledAt > page.at; write = begun[(next += 1)]) lowest = Math.min(lowest, write.revision);
    if (page.revision >= lowest) violations.push(`a range showed revision ${page.revision} before revision ${lowest} was asked for`);
  }
  return violations;
}
