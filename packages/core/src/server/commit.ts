import type { CommitResult, Guard, Write } from '../contracts/store.js';
import type { RequestContext } from '../contracts/transport.js';
import { OrreryError } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import type { ServerContext } from './resource.js';

/**
 * Commits for a request. What a leader writes carries its fence, which the store checks in the same step: a leader that was paused and replaced meanwhile writes nothing.
 * Throws `ApiError` Conflict, with `LEASE_LOST` as its cause, when the fence does not hold.
 */
export async function commitFor(
  context: Pick<ServerContext, 'store'>,
  { fence }: Pick<RequestContext, 'fence'>,
  { guards, writes }: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] },
): Promise<CommitResult> {
  const result = await context.store.commit({ guards: fence === undefined ? guards : [fence, ...guards], writes });
  if (!result.ok && 'lease' in result.guard) throw fenced(result.guard.lease, result.guard.epoch);
  return result;
}

/** Whether a write was refused because of its fence, and not because of what is there. */
export const isFenced = (error: unknown): boolean => ApiError.is(error) && OrreryError.is(error.cause, 'LEASE_LOST');

function fenced(lease: string, epoch: number): ApiError {
  const cause = new OrreryError('LEASE_LOST', `Lease "${lease}" is not held under epoch ${epoch}.`, { lease, epoch });
  return new ApiError('Conflict', `the lease ${JSON.stringify(lease)} is not held under epoch ${epoch} any more: what its former holder writes is refused`, {}, cause);
}
