import type { DuplexStream } from '@orrery/core';
import { BytePipe, CHANNEL, CLOSE, serverMessage, type Tunnel } from '@orrery/stream-channels';

/** Even channels have bytes; the odd ones tell why there are none: of that nothing is told here, as a node connects to the pod before it lets a connection be forwarded. */
const DATA = 0;
/** Bytes that were not taken and came, beyond which the node is made to wait. */
const BACKLOG_BYTES = 1024 * 1024;
/** The channel begins with the number of the port. */
const PORT_BYTES = 2;
/** Of one message; nodes take 4 MiB. */
const PIECE_BYTES = 1024 * 1024;

/** One forwarded connection over `v5.channel.k8s.io`. */
export function portOver(tunnel: Tunnel): DuplexStream {
  let wake = (): void => {};
  const pipe = new BytePipe(() => wake());
  tunnel.gone.addEventListener('abort', () => wake(), { once: true });
  let left = PORT_BYTES;
  void (async () => {
    try {
      for await (const message of tunnel.messages) {
        if (message[0] !== DATA) continue;
        const skipped = Math.min(left, message.length - 1);
        left -= skipped;
        if (message.length > 1 + skipped) pipe.push(message.subarray(1 + skipped));
        while (pipe.length > BACKLOG_BYTES && !tunnel.gone.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      pipe.end();
    }
  })();
  return {
    readable: pipe,
    write: async (chunk) => {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) await tunnel.send(serverMessage(DATA, chunk.subarray(at, at + PIECE_BYTES)));
    },
    end: () => void tunnel.send(Buffer.from([CHANNEL.close, DATA])).catch(() => tunnel.terminate()),
    close: async () => {
      pipe.discard();
      wake();
      if (!tunnel.gone.aborted) await tunnel.close(CLOSE.normal);
    },
  };
}
