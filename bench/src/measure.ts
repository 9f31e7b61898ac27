/** What a benchmark ends with: one JSON line. */
export interface BenchResult {
  readonly bench: string;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The value below which the given part (0 to 1) of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number;
}

/** Three significant places are more than these machines are good for. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Resident memory of this process in MiB. */
export const rssMiB = (): number => process.memoryUsage.rss() / 2 ** 20;

/** Fills the heap with live objects up to about so many MiB; hold the result as long as it has to stay full. */
export function fillHeap(mib: number): unknown[] {
  const held: unknown[] = [];
  while (process.memoryUsage().heapUsed < mib * 2 ** 20) for (let i = 0; i < 20_000; i += 1) held.push({ i, text: `text ${i}`, list: [i, i + 1, i + 2] });
  return held;
}
