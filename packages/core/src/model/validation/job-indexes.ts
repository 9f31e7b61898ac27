const WHOLE = /^[+-]?\d+$/;

/** What a text of indexes comes to: the runs `[first, last]` in it, or why it is none. */
export type IndexesText = { readonly runs: readonly (readonly [first: number, last: number])[] } | { readonly wrong: string };

/** Reads a text such as `1,3-5,7` strictly: ascending, each below `completions` (validateIndexesFormat). */
export function readIndexes(text: string, completions: number): IndexesText {
  const runs: [number, number][] = [];
  if (text === '') return { runs };
  let last: number | undefined;
  for (const part of text.split(',')) {
    const run = readRun(part, completions);
    if (typeof run === 'string') return { wrong: run };
    if (last !== undefined && last >= run[0]) return { wrong: `non-increasing order, previous: ${last}, current: ${run[0]}` };
    runs.push(run);
    last = run[1];
  }
  return { runs };
}

function readRun(part: string, completions: number): [number, number] | string {
  const limits = part.split('-');
  if (limits.length > 2) return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!WHOLE.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
    numbers.push(Number(limit));
  }
  const [first = 0, last = first] = numbers;
  if (numbers.length > 1 && first >= last) return `non-increasing order, previous: ${first}, current: ${last}`;
  return [first, last];
}

/** The first index that both texts name; parts that cannot be read are left out. */
export function commonIndex(a: string, b: string, completions: number): number | undefined {
  const [left, right] = [a, b].map((text) => (text === '' ? [] : text.split(',').map((part) => readRun(part, completions)).filter((run) => typeof run !== 'string')));
  let [i, j] = [0, 0];
  for (;;) {
    const [x, y] = [left?.[i], right?.[j]];
    if (x === undefined || y === undefined) return undefined;
    if (x[0] <= y[1] && y[0] <= x[1]) return Math.max(x[0], y[0]);
    if (x[0] <= y[0]) i += 1;
    else j += 1;
  }
}
