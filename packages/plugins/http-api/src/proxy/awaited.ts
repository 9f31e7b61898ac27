import { longLived, OrreryError } from '@orrery/core';
import type { Upgrade } from '@orrery/stream-channels';
import type { Exchange } from '../exchange.js';

/** Whether an answer that is passed on is still waited for. */
export interface Awaited {
  /** Aborts when the client is gone, the server stops, or {@link end} is called. */
  readonly signal: AbortSignal;
  end(): void;
}

/** Follows who waits for an answer until {@link Awaited.end} is called, which must be. */
export function awaited({ gone }: Exchange, stopping: AbortSignal, upgrade: Upgrade | undefined): Awaited {
  const over = longLived(new AbortController());
  const signals = [gone, stopping];
  const end = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', end);
    over.abort(new OrreryError('ABORTED', 'Nobody waits for the answer any more.'));
  };
  for (const signal of signals) signal.addEventListener('abort', end, { once: true });
  if (signals.some(({ aborted }) => aborted)) end();
  // One whose connection was taken for another protocol is seen to end by itself.
  upgrade?.socket.once('close', end);
  return { signal: over.signal, end };
}
