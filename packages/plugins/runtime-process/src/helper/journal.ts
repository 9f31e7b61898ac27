import { closeSync, openSync, writeSync } from 'node:fs';
import { layout } from '../shared/layout.js';
import { parseJson } from '../shared/protocol.js';
import type { ContainerRecord, SandboxRecord } from '../shared/records.js';
import { checkRecord } from '../shared/records.js';
import { makeDirectory, readIfPresent, removeTree, writeAtomically } from './disk.js';
import { messageOf } from './failure.js';

/** One line of the journal: a record as it is now, or the id of one that is gone. */
type Entry = { readonly sandbox: SandboxRecord } | { readonly container: ContainerRecord } | { readonly gone: string };

/** A smaller journal is not worth rewriting. */
const MIN_REWRITE_BYTES = 1024 * 1024;

/**
 * Every record of a state directory, in one file to which each change appends a line. On a disk where making a file costs a millisecond,
 * a line costs a hundredth of that. Not synced: it must survive the death of processes, and after a power cut nothing runs anyway.
 * A line torn by a crash is the last one, and its change was told to nobody.
 */
export class Journal {
  readonly sandboxes = new Map<string, SandboxRecord>();
  readonly containers = new Map<string, ContainerRecord>();
  readonly #path: string;
  #fd: number;
  #bytes = 0;
  #bytesWhenRewritten = 0;

  constructor(readonly stateDir: string, readonly complain: (message: string) => void) {
    makeDirectory(layout.containers(stateDir));
    this.#path = layout.journal(stateDir);
    this.#load(readIfPresent(this.#path) ?? '');
    this.#fd = this.#rewrite();
  }

  saveSandbox(record: SandboxRecord): void {
    this.sandboxes.set(record.id, record);
    this.#append({ sandbox: record });
  }

  removeSandbox(id: string): void {
    if (this.sandboxes.delete(id)) this.#append({ gone: id });
  }

  saveContainer(record: ContainerRecord): void {
    this.containers.set(record.id, record);
    this.#append({ container: record });
  }

  /** Forgets a container and removes its files. */
  removeContainer(id: string): void {
    removeTree(layout.container(this.stateDir, id));
    if (this.containers.delete(id)) this.#append({ gone: id });
  }

  #append(entry: Entry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    for (let done = 0; done < line.length; ) done += writeSync(this.#fd, line, done);
    this.#bytes += line.length;
    if (this.#bytes < MIN_REWRITE_BYTES || this.#bytes < 4 * this.#bytesWhenRewritten) return;
    closeSync(this.#fd);
    this.#fd = this.#rewrite();
  }

  #load(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      try {
        this.#apply(parseJson(line) as Entry);
      } catch (error) {
        this.complain(`A line of the journal is skipped: ${messageOf(error)}`);
      }
    }
  }

  #apply(entry: Entry): void {
    if ('sandbox' in entry) this.sandboxes.set(entry.sandbox.id, checkRecord(entry.sandbox));
    else if ('container' in entry) this.containers.set(entry.container.id, checkRecord(entry.container));
    else {
      this.sandboxes.delete(entry.gone);
      this.containers.delete(entry.gone);
    }
  }

  /** Writes only what is now, beside the old file and then in its place. Gives the new file to append to. */
  #rewrite(): number {
    const entries: Entry[] = [...[...this.sandboxes.values()].map((sandbox) => ({ sandbox })), ...[...this.containers.values()].map((container) => ({ container }))];
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    writeAtomically(this.#path, text);
    this.#bytes = this.#bytesWhenRewritten = Buffer.byteLength(text);
    return openSync(this.#path, 'a', 0o600);
  }
}
