import { seat } from '../kernel/tokens.js';
import type { StoredValue } from './store.js';

/**
 * The value codec seat: what the store keeps in place of a value, as for encryption at rest. Only whole values are coded: keys, revisions and leases stay as they are.
 *
 * A result may be given at once or later; at once where possible, for every read and write passes here. A codec knows its own encodings from plain values, so that values
 * which were written before it took the seat, or under another configuration, are read (or refused in words). Messages and details name the storage key, never content.
 */
export interface ValueCodec {
  /** What to keep for a value under a storage key; the value itself where it is kept as it is. Throws `UNAVAILABLE` when it cannot encode now; then nothing is written. */
  encode(key: string, value: StoredValue): StoredValue | Promise<StoredValue>;
  /**
   * The value that was encoded under this storage key. Throws `UNREADABLE` when this one value is damaged, or was encoded for another key; `UNAVAILABLE` when what is
   * needed for reading is not at hand (a key that is not configured, a service that does not answer), which is nothing that this value alone suffers from.
   */
  decode(key: string, stored: StoredValue): StoredValue | Promise<StoredValue>;
  /** Whether {@link encode} would encode it in the same way now; false under an old key. */
  isCurrent(key: string, stored: StoredValue): boolean;
}

/** What values pass on their way to the store and back. One, or none. */
export const ValueCodec = seat<ValueCodec>('ValueCodec');
