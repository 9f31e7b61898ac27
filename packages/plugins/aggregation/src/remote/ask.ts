import { request } from 'node:https';
import type { Clock, ForwardTarget } from '@orrery/core';

/** How long a server may take to say all that it serves, and how much it may say. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** What came back. */
export interface ServerAnswer {
  readonly code: number;
  readonly text: string;
}

/** How a server is asked. */
export interface AskOptions {
  readonly accept: string;
  readonly clock: Pick<Clock, 'timer'>;
  readonly signal?: AbortSignal;
}

/** Asks a server behind the front door for one page, in the front door's own name. Rejects when it does not answer in time, or says too much. */
export function askServer({ host, port, serverName, ca, insecure, identity }: ForwardTarget, path: string, { accept, clock, signal }: AskOptions): Promise<ServerAnswer> {
  return new Promise((resolve, fail) => {
    const asking = request({
      host, port, path, servername: serverName, agent: false, minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }), ...(insecure === true && { rejectUnauthorized: false }), ...identity,
      headers: { accept, host: serverName, 'x-remote-user': 'system:kube-aggregator', 'x-remote-group': 'system:masters' },
      ...(signal !== undefined && { signal }),
    });
    const reject = (error: Error): void => {
      cancel();
      fail(error);
      asking.destroy();
    };
    // Of one that answers byte by byte, too.
    const cancel = clock.timer(TIMEOUT_MS, () => reject(new Error('context deadline exceeded')));
    asking.on('error', reject);
    asking.once('response', (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > MAX_BYTES) reject(new Error('the answer is too large'));
        else pieces.push(piece);
      });
      answer.on('error', reject);
      answer.once('end', () => {
        cancel();
        resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') });
      });
    });
    asking.end();
  });
}
