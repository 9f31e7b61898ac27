import { errorMessage, type Logger, type LogQuery, longLived, type NodeStreams, type PodIdentity } from '@orrery/core';
import type { Exchange } from '../exchange.js';

/** Whose output is asked for. */
export interface AskedLog {
  readonly node: NodeStreams;
  readonly pod: PodIdentity;
  readonly container: string;
  readonly query: LogQuery;
}

/** What answering a log needs. */
export interface AnswerLogContext {
  readonly log: Logger;
  readonly stopping: AbortSignal;
  /** What it comes to, or TIMEOUT when that takes longer than an answer may. */
  timely<T>(answer: Promise<T>): Promise<T>;
}

/** Writes the output of a container as it comes, until it ends, the client is gone, or the server stops. Rejects with what it is refused with before anything is written. */
export async function answerLog(exchange: Exchange, { node, pod, container, query }: AskedLog, { log, stopping, timely }: AnswerLogContext): Promise<void> {
  const over = longLived(new AbortController());
  const end = (): void => over.abort();
  for (const signal of [exchange.gone, stopping]) {
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }
  try {
    const pieces = await timely(node.logs(pod, container, query, over.signal));
    exchange.open('text/plain');
    try {
      for await (const piece of pieces) {
        if (exchange.gone.aborted) return;
        if (!exchange.response.write(piece)) await exchange.drained();
      }
    } catch (error) {
      if (!over.signal.aborted) {
        log.warn('a log broke off', { audit: exchange.id, error: errorMessage(error) });
        // An end would say that this was all.
        exchange.response.destroy();
        return;
      }
    }
    await exchange.end();
  } finally {
    for (const signal of [exchange.gone, stopping]) signal.removeEventListener('abort', end);
    end();
  }
}
