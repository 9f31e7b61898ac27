import type { LogEntry, LogQuery } from '@orrery/core';

/** What becomes of entries when they are written as text. */
type Writing = Pick<LogQuery, 'timestamps' | 'limitBytes' | 'stream'>;

/**
 * Entries of a log as the text that a client reads (kubelet logWriter): pieces of one line are put together, the time stands where a line begins, and what is
 * beyond the limit is left out, in the middle of a line if need be. Ends when the limit is reached.
 */
export async function* logText(entries: AsyncIterable<LogEntry>, { timestamps = false, limitBytes = Number.POSITIVE_INFINITY, stream }: Writing): AsyncGenerator<Uint8Array, void, undefined> {
  let left = limitBytes;
  const begun = new Set<LogEntry['stream']>();
  for await (const entry of entries) {
    if (stream !== undefined && entry.stream !== stream) continue;
    const time = timestamps && !begun.has(entry.stream) ? `${entry.timestamp} ` : '';
    if (entry.partial) begun.add(entry.stream);
    else begun.delete(entry.stream);
    const text = Buffer.from(`${time}${entry.line}${entry.partial ? '' : '\n'}`);
    if (text.length >= left) {
      yield text.subarray(0, left);
      return;
    }
    left -= text.length;
    if (text.length > 0) yield text;
  }
}
