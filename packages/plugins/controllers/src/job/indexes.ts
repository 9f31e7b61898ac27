/** Completed indexes as half-open runs `[from, to)`, ascending, apart from each other. */
export type IndexRuns = readonly (readonly [from: number, to: number])[];

const WHOLE = /^[+-]?\d+$/;

/**
 * Reads `status.completedIndexes` of an Indexed Job, e.g. `1,3-5,7`. What is malformed, beyond `completions` or out of order is left out,
 * as the Job controller does: the field is its own, so it only guards against damage. Pure.
 */
export function parseIndexes(text: string, completions: number): IndexRuns {
  const runs: [number, number][] = [];
  if (text === '') return runs;
  for (const part of text.split(',')) {
    const limits = part.split('-');
    const [first = '', last = first] = limits;
    if (limits.length > 2 || !WHOLE.test(first)) continue;
    const from = Number(first);
    if (from >= completions) break;
    if (!WHOLE.test(last)) continue;
    const to = Math.min(Number(last), completions - 1) + 1;
    const previous = runs.at(-1);
    if (previous?.[1] === from) previous[1] = to;
    else runs.push([from, to]);
  }
  return runs;
}

/** The runs with more indexes in them. Pure. */
export function withIndexes(runs: IndexRuns, added: Iterable<number>): IndexRuns {
  const all = [...runs.map(([from, to]): [number, number] => [from, to]), ...[...added].map((index): [number, number] => [index, index + 1])].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of all) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** How many indexes there are. Pure. */
export const countIndexes = (runs: IndexRuns): number => runs.reduce((sum, [from, to]) => sum + to - from, 0);

/** The text of the runs: two neighbours stay apart, three and more become a range, as in Kubernetes. Pure. */
export function formatIndexes(runs: IndexRuns): string {
  return runs.map(([from, to]) => (to - from <= 1 ? `${from}` : to - from === 2 ? `${from},${to - 1}` : `${from}-${to - 1}`)).join(',');
}
