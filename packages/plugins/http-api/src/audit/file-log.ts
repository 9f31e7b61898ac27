import { type FileHandle, open, rename } from 'node:fs/promises';
import { type Clock, errorMessage, type Logger } from '@orrery/core';
import type { AuditEvent } from './event.js';

/** Where audit events go. */
export interface AuditSink {
  /** Takes an event. Never throws, and never waits. */
  write(event: AuditEvent): void;
  /** Resolves when there is room for more events: before that no request is begun. */
  room(): Promise<void>;
  /** Resolves when all that was taken is kept, or cannot be. */
  close(): Promise<void>;
}

/** Where a log is written and how much of it is kept. */
export interface FileLogOptions {
  readonly path: string;
  /** Bytes of a file, after which the next is begun; default 100 MiB. */
  readonly maxBytes?: number | undefined;
  /** Files beside the one that is written (`path.1` is the newest of them); older ones are overwritten. Default 10. */
  readonly maxFiles?: number | undefined;
  /** Bytes that wait to be written before requests wait; default 16 MiB. */
  readonly maxWaitingBytes?: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_BYTES = 100 * 2 ** 20;
/** Bytes that are written at a time. */
const TOGETHER = 2 ** 20;
/** How long after a failure it is tried again. */
const RETRY_MS = 1_000;

/**
 * A log of lines of JSON in a file that is only ever added to (mode 0600). Nothing is left out: while the disk is slow or full, events wait, and when too many do, requests.
 * A line that was being written when the process died may be cut off; the next begins on a line of its own.
 */
export class FileLog implements AuditSink {
  #waiting: string[] = [];
  #waitingBytes = 0;
  #file: FileHandle | undefined;
  #size = 0;
  #draining: Promise<void> | undefined;
  #closed = false;
  #endPause: () => void = () => {};
  readonly #roomWanted: (() => void)[] = [];

  constructor(private readonly options: FileLogOptions) {}

  write(event: AuditEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#waiting.push(line);
    this.#waitingBytes += Buffer.byteLength(line);
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
    });
  }

  async room(): Promise<void> {
    while (!this.#hasRoom()) await new Promise<void>((resolve) => this.#roomWanted.push(resolve));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endPause();
    await this.#draining;
    await this.#file?.close();
    this.#file = undefined;
    for (const wake of this.#roomWanted.splice(0)) wake();
  }

  #hasRoom(): boolean {
    return this.#closed || this.#waitingBytes <= (this.options.maxWaitingBytes ?? 16 * 2 ** 20);
  }

  async #drain(): Promise<void> {
    let failures = 0;
    while (this.#waiting.length > 0) {
      // More may come while these are written.
      const count = this.#next();
      const text = Buffer.from(this.#waiting.slice(0, count).join(''));
      try {
        await this.#append(text);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) this.options.log.error('the audit log cannot be written; requests will wait', { path: this.options.path, error: errorMessage(error) });
        // A handle that failed is not trusted any more.
        await this.#file?.close().catch((also: unknown) => this.options.log.debug('the audit log could not be closed', { error: errorMessage(also) }));
        this.#file = undefined;
        if (this.#closed) return;
        await this.#pause();
        continue;
      }
      this.#waiting = this.#waiting.slice(count);
      this.#waitingBytes -= text.length;
      if (this.#hasRoom()) for (const wake of this.#roomWanted.splice(0)) wake();
    }
  }

  /** How many lines are written together: as many as a file may have in bytes, and at least one. */
  #next(): number {
    const { maxBytes = MAX_BYTES } = this.options;
    let [count, length] = [0, 0];
    for (const line of this.#waiting) {
      length += line.length;
      if (count > 0 && length > Math.min(maxBytes, TOGETHER)) break;
      count += 1;
    }
    return count;
  }

  async #append(text: Buffer): Promise<void> {
    const { maxBytes = MAX_BYTES } = this.options;
    let file = this.#file ?? (await this.#open());
    if (this.#size > 0 && this.#size + text.length > maxBytes) file = await this.#rotate(file);
    await file.appendFile(text);
    this.#size += text.length;
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.options.path, 'a+', 0o600);
    this.#file = file;
    this.#size = (await file.stat()).size;
    if (this.#size > 0) {
      const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: this.#size - 1 });
      if (buffer[0] !== NEWLINE) {
        await file.appendFile('\n');
        this.#size += 1;
      }
    }
    return file;
  }

  async #rotate(file: FileHandle): Promise<FileHandle> {
    const { path, maxFiles = 10 } = this.options;
    await file.close();
    this.#file = undefined;
    for (let i = maxFiles - 1; i >= 1; i -= 1) await rename(`${path}.${i}`, `${path}.${i + 1}`).catch(ignoreMissing);
    await rename(path, `${path}.1`);
    return this.#open();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.timer(RETRY_MS, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

const NEWLINE = 0x0a;

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
