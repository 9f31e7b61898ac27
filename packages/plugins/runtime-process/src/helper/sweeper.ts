import { settlesWithin, delay } from './platform.js';
import { processesByMarker, signalProcess } from './proc.js';

/** Rounds of looking and killing: a process may fork while it is being killed, so one look is not enough. */
const MAX_ROUNDS = 20;

/**
 * Finds and kills what containers left behind: processes that moved to a session of their own.
 * Reading all of /proc is the dear part, so requests that arrive together share one pass.
 */
export class Sweeper {
  #waiting = new Set<string>();
  #next: Promise<void> | undefined;

  /** Resolves when no process carries this container's marker any more. Rejects when some survive SIGKILL. */
  sweep(containerId: string): Promise<void> {
    this.#waiting.add(containerId);
    this.#next ??= delay(0).then(() => {
      const ids = this.#waiting;
      this.#waiting = new Set();
      this.#next = undefined;
      return killMarked(ids);
    });
    return this.#next;
  }

  /** Resolves when the pass under way, if any, is over. */
  async settled(): Promise<void> {
    if (this.#next !== undefined) await settlesWithin(this.#next, 5_000);
  }
}

async function killMarked(ids: ReadonlySet<string>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const left = [...processesByMarker()].filter(([id]) => ids.has(id)).flatMap(([, pids]) => pids);
    if (left.length === 0) return;
    for (const pid of left) signalProcess(pid, 'SIGKILL');
    await delay(round * 5);
  }
  throw new Error(`Processes of containers ${[...ids].join(', ')} did not die of SIGKILL.`);
}
