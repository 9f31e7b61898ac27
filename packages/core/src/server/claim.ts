import { OrreryError } from '../kernel/errors.js';
import type { KubeObject } from '../model/object.js';

/** What became of a write. */
export interface Written {
  /** What the client is answered; undefined: somebody else was first. */
  readonly object: KubeObject | undefined;
  /** It is in the store. */
  readonly committed: boolean;
}

/**
 * Writes under a claim on something outside the store (addresses), and gives it back once when it is certain that nothing was written. After an unknown outcome
 * the claim stays: given to somebody else, it might be used twice.
 */
export async function underClaim(claim: () => () => void, write: () => Promise<Written>): Promise<KubeObject | undefined> {
  const giveBack = claim();
  let keep = false;
  try {
    const written = await write();
    keep = written.committed;
    return written.object;
  } catch (error) {
    keep = OrreryError.is(error, 'OUTCOME_UNKNOWN');
    throw error;
  } finally {
    if (!keep) giveBack();
  }
}
