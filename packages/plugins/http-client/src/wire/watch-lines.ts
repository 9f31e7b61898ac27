import { OrreryError, type WatchEvent } from '@orrery/core';
import { frozen, isRecord, jsonOf, unreadable } from './answer.js';
import { refusalOf } from './refusal.js';

const NEWLINE = 0x0a;

/** Cuts a watch's bytes into events. */
export class WatchLines {
  #parts: Buffer[] = [];
  #held = 0;

  /** @param limit bytes of one line, at most */
  constructor(private readonly limit: number) {}

  /** Whether the bytes so far end within a line. */
  get isWithinLine(): boolean {
    return this.#held > 0;
  }

  /**
   * The events that are complete with these bytes. What came before an error is lost with it, as the watch is over then: throws the `ApiError` that an ERROR event is, `EXHAUSTED` for a line
   * that is too long, `UNAVAILABLE` for one that cannot be read.
   */
  push(chunk: Buffer): WatchEvent[] {
    const events: WatchEvent[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = this.#line(chunk.subarray(from, end));
      from = end + 1;
      if (line !== '') events.push(eventOf(line));
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
    return events;
  }

  #line(last: Buffer): string {
    this.#hold(last);
    const text = Buffer.concat(this.#parts, this.#held).toString('utf8').trim();
    this.#parts = [];
    this.#held = 0;
    return text;
  }

  #hold(part: Buffer): void {
    this.#held += part.length;
    if (this.#held > this.limit) throw new OrreryError('EXHAUSTED', `An event of a watch is longer than ${this.limit} bytes; raise limits.eventBytes.`, { limit: this.limit });
    this.#parts.push(part);
  }
}

function eventOf(line: string): WatchEvent {
  const value = jsonOf(line);
  if (!isRecord(value) || !isRecord(value['object'])) throw unreadable('is no watch event');
  const { type, object } = value;
  if (type === 'ERROR') throw refusalOf(500, object, '');
  const { metadata } = object;
  if (!isRecord(metadata) || typeof metadata['resourceVersion'] !== 'string') throw unreadable('is a watch event without a resourceVersion');
  if (type === 'BOOKMARK') return { type, object: { metadata: { resourceVersion: metadata['resourceVersion'] } } };
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw unreadable(`is a watch event of the unknown type ${JSON.stringify(type)?.slice(0, 40)}`);
  return frozen({ type, object }) as unknown as WatchEvent;
}
