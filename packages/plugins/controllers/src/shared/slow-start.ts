/** What became of a batch of equal attempts. */
export interface SlowStartResult {
  readonly succeeded: number;
  /** The first failure; after it no further batch was begun. */
  readonly failure?: { readonly error: unknown };
}

/**
 * Makes `count` equal attempts in batches of 1, 2, 4, … and stops after the first batch with a failure: when quota or a bad template refuses all,
 * one is refused and not hundreds (slowStartBatch).
 */
export async function slowStart(count: number, attempt: () => Promise<unknown>): Promise<SlowStartResult> {
  let left = count;
  let succeeded = 0;
  for (let size = 1; left > 0; size *= 2) {
    const batch = await Promise.allSettled(Array.from({ length: Math.min(size, left) }, () => attempt()));
    const failed = batch.find((outcome) => outcome.status === 'rejected');
    succeeded += batch.filter(({ status }) => status === 'fulfilled').length;
    if (failed !== undefined) return { succeeded, failure: { error: failed.reason } };
    left -= batch.length;
  }
  return { succeeded };
}
