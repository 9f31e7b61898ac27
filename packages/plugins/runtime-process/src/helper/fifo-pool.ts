import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputPipes } from '../shared/records.js';
import { makeDirectory, removeTree } from './disk.js';

/** Fewer than this many left: make more before they are asked for. */
const LOW_WATER = 16;
const BATCH = 64;
/** More than this many unused ones are not kept. */
const HIGH_WATER = 1024;

/**
 * Named pipes made ahead of need and used again. Node cannot make one itself, and starting `mkfifo` for every container would double the cost of a
 * start; one run of it makes a batch.
 */
export class FifoPool {
  readonly #free: string[] = [];
  #next = 1;
  #wanted = 0;
  #refill: Promise<void> | undefined;
  /** False when this machine has no `mkfifo`: containers then write to plain pipes, and lose their output when the helper dies. */
  available = true;

  /** Keeps the pipes that are `inUse`. Others left by an earlier helper go: somebody may still hold one. */
  constructor(readonly directory: string, inUse: ReadonlySet<string>) {
    makeDirectory(directory);
    for (const name of readdirSync(directory)) {
      this.#next = Math.max(this.#next, Number.parseInt(name, 10) + 1 || 1);
      if (!inUse.has(name)) this.discard(name);
    }
  }

  /** Where a pipe is. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Two unused pipes, or `undefined` when none can be made here. */
  async take(): Promise<OutputPipes | undefined> {
    this.#wanted += 2;
    try {
      while (this.available && this.#free.length < 2) await this.fill();
    } finally {
      this.#wanted -= 2;
    }
    if (!this.available) return undefined;
    const [stdout, stderr] = this.#free.splice(-2) as [string, string];
    if (this.#free.length < LOW_WATER) void this.fill();
    return { stdout, stderr };
  }

  /** Takes back a pipe that nobody holds any more. */
  giveBack(name: string): void {
    if (this.#free.length < HIGH_WATER) this.#free.push(name);
    else this.discard(name);
  }

  /** Removes a pipe that somebody may still hold. */
  discard(name: string): void {
    rmSync(this.path(name), { force: true });
  }

  /** Removes all, after a batch that is being made. */
  async close(): Promise<void> {
    this.available = false;
    await this.#refill;
    removeTree(this.directory);
  }

  /** Makes a batch. Callers that come together share it. */
  fill(): Promise<void> {
    this.#refill ??= this.#make(Math.max(BATCH, this.#wanted)).finally(() => {
      this.#refill = undefined;
    });
    return this.#refill;
  }

  #make(count: number): Promise<void> {
    const names = Array.from({ length: count }, () => String(this.#next++));
    return new Promise((resolve) => {
      const child = spawn('mkfifo', ['-m', '600', ...names], { cwd: this.directory, stdio: 'ignore' });
      child.once('error', () => {
        this.available = false;
        resolve();
      });
      child.once('exit', (code) => {
        if (code === 0) this.#free.push(...names);
        else this.available = false;
        resolve();
      });
    });
  }
}
