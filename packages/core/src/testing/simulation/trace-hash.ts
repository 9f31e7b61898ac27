import { createHash } from 'node:crypto';
import type { ObservedCommit } from './faulty-store.js';

/** Texts of objects that were seen before: most of a new version is shared with the old one. */
const texts = new WeakMap<object, string>();

/** JSON with sorted keys: equal values have equal texts, whatever made them. Members that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const known = texts.get(value);
  if (known !== undefined) return known;
  let text: string;
  if (Array.isArray(value)) text = `[${value.map(canonicalJson).join(',')}]`;
  else {
    const record = value as Readonly<Record<string, unknown>>;
    const members: string[] = [];
    for (const key of Object.keys(record).sort()) if (record[key] !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(record[key])}`);
    text = `{${members.join(',')}}`;
  }
  // What is not frozen may change, and then its text would too.
  if (Object.isFrozen(value)) texts.set(value, text);
  return text;
}

/** A fingerprint of everything that was ever committed and when, and the last of it in words. Two runs with the same one did the same. */
export class TraceHash {
  readonly #hash = createHash('sha256');
  readonly #tail: string[] = [];

  /** @param keep lines of the tail */
  constructor(readonly keep = 40) {}

  /** Takes in one commit; `atMs` is virtual time. */
  add({ revision, writes }: ObservedCommit, atMs: number): void {
    for (const write of writes) {
      this.#hash.update(`${revision} ${atMs} ${write.key} ${'delete' in write ? 'deleted' : canonicalJson(write.value)}\n`);
      this.note(`${(atMs / 1000).toFixed(3)} s: revision ${revision} ${'delete' in write ? 'deletes' : 'puts'} ${write.key}`);
    }
  }

  /** Adds a line to the tail only. */
  note(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > 2 * this.keep) this.#tail.splice(0, this.#tail.length - this.keep);
  }

  /** The newest lines, oldest first. */
  get tail(): readonly string[] {
    return this.#tail.slice(-this.keep);
  }

  /** The fingerprint so far, in hex. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
