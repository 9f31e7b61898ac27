import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CancelTimer } from '@orrery/core';
import type { ProcessIdentity } from '../shared/records.js';
import { type CgroupBase, makeBestEffortGroup } from './cgroups.js';
import { errno, messageOf, tolerate } from './failure.js';
import { now, timer } from './platform.js';
import { isAlive } from './proc.js';

/** When nothing was started for so long, what was is moved; or after so long in any case. */
const QUIET_MS = 300;
const LATEST_MS = 2_000;
const ATTEMPTS = 3;

/**
 * Moves processes that asked for no cpu to the group of their like, some at a time and with nobody waiting. A single move makes the kernel wait for all its
 * processors, and every fork on the machine with it; those that follow at once cost next to nothing.
 */
export class BestEffort {
  #waiting = new Set<ProcessIdentity>();
  #since: number | undefined;
  #cancel: CancelTimer = () => {};

  constructor(
    private readonly base: CgroupBase,
    private readonly boot: string,
    private readonly complain: (message: string) => void,
  ) {}

  /** Moves this process, and what it has started by then, in a moment. */
  add(identity: ProcessIdentity): void {
    this.#waiting.add(identity);
    this.#since ??= now();
    this.#cancel();
    this.#cancel = timer(Math.max(0, Math.min(QUIET_MS, this.#since + LATEST_MS - now())), () => void this.#flush());
  }

  /** This process has a group of its own now. */
  leave(identity: ProcessIdentity): void {
    this.#waiting.delete(identity);
  }

  async #flush(): Promise<void> {
    this.#since = undefined;
    try {
      for (const identity of this.#waiting) {
        this.#waiting.delete(identity);
        if (isAlive(identity, this.boot)) await this.#move(identity.pid);
      }
    } catch (error) {
      this.complain(`Containers without requests keep their weight: ${messageOf(error)}`);
    }
  }

  async #move(pid: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const directory = makeBestEffortGroup(this.base);
      if (directory === undefined) return;
      try {
        return await moveTree(directory, pid);
      } catch (error) {
        // Another helper took the empty group away.
        if (existsSync(directory) || attempt >= ATTEMPTS) throw error;
      }
    }
  }
}

async function moveTree(directory: string, pid: number): Promise<void> {
  try {
    await writeFile(join(directory, 'cgroup.procs'), String(pid));
  } catch (error) {
    // It has ended already.
    if (errno(error) !== 'ESRCH') throw error;
  }
  const children = tolerate(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) ?? '';
  for (const child of children.split(' ')) if (child !== '') await moveTree(directory, Number(child));
}
