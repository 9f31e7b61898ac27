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
  const more = [...added].sort((a, b) => a - b).map((index): readonly [number, number] => [index, index + 1]);
  return more.length === 0 ? runs : joinRuns(runs, more);
}

/** All indexes of both; each is ascending. Pure. */
export function joinRuns(a: IndexRuns, b: IndexRuns): IndexRuns {
  const merged: [number, number][] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [x, y] = [a[i], b[j]];
    const next = x !== undefined && (y === undefined || x[0] <= y[0]) ? x : y;
    if (next === undefined) return merged;
    if (next === x) i += 1;
    else j += 1;
    const last = merged.at(-1);
    if (last !== undefined && next[0] <= last[1]) last[1] = Math.max(last[1], next[1]);
    else merged.push([next[0], next[1]]);
  }
}

/** How many indexes there are. Pure. */
export const countIndexes = (runs: IndexRuns): number => runs.reduce((sum, [from, to]) => sum + to - from, 0);

/** Whether an index is in the runs. Pure. */
export function hasIndex(runs: IndexRuns, index: number): boolean {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.[1] ?? 0) > index) high = middle;
    else low = middle + 1;
  }
  return (runs[low]?.[0] ?? Infinity) <= index;
}

/** The first `count` indexes below `completions` that are not in the runs. Pure. */
export function firstOutside(runs: IndexRuns, count: number, completions: number): number[] {
  const found: number[] = [];
  let candidate = 0;
  for (const [from, to] of [...runs, [completions, completions] as const]) {
    for (; candidate < Math.min(from, completions) && found.length < count; candidate += 1) found.push(candidate);
    candidate = Math.max(candidate, to);
    if (found.length >= count) break;
  }
  return found;
}

/** The text of the runs: two neighbours stay apart, three and more become a range, as in Kubernetes. Pure. */
export function formatIndexes(runs: IndexRuns): string {
  return runs.map(([from, to]) => (to - from <= 1 ? `${from}` : to - from === 2 ? `${from},${to - 1}` : `${from}-${to - 1}`)).join(',');
}
