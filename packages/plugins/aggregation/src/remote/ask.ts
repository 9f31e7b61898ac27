import { request } from 'node:https';
import type { ForwardTarget } from '@orrery/core';

/** How long a server may take to say what it serves, and how much it may say. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** What came back. */
export interface ServerAnswer {
  readonly code: number;
  readonly text: string;
}

/** Asks a server behind the front door for one page, in the front door's own name. Rejects when it does not answer in time, or says too much. */
export function askServer({ host, port, serverName, ca, insecure, identity }: ForwardTarget, path: string, { accept, signal }: { readonly accept: string; readonly signal?: AbortSignal }): Promise<ServerAnswer> {
  return new Promise((resolve, reject) => {
    const asking = request({
      host, port, path, servername: serverName, agent: false, timeout: TIMEOUT_MS,
      ...(ca !== undefined && { ca }), ...(insecure === true && { rejectUnauthorized: false }), ...identity,
      headers: { accept, host: serverName, 'x-remote-user': 'system:kube-aggregator', 'x-remote-group': 'system:masters' },
      ...(signal !== undefined && { signal }),
    });
    asking.once('timeout', () => asking.destroy(new Error('context deadline exceeded')));
    asking.once('error', reject);
    asking.once('response', (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > MAX_BYTES) asking.destroy(new Error('the answer is too large'));
        else pieces.push(piece);
      });
      answer.once('error', reject);
      answer.once('end', () => resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') }));
    });
    asking.end();
  });
}
