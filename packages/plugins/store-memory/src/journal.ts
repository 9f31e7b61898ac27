import { closeSync, constants, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { deepFreeze, OrreryError, type StoreEntry, type StoreEvent } from '@orrery/core';

/** What a journal held when it was opened. */
export interface JournalContent {
  readonly revision: number;
  readonly entries: readonly StoreEntry[];
  /** The last epoch of each lease ever held. */
  readonly epochs: Readonly<Record<string, number>>;
}

/** One line: the state as a whole (always the first), one commit, or a lease that was taken. */
type Line =
  | { readonly format: 1; readonly revision: number; readonly epochs: Readonly<Record<string, number>>; readonly entries: number }
  | { readonly entry: readonly [key: string, create: number, mod: number, value: unknown] }
  | { readonly commit: number; readonly puts: readonly (readonly [string, unknown])[]; readonly deletes: readonly string[] }
  | { readonly lease: string; readonly epoch: number };

/** The journal is written anew as a snapshot when it has grown by so much, and at least doubled. */
const GROWTH_BYTES = 16 * 1024 * 1024;

/**
 * Keeps a store's content in a file: each commit is one line, written before the commit is acknowledged. The line is with the operating system then,
 * so it survives the end of the process however it comes; it is not forced to the disk, so it need not survive the end of the machine.
 * When the file has grown, it is replaced in one step by a snapshot. Writing is synchronous: a line takes some microseconds.
 * One process at a time: nothing keeps a second one from opening the same file, and then the file is lost.
 */
export class Journal {
  #fd: number;
  #bytes: number;
  #snapshotBytes: number;
  #broken: OrreryError | undefined;
  readonly content: Omit<JournalContent, 'entries'>;
  #entries: readonly StoreEntry[];

  /** Reads the file if there is one. Throws `INVALID` for a file that is not a journal or is damaged elsewhere than in its last line. */
  constructor(
    readonly path: string,
    private readonly growthBytes: number = GROWTH_BYTES,
  ) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Secrets are in it.
    this.#fd = openSync(path, 'a+', 0o600);
    try {
      const bytes = readFileSync(this.#fd);
      // A last line without its end was never acknowledged.
      const whole = bytes.lastIndexOf(0x0a) + 1;
      const content = read(bytes.subarray(0, whole), path);
      this.content = content;
      this.#entries = content.entries;
      if (whole < bytes.length) ftruncateSync(this.#fd, whole);
      this.#bytes = whole;
      this.#snapshotBytes = whole;
      if (whole === 0) this.#append([header(content, 0)]);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** What it held when it was opened, handed over once. */
  takeEntries(): readonly StoreEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** Keeps a commit. Throws `UNAVAILABLE` when it could not be written as a whole; what then is in the file of it is taken out again. */
  commit(revision: number, events: readonly StoreEvent[]): void {
    const puts = events.flatMap(({ type, key, value }): [string, unknown][] => (type === 'put' ? [[key, value]] : []));
    const deletes = events.flatMap(({ type, key }) => (type === 'delete' ? [key] : []));
    this.#append([{ commit: revision, puts, deletes }]);
  }

  /** Keeps that a lease was taken: an epoch is never given out twice. */
  lease(name: string, epoch: number): void {
    this.#append([{ lease: name, epoch }]);
  }

  /** Whether it has grown so much that a snapshot is due. */
  get long(): boolean {
    return this.#bytes > this.#snapshotBytes + Math.max(this.growthBytes, this.#snapshotBytes);
  }

  /** Replaces the file by the state as a whole. When that fails the old file stays in use. */
  snapshot(content: JournalContent): void {
    const path = `${this.path}.new`;
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND, 0o600);
    let bytes = 0;
    try {
      let lines: Line[] = [header(content, content.entries.length)];
      for (const { key, createRevision, modRevision, value } of content.entries) {
        lines.push({ entry: [key, createRevision, modRevision, value] });
        if (lines.length < 1_000) continue;
        bytes += writeWhole(fd, encode(lines));
        lines = [];
      }
      bytes += writeWhole(fd, encode(lines));
      // Once a snapshot, so that not even a crash of the machine leaves an empty file in the place of a whole one.
      fsyncSync(fd);
      renameSync(path, this.path);
    } catch (error) {
      closeSync(fd);
      // Not again before it has doubled once more.
      this.#snapshotBytes = this.#bytes;
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#bytes = bytes;
    this.#snapshotBytes = bytes;
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#fd === -1) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #append(lines: readonly Line[]): void {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      this.#bytes += writeWhole(this.#fd, encode(lines));
    } catch (error) {
      this.#undo(error);
      throw new OrreryError('UNAVAILABLE', 'The journal could not be written.', { path: this.path }, error);
    }
  }

  /** Takes half a line out again; if not even that works, nothing may follow it. */
  #undo(cause: unknown): void {
    try {
      ftruncateSync(this.#fd, this.#bytes);
    } catch (error) {
      this.#broken = new OrreryError('UNAVAILABLE', 'The journal is damaged and cannot be continued.', { path: this.path }, new AggregateError([cause, error]));
    }
  }
}

const header = ({ revision, epochs }: JournalContent, entries: number): Line => ({ format: 1, revision, epochs, entries });

const encode = (lines: readonly Line[]): Buffer => Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

/** The system may take less than it is given. */
function writeWhole(fd: number, bytes: Buffer): number {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
  return bytes.length;
}

function read(bytes: Buffer, path: string): JournalContent {
  const entries = new Map<string, StoreEntry>();
  const epochs = new Map<string, number>();
  let revision = 0;
  let number = 0;
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const line = parse(bytes.toString('utf8', from, end), path, (number += 1));
    from = end + 1;
    if (number === 1) {
      if (!('format' in line) || line.format !== 1) throw damaged(path, number);
      revision = line.revision;
      for (const [name, epoch] of Object.entries(line.epochs)) epochs.set(name, epoch);
    } else if ('entry' in line) {
      const [key, createRevision, modRevision, value] = line.entry;
      entries.set(key, { key, value: deepFreeze(value) as StoreEntry['value'], createRevision, modRevision });
    } else if ('commit' in line) {
      if (line.commit !== revision + 1) throw damaged(path, number);
      revision = line.commit;
      for (const key of line.deletes) entries.delete(key);
      for (const [key, value] of line.puts) {
        entries.set(key, { key, value: deepFreeze(value) as StoreEntry['value'], createRevision: entries.get(key)?.createRevision ?? revision, modRevision: revision });
      }
    } else if ('lease' in line) epochs.set(line.lease, line.epoch);
    else throw damaged(path, number);
  }
  return { revision, entries: [...entries.values()], epochs: Object.fromEntries(epochs) };
}

function parse(text: string, path: string, number: number): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Line;
  } catch (error) {
    throw damaged(path, number, error);
  }
  throw damaged(path, number);
}

const damaged = (path: string, line: number, cause?: unknown): OrreryError =>
  new OrreryError('INVALID', `${path} is not a journal that can be read: line ${line} makes no sense.`, { path, line }, cause);
