import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one request on its way to the registry. */
export type RegistryFault =
  | 'pass'
  /** Never an answer. */
  | 'stall'
  /** The answer's body breaks off after so many bytes; `keepOpen` leaves the connection silent instead of closing it. */
  | { readonly cutAfterBytes: number; readonly keepOpen?: boolean }
  /** Another answer. */
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

/** A registry's address at which things go wrong. */
export interface RegistryProxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Decides about each request; may be changed at any time. */
  decide: (method: string, path: string) => RegistryFault;
  /** Requests so far: `GET /v2/…`. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** Starts a proxy before a registry, on a free port of the loopback. Lets everything pass until told otherwise. */
export async function startRegistryProxy(target: string): Promise<RegistryProxy> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const [method = 'GET', path = '/'] = [incoming.method, incoming.url];
    requests.push(`${method} ${path}`);
    const fault = proxy.decide(method, path);
    if (fault === 'stall') return;
    if (fault !== 'pass' && 'status' in fault) {
      outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    forward(target, incoming, outgoing, fault === 'pass' ? undefined : fault);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const proxy: RegistryProxy = { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, decide: () => 'pass', requests, stop, [Symbol.asyncDispose]: stop };
  return proxy;
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse, cut: { readonly cutAfterBytes: number; readonly keepOpen?: boolean } | undefined): void {
  const [host = '', port] = target.split(':');
  // The registry builds absolute addresses from the host it is asked by, so they lead here again.
  const onward = request({ host, port: Number(port), method: incoming.method, path: incoming.url, headers: incoming.headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    if (cut === undefined) {
      answer.pipe(outgoing);
      return;
    }
    let left = cut.cutAfterBytes;
    answer.on('data', (chunk: Buffer) => {
      if (left <= 0) return;
      outgoing.write(chunk.subarray(0, left), () => {
        if (left <= 0 && cut.keepOpen !== true) outgoing.destroy();
      });
      left -= chunk.length;
    });
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
