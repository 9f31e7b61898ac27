import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Upgrade } from '@orrery/stream-channels';
import type { Exchange } from '../exchange.js';

/** What came back for a request that was sent on. */
export interface Answer {
  readonly response: IncomingMessage;
  /** The connection, when it speaks another protocol now. */
  readonly switched?: { readonly socket: Duplex; readonly head: Buffer };
}

/** Whether a request says that a body follows. */
export const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

/** Sends the body of a request on as it comes, and resolves when the answer begins. */
export function answerOf(request: IncomingMessage, sent: ClientRequest, isUpgrade: boolean, over: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void sent.destroy();
    over.addEventListener('abort', abort, { once: true });
    if (over.aborted) abort();
    sent.on('error', reject);
    sent.on('response', (response) => resolve({ response }));
    sent.on('upgrade', (response, socket, head) => {
      if (isUpgrade) return resolve({ response, switched: { socket, head } });
      socket.destroy();
      reject(new Error('it switched protocols, which nobody asked for'));
    });
    // It may be answered before its body comes.
    sent.flushHeaders();
    if (isUpgrade || !hasBody(request)) sent.end();
    else request.pipe(sent);
  });
}

/** Passes an answer back as it comes. One that breaks off breaks off. */
export async function passBack(exchange: Exchange, answer: IncomingMessage, headers: OutgoingHttpHeaders): Promise<void> {
  const { response, gone } = exchange;
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  response.flushHeaders();
  try {
    for await (const piece of answer) {
      if (gone.aborted) return;
      if (!response.write(piece)) await exchange.drained();
    }
  } catch {
    // An end would say that this was all.
    response.destroy();
    return;
  }
  await exchange.end();
}

/** Joins two connections that speak another protocol now, until one of them is over. */
export async function passUpgrade({ response }: Exchange, { socket, head }: Upgrade, far: { readonly socket: Duplex; readonly head: Buffer; readonly response: IncomingMessage; readonly headers: OutgoingHttpHeaders }): Promise<void> {
  response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
  const lines = [`HTTP/1.1 101 ${far.response.statusMessage ?? ''}`, 'Connection: Upgrade', `Upgrade: ${far.response.headers.upgrade ?? ''}`];
  for (const [name, value] of Object.entries(far.headers)) for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${String(one)}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (far.head.length > 0) socket.write(far.head);
  if (head.length > 0) far.socket.write(head);
  await new Promise<void>((resolve) => {
    const end = (): void => {
      socket.destroy();
      far.socket.destroy();
      resolve();
    };
    for (const one of [socket, far.socket]) one.once('close', end).on('error', end);
    socket.pipe(far.socket);
    far.socket.pipe(socket);
    if (socket.destroyed || far.socket.destroyed) end();
  });
}
