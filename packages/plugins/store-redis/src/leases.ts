import { checkLeaseName, leaseLost, OrreryError, type StoreLease, unlessAborted } from '@orrery/core';
import { scripts } from './lua/index.js';
import type { Ask } from './range.js';

const LONGEST_HOLDER = 1_024;
const LONGEST_TTL_MS = 30 * 86_400_000;

/** See `Store.acquireLease`. The lease's time counts on the server's clock. Safe to send twice: the later epoch is the one that holds. */
export async function acquireLease(ask: Ask, name: string, { holder, ttlMs }: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
  checkLeaseName(name);
  if (holder.length < 1 || holder.length > LONGEST_HOLDER) throw new OrreryError('INVALID', `The holder of a lease must have 1 to ${LONGEST_HOLDER} characters.`, { name });
  if (!(ttlMs > 0 && ttlMs <= LONGEST_TTL_MS)) throw new OrreryError('INVALID', `The time of a lease must be more than 0 and at most ${LONGEST_TTL_MS} ms.`, { name, ttlMs });
  const ttl = Math.ceil(ttlMs);
  const [word, taken] = await ask(scripts.acquire, { name, holder, ttl });
  if (word !== 'ok') return undefined;
  const epoch = taken as number;
  return {
    name,
    epoch,
    async renew(signal) {
      if (signal.aborted) throw new OrreryError('ABORTED', `The renewal of lease "${name}" was called off.`, { name });
      const [answer] = await unlessAborted(ask(scripts.renew, { name, epoch, ttl }), signal);
      if (answer !== 'ok') throw leaseLost(name, epoch);
    },
    async release() {
      await ask(scripts.release, { name, epoch });
    },
  };
}
