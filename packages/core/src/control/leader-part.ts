import { longLived } from '../kernel/abort.js';
import type { Clock } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import type { Runnable } from '../kernel/runnable.js';
import { within } from '../kernel/within.js';
import type { LeaderElection, Term } from './leader-election.js';

/** What a part needs to follow the election. */
export interface LeaderPartOptions {
  readonly election: LeaderElection;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds a part may take to wind down when its term is over. */
  readonly stopTimeoutMs: number;
}

/**
 * A part that runs while this process leads, and waits while another does: ready when it runs, or when it is known to wait. It is run anew in each term, never twice at once.
 * `begin` is told the term before each run. A failure of the part within its term is a failure; what it throws because the term ended is not. Throws `PLUGIN_TIMEOUT` when it does
 * not wind down in time.
 */
export function leaderPart(part: Runnable, begin: (term: Term) => void, options: LeaderPartOptions): Runnable {
  const { election } = options;
  return {
    name: part.name,
    phase: part.phase,
    async run(signal, ready) {
      while (!signal.aborted) {
        const { term } = election;
        if (term !== undefined) {
          begin(term);
          await runTerm(part, term, options, signal, ready);
          continue;
        }
        if (election.decided) ready();
        await election.changed(signal);
      }
    },
  };
}

async function runTerm(part: Runnable, term: Term, { clock, log, stopTimeoutMs }: LeaderPartOptions, signal: AbortSignal, ready: () => void): Promise<void> {
  const stop = longLived(new AbortController());
  const end = (): void => stop.abort(term.over.aborted ? term.over.reason : signal.reason);
  for (const source of [term.over, signal]) {
    source.addEventListener('abort', end, { once: true });
    if (source.aborted) end();
  }
  const running = (async () => part.run(stop.signal, ready))();
  try {
    const ended = running.then(() => {
      if (!stop.signal.aborted) throw new OrreryError('PLUGIN_FAILED', `Part "${part.name}" ended by itself.`, { part: part.name });
    });
    const stopping = new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      else stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([ended, stopping]);
    const late = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `Part "${part.name}" did not wind down within ${stopTimeoutMs} ms.`, { part: part.name });
    await within(ended, clock, stopTimeoutMs, late);
  } catch (error) {
    if (!term.over.aborted || OrreryError.is(error, 'PLUGIN_TIMEOUT')) throw error;
    log.warn('a part failed when its term was over', { part: part.name, error: errorMessage(error) });
  } finally {
    for (const source of [term.over, signal]) source.removeEventListener('abort', end);
  }
}
