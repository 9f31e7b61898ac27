import { spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, removeTree } from './disk.js';

/** Fewer than this many left: make more before they are asked for. */
const LOW_WATER = 16;
const BATCH = 64;

/**
 * Named pipes made ahead of need. Node cannot make one itself, and starting `mkfifo` for every container would double the cost of a start;
 * one run of it makes a batch.
 */
export class FifoPool {
  readonly #free: string[] = [];
  #made = 0;
  #wanted = 0;
  #refill: Promise<void> | undefined;
  /** False when this machine has no `mkfifo`: containers then write to plain pipes, and lose their output when the helper dies. */
  available = true;

  constructor(readonly directory: string) {
    removeTree(directory);
    makeDirectory(directory);
  }

  /** Moves a fresh named pipe to each of the paths. False when none can be made here. */
  async place(paths: readonly string[]): Promise<boolean> {
    this.#wanted += paths.length;
    try {
      while (this.available && this.#free.length < paths.length) await this.fill();
      if (!this.available) return false;
      for (const path of paths) renameSync(this.#free.pop() as string, path);
    } finally {
      this.#wanted -= paths.length;
    }
    if (this.#free.length < LOW_WATER) void this.fill();
    return true;
  }

  /** Removes all that are left, after a batch that is being made. */
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
    const paths = Array.from({ length: count }, () => join(this.directory, String(this.#made++)));
    return new Promise((resolve) => {
      const child = spawn('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore' });
      child.once('error', () => {
        this.available = false;
        resolve();
      });
      child.once('exit', (code) => {
        if (code === 0) this.#free.push(...paths);
        else this.available = false;
        resolve();
      });
    });
  }
}
