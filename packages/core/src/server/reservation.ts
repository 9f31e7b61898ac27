import { OrreryError } from '../kernel/errors.js';
import type { KubeObject } from '../model/object.js';

/** What became of a write. */
export interface Written {
  /** What the client is answered; undefined: somebody else was first. */
  readonly object: KubeObject | undefined;
  /** It is in the store. */
  readonly committed: boolean;
  /** What the object was to hold and somebody else does: it may be tried again with another. */
  readonly contested?: string | undefined;
}

/**
 * Writes under a reservation of something outside the object (addresses), and gives it back once when it is certain that nothing was written. After an unknown outcome
 * the reservation stays: given to somebody else, it might be used twice.
 */
export async function underReservation(reserve: () => () => void, write: () => Promise<Written>): Promise<Written> {
  const giveBack = reserve();
  let keep = false;
  try {
    const written = await write();
    keep = written.committed;
    return written;
  } catch (error) {
    keep = OrreryError.is(error, 'OUTCOME_UNKNOWN');
    throw error;
  } finally {
    if (!keep) giveBack();
  }
}
