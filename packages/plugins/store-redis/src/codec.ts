import type { StoredValue, StoreEntry, StoreEvent } from '@orrery/core';

/**
 * How objects lie in Redis: one string `createRevision modRevision value`, the value as JSON that only clients write and read.
 * An empty string stands for "nothing there" in the log.
 */
export function decodeEntry(key: string, record: string): StoreEntry {
  const first = record.indexOf(' ');
  const second = record.indexOf(' ', first + 1);
  return {
    key,
    value: JSON.parse(record.slice(second + 1)) as StoredValue,
    createRevision: Number(record.slice(0, first)),
    modRevision: Number(record.slice(first + 1, second)),
  };
}

/** One change as the log has it: the object's record after it and before it. */
interface LoggedChange {
  readonly key: string;
  /** Empty after a deletion. */
  readonly after: string;
  /** Empty before a creation. */
  readonly before: string;
}

/** An entry of the log. */
export interface LogEntry {
  readonly revision: number;
  /** The era in which it was written. */
  readonly era: string;
  readonly changes: readonly LoggedChange[];
}

/** Reads the fields of a stream entry: `era`, then `key`, `new`, `old` for each change. */
export function decodeLogEntry(revision: number, fields: readonly string[]): LogEntry {
  const changes: LoggedChange[] = [];
  for (let i = 2; i + 5 < fields.length; i += 6) {
    changes.push({ key: fields[i + 1] as string, after: fields[i + 3] as string, before: fields[i + 5] as string });
  }
  return { revision, era: fields[1] ?? '', changes };
}

/** What watchers see of an entry, under a prefix. */
export function eventsOf({ revision, changes }: LogEntry, prefix = ''): StoreEvent[] {
  const events: StoreEvent[] = [];
  for (const { key, after, before } of changes) {
    if (!key.startsWith(prefix)) continue;
    const old = before === '' ? undefined : decodeEntry(key, before);
    const previous = old === undefined ? { previousRevision: 0 } : { previous: old.value, previousRevision: old.modRevision };
    if (after !== '') {
      const { value, createRevision } = decodeEntry(key, after);
      events.push({ type: 'put', key, value, ...previous, createRevision, modRevision: revision });
    } else if (old !== undefined) {
      events.push({ type: 'delete', key, value: old.value, ...previous, createRevision: old.createRevision, modRevision: revision });
    }
  }
  return events;
}
