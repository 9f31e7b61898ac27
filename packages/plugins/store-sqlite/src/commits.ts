import { type CommitResult, type Guard, OrreryError, type StoredValue, type StoreEvent, type Write } from '@orrery/core';
import { type ChangeLog, type Pointer, revisionOf } from './change-log.js';
import { SLOTS } from './schema.js';

/** A commit with its values encoded, before it waits for its turn. */
export interface PreparedChange {
  readonly guards: readonly Guard[];
  readonly writes: readonly PreparedWrite[];
  readonly bytes: number;
}

type PreparedWrite = { readonly key: string; readonly value: StoredValue; readonly text: string } | { readonly key: string; readonly delete: true };

/** Encodes the values of a commit. Throws `INVALID` for one that is no JSON object, or longer than the limit. */
export function prepareChange(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }, maxValueBytes: number): PreparedChange {
  let bytes = 0;
  const writes = change.writes.map((write): PreparedWrite => {
    if ('delete' in write) return write;
    const text = encode(write.key, write.value);
    const length = Buffer.byteLength(text);
    if (length > maxValueBytes) {
      throw new OrreryError('INVALID', `The value of ${write.key} has ${length} bytes; at most ${maxValueBytes} are allowed.`, { key: write.key, bytes: length, limit: maxValueBytes });
    }
    bytes += length;
    return { ...write, text };
  });
  return { guards: change.guards, writes, bytes };
}

function encode(key: string, value: StoredValue): string {
  try {
    const text: unknown = typeof value === 'object' && value !== null ? JSON.stringify(value) : undefined;
    if (typeof text === 'string') return text;
  } catch (error) {
    throw new OrreryError('INVALID', `The value of ${key} cannot be written as JSON.`, { key }, error);
  }
  throw new OrreryError('INVALID', `The value of ${key} is not a JSON object.`, { key });
}

/** Revisions that were written in a transaction which has not ended yet. */
export class Group {
  readonly revisions: { readonly revision: number; readonly events: readonly StoreEvent[] }[] = [];
  /** Current values that this transaction wrote, for those who change them once more. */
  readonly #written = new Map<string, { readonly id: number; readonly value: StoredValue } | undefined>();
  #last: number;

  constructor(
    private readonly log: ChangeLog,
    last: number,
    private readonly now: number,
    private readonly holds: (lease: string, epoch: number) => boolean,
  ) {
    this.#last = last;
  }

  /** Checks the guards and, if all hold, writes everything at one new revision. */
  apply({ guards, writes }: PreparedChange): CommitResult {
    const pointers = new Map<string, Pointer | undefined>();
    const pointer = (key: string): Pointer | undefined => {
      if (!pointers.has(key)) pointers.set(key, this.log.pointer(key));
      return pointers.get(key);
    };
    for (const guard of guards) {
      if ('lease' in guard) {
        if (!this.holds(guard.lease, guard.epoch)) return { ok: false, guard };
        continue;
      }
      const found = pointer(guard.key);
      const modRevision = found === undefined ? 0 : revisionOf(found.id);
      if (modRevision === guard.modRevision) continue;
      if (found === undefined) return { ok: false, guard };
      return { ok: false, guard, found: { key: guard.key, value: this.#valueAt(guard.key, found.id), createRevision: found.created, modRevision } };
    }
    const revision = this.#last + 1;
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const event = this.#write(write, pointer(write.key), revision * SLOTS + events.length);
      if (event !== undefined) events.push(event);
    }
    if (events.length === 0) return { ok: true, revision: this.#last };
    this.#last = revision;
    this.revisions.push({ revision, events });
    return { ok: true, revision };
  }

  /** The transaction has happened: what it wrote may be remembered. */
  remember(): void {
    for (const [key, written] of this.#written) {
      if (written === undefined) this.log.cache.delete(key);
      else this.log.cache.set(key, written.id, written.value);
    }
  }

  #write(write: PreparedWrite, before: Pointer | undefined, id: number): StoreEvent | undefined {
    const { key } = write;
    const modRevision = revisionOf(id);
    if ('delete' in write) {
      if (before === undefined) return undefined;
      const value = this.#valueAt(key, before.id);
      this.log.remove(id, key, before, this.now);
      this.#written.set(key, undefined);
      return { type: 'delete', key, value, previous: value, previousRevision: revisionOf(before.id), createRevision: before.created, modRevision };
    }
    const previous = before === undefined ? undefined : this.#valueAt(key, before.id);
    const { created } = this.log.put(id, key, write.text, before, this.now);
    this.#written.set(key, { id, value: write.value });
    const base = { type: 'put', key, value: write.value, createRevision: created, modRevision } as const;
    return previous === undefined || before === undefined ? { ...base, previousRevision: 0 } : { ...base, previous, previousRevision: revisionOf(before.id) };
  }

  #valueAt(key: string, id: number): StoredValue {
    const written = this.#written.get(key);
    return written?.id === id ? written.value : this.log.value(key, id);
  }
}
