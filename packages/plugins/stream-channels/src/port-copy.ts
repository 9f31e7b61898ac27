import { type DuplexStream, errorMessage, type Logger } from '@orrery/core';

/** The client's side of one forwarded connection. */
export interface ClientSide {
  /** Bytes of the client; they end when it says nothing more. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Rejects when the client is gone. */
  send(chunk: Uint8Array): Promise<void>;
}

/**
 * Copies both ways until the pod's side says nothing more, or breaks off. The client may say nothing more before: the answer is then still waited for.
 * Rejects when the client is gone. The pod's side is closed in the end, and at once when the signal aborts.
 * That it broke off is logged only: kubectl gives up all of its forwarding when it is told of an error, and a server may well reset one connection.
 */
export async function copyPort(target: DuplexStream, { input, send }: ClientSide, signal: AbortSignal, log: Logger): Promise<void> {
  const cut = (): void => void target.close();
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  const upward = (async (): Promise<void> => {
    for await (const chunk of input) await target.write(chunk);
    target.end();
  })();
  const broken = (error: unknown): undefined => void (signal.aborted || log.debug('the pod broke off a forwarded connection', { error: errorMessage(error) }));
  upward.catch(broken);
  try {
    for (const iterator = target.readable[Symbol.asyncIterator](); ; ) {
      const next = await iterator.next().catch(broken);
      if (next === undefined || next.done === true) return;
      await send(next.value);
    }
  } finally {
    signal.removeEventListener('abort', cut);
    await target.close();
  }
}
