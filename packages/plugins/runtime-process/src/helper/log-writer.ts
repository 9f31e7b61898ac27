import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LineFormatter } from '../shared/cri-log.js';
import { makeDirectory } from './disk.js';
import { errno } from './failure.js';
import { timestamp } from './platform.js';

/** How large and how many. */
export interface LogLimits {
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
}

/**
 * Writes one container's output to `<n>.log` files with growing numbers. A file is never renamed, so a reader that follows cannot lose its place:
 * when `n + 1` exists, `n` is complete.
 */
export class LogWriter {
  readonly #formatters = { stdout: new LineFormatter('stdout'), stderr: new LineFormatter('stderr') };
  #file: { readonly fd: number; bytes: number } | undefined;
  #number = 0;
  #failed = false;

  constructor(readonly directory: string, readonly limits: LogLimits, readonly complain: (message: string) => void) {}

  /** Takes output as it comes. Disk trouble is complained about once and costs log lines, never the container. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this.#append(this.#formatters[stream].push(chunk, timestamp()));
  }

  /** Writes out what a stream left unfinished. */
  endStream(stream: 'stdout' | 'stderr'): void {
    this.#append(this.#formatters[stream].end(timestamp()));
  }

  /** Closes the file. Writing again opens the next one. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #append(lines: Buffer): void {
    if (lines.length === 0) return;
    try {
      if (this.#file !== undefined && this.#file.bytes + lines.length > this.limits.logMaxBytes && this.#file.bytes > 0) this.close();
      this.#file ??= this.#openNext();
      for (let done = 0; done < lines.length; ) done += writeSync(this.#file.fd, lines, done);
      this.#file.bytes += lines.length;
    } catch (error) {
      if (!this.#failed) this.complain(`Output is not logged to ${this.directory}: ${errno(error) ?? String(error)}`);
      this.#failed = true;
    }
  }

  #openNext(): { readonly fd: number; bytes: number } {
    makeDirectory(this.directory);
    const numbers = readdirSync(this.directory).flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? []).map(Number);
    this.#number = Math.max(this.#number, ...numbers) + 1;
    const fd = openSync(join(this.directory, `${this.#number}.log`), 'ax', 0o600);
    for (const number of numbers) {
      if (number <= this.#number - this.limits.logMaxFiles) rmSync(join(this.directory, `${number}.log`), { force: true });
    }
    return { fd, bytes: 0 };
  }
}
