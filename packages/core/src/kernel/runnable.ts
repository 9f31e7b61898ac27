import { longLived } from './abort.js';
import { OrreryError, errorMessage } from './errors.js';
import type { Clock } from './clock.js';
import { within } from './within.js';

/**
 * In which order parts start, with the reason; they stop in the reverse order.
 */
export const startOrder = [
  { phase: 'store', why: 'everything else reads or writes it' },
  { phase: 'server', why: 'admission and the watch cache stand between the store and all clients' },
  { phase: 'caches', why: 'controllers, scheduler and agents decide from synced caches' },
  { phase: 'controllers', why: 'they make the pods that the scheduler places, and must see nodes before agents report' },
  { phase: 'scheduler', why: 'it binds pods to nodes as soon as nodes register' },
  { phase: 'agents', why: 'they register nodes and run what is bound' },
  { phase: 'proxy', why: 'it routes to what the agents run' },
  { phase: 'api', why: 'the front door opens last, when what it promises works, and closes first' },
] as const;

/** A phase of {@link startOrder}. */
export type Phase = (typeof startOrder)[number]['phase'];

/** A long-running part. */
export interface Runnable {
  /** Appears in errors and logs. */
  readonly name: string;
  readonly phase: Phase;
  /**
   * Runs until the signal aborts, then winds down and resolves. Calls `ready` once it does its work; the next phase waits for that.
   * A rejection at any time stops the orchestrator with this part's name. Is run once; in the phases `controllers` and `scheduler` once in each time of leading, never twice at once.
   */
  run(signal: AbortSignal, ready: () => void): Promise<void>;
}

/** A part that was started. */
export interface RunningPart {
  readonly runnable: Runnable;
  readonly plugin: string;
  /** Aborts it and waits. Throws `PLUGIN_TIMEOUT` when it does not end in time. Safe to call twice. */
  stop(): Promise<void>;
}

/** Limits of starting and stopping one part. */
export interface PartLimits {
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/**
 * Starts one part and resolves when it is ready. Throws `PLUGIN_FAILED` or `PLUGIN_TIMEOUT` naming plugin and part, and `ABORTED` when the signal
 * aborts before it is ready; it is stopped again first. `failed` is called at most once if it ends or fails later, unasked.
 */
export async function startPart(
  plugin: string,
  runnable: Runnable,
  clock: Clock,
  limits: PartLimits,
  failed: (error: OrreryError) => void,
  signal?: AbortSignal,
): Promise<RunningPart> {
  const abort = longLived(new AbortController());
  const where = `Part "${runnable.name}" of plugin "${plugin}"`;
  const details = { plugin, part: runnable.name };
  let state: 'starting' | 'running' | 'stopping' = 'starting';
  let isReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const failure = (when: string, cause?: unknown): OrreryError =>
    new OrreryError('PLUGIN_FAILED', cause === undefined ? `${where} ended by itself while ${when}.` : `${where} failed while ${when}: ${errorMessage(cause)}.`, details, cause);

  let startError: OrreryError | undefined;
  let stopError: OrreryError | undefined;
  const ended = (async () => runnable.run(abort.signal, isReady))().then(
    () => {
      if (state === 'starting') startError = failure('starting');
      else if (state === 'running') failed(failure('running'));
    },
    (cause: unknown) => {
      if (state === 'starting') startError = failure('starting', cause);
      else if (state === 'running') failed(failure('running', cause));
      else if (!OrreryError.is(cause, 'ABORTED')) stopError = failure('stopping', cause);
    },
  );
  const stop = async (): Promise<void> => {
    state = 'stopping';
    abort.abort(new OrreryError('ABORTED', `${where} was told to stop.`));
    await within(ended, clock, limits.stopTimeoutMs, () => new OrreryError('PLUGIN_TIMEOUT', `${where} did not stop within ${limits.stopTimeoutMs} ms.`, details));
    if (stopError !== undefined) throw stopError;
  };

  try {
    const late = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `${where} was not ready within ${limits.startTimeoutMs} ms.`, details);
    await within(Promise.race([ready, ended]), clock, limits.startTimeoutMs, late, signal);
  } catch (error) {
    await stop().catch((also: unknown) => {
      // Which part it was and why counts more than that it could not be stopped either.
      throw OrreryError.is(error) ? new OrreryError(error.code, `${error.message} And then: ${errorMessage(also)}`, details, new AggregateError([error, also])) : error;
    });
    throw error;
  }
  if (startError !== undefined) {
    // It has ended; what it began may still listen.
    abort.abort(startError);
    throw startError;
  }
  state = 'running';
  return { runnable, plugin, stop };
}
