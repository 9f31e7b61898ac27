import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { errorMessage, type Logger, longLived, OrreryError } from '@orrery/core';

/** Writes the output of a container as it comes, until it ends, the client is gone, or the server stops. Rejects with what it is refused with before anything is written. */
export async function answerLog(response: ServerResponse, open: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>, stopping: AbortSignal, log: Logger): Promise<void> {
  const over = longLived(new AbortController());
  const end = (): void => over.abort(new OrreryError('ABORTED', 'Nobody reads the log any more.'));
  response.once('close', end);
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted || response.destroyed) end();
  try {
    const pieces = await open(over.signal);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    try {
      for await (const piece of pieces) {
        if (over.signal.aborted) break;
        if (!response.write(piece)) await once(response, 'drain', { signal: over.signal });
      }
    } catch (error) {
      if (!over.signal.aborted) {
        log.warn('a log broke off', { error: errorMessage(error) });
        // An end would say that this was all.
        response.destroy();
        return;
      }
    }
    if (!response.destroyed) response.end();
  } finally {
    response.off('close', end);
    stopping.removeEventListener('abort', end);
    end();
  }
}
