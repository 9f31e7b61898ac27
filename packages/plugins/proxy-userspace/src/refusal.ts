import type { Socket } from 'node:net';
import type { Clock } from '@orrery/core';

/** How long a client that is refused is listened to: to know what it speaks, and then to hear it hang up. */
const PATIENCE_MS = 1_000;
const HTTP_REQUEST = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /;

/**
 * Tells a client that it is not served. Who speaks HTTP/1 gets a 503 with the reason; for everybody else the connection is reset, which is all that TCP can say.
 * Takes at most two seconds, and less if the client hangs up.
 */
export function refuse(client: Socket, clock: Clock, reason: string): void {
  if (client.destroyed) return;
  const answer = (): void => {
    if (client.destroyed) return;
    const begun = (client.read() as Buffer | null)?.subarray(0, 16).toString('latin1') ?? '';
    if (HTTP_REQUEST.test(begun)) endWith(client, clock, reason);
    else client.resetAndDestroy();
  };
  if (client.readableLength > 0) return answer();
  const cancel = clock.timer(PATIENCE_MS, answer);
  client.once('readable', answer);
  client.once('readable', cancel);
  client.once('close', cancel);
}

function endWith(client: Socket, clock: Clock, reason: string): void {
  const body = `${reason}\n`;
  const head = ['HTTP/1.1 503 Service Unavailable', 'Content-Type: text/plain; charset=utf-8', `Content-Length: ${Buffer.byteLength(body)}`, 'Retry-After: 1', 'Connection: close'];
  client.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // What it still sends is dropped: closing with something unread would reset the connection, and the answer with it.
  client.removeAllListeners('readable');
  client.resume();
  const cancel = clock.timer(PATIENCE_MS, () => client.destroy());
  client.once('close', cancel);
}
