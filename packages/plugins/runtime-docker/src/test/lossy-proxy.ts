import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Stands between a runtime and its engine. */
export interface LossyProxy {
  readonly socketPath: string;
  /** The engine acts on the next request that matches (`POST /containers/create…`), and its answer is lost with the connection. */
  loseReply(pattern: RegExp): void;
  /** How many requests matched so far. */
  count(pattern: RegExp): number;
  close(): Promise<void>;
}

/** A proxy for everything but hijacked connections. */
export async function lossyProxy(target: string): Promise<LossyProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'op-'));
  const socketPath = join(folder, 'p.sock');
  const seen: string[] = [];
  const losing: RegExp[] = [];
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`;
    seen.push(line);
    const lost = losing.findIndex((pattern) => pattern.test(line));
    if (lost !== -1) losing.splice(lost, 1);
    const forwarded = request({ socketPath: target, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      if (lost !== -1) {
        answer.resume();
        answer.once('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    loseReply: (pattern) => void losing.push(pattern),
    count: (pattern) => seen.filter((line) => pattern.test(line)).length,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
