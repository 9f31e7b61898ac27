import { OrreryError } from '../kernel/errors.js';
import type { Guard, Write } from '../contracts/store.js';

/** Keys and writes in one commit at most, as etcd's --max-txn-ops leaves room for. */
const MAX_WRITES = 128;
const KEY = /^[\x20-\x7e]{1,1024}$/;
const FORBIDDEN_LEASE = /[^\x21-\x7e]/;

/** Throws `INVALID` unless the key is 1 to 1024 printable ASCII characters. */
export function checkKey(key: string): void {
  if (!KEY.test(key)) throw new OrreryError('INVALID', 'A key must be 1 to 1024 printable ASCII characters.', { key: key.slice(0, 100) });
}

/** Throws `INVALID` unless the prefix could begin a key. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix);
}

/** Throws `INVALID` for malformed or repeated keys and for more writes or guards than a commit may have (128 each). */
export function checkChange(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): void {
  const touched = new Set<string>();
  for (const { key } of change.writes) {
    checkKey(key);
    if (touched.has(key)) throw new OrreryError('INVALID', `Key ${key} is written twice in one commit.`, { key });
    touched.add(key);
  }
  for (const guard of change.guards) {
    if ('lease' in guard) checkLeaseName(guard.lease);
    else checkKey(guard.key);
  }
  for (const [what, { length }] of Object.entries({ guards: change.guards, writes: change.writes })) {
    if (length > MAX_WRITES) throw new OrreryError('INVALID', `A commit has ${length} ${what}; at most ${MAX_WRITES} are allowed.`, { [what]: length });
  }
}

/** Throws `INVALID` unless a lease's name is 1 to 253 printable ASCII characters without spaces. */
export function checkLeaseName(name: string): void {
  if (name.length < 1 || name.length > 253 || FORBIDDEN_LEASE.test(name)) {
    throw new OrreryError('INVALID', 'The name of a lease must be 1 to 253 printable ASCII characters without spaces.', { name: name.slice(0, 100) });
  }
}

/** The error for history that is gone: everything up to `compacted` was forgotten. */
export const expired = (asked: number, compacted: number): OrreryError =>
  new OrreryError('EXPIRED', `Revision ${asked} is compacted (history starts at ${compacted + 1}).`, { asked, compacted });

/** The error for a revision that is not there yet. */
export const revisionAhead = (asked: number, current: number): OrreryError =>
  new OrreryError('REVISION_AHEAD', `Revision ${asked} is not reached: the store is at ${current}.`, { asked, current });

/** The error for a store that was closed. */
export const storeClosed = (name: string): OrreryError => new OrreryError('CLOSED', `The ${name} store is closed.`);

/** The error of who renews a lease too late. */
export const leaseLost = (name: string, epoch: number): OrreryError => new OrreryError('LEASE_LOST', `Lease "${name}" (epoch ${epoch}) is lost.`, { name, epoch });
