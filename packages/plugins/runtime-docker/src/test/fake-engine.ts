import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One request as it came over the socket. */
export interface Recorded {
  readonly line: string;
  readonly body: string;
}

/** A server on a Unix socket that answers as it is told and keeps what it was sent, byte for byte. */
export interface FakeEngine {
  readonly socketPath: string;
  readonly requests: Recorded[];
  close(): Promise<void>;
}

/** @param answer writes the answer, or nothing at all */
export async function fakeEngine(answer: (request: Recorded, response: ServerResponse) => void): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'of-'));
  const socketPath = join(folder, 'e.sock');
  const requests: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = { line: `${incoming.method} ${incoming.url}`, body: Buffer.concat(chunks).toString('utf8') };
      requests.push(request);
      answer(request, outgoing);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
