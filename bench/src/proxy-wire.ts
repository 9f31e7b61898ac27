/** One request of the proxy benchmark. */
export const REQUEST = Buffer.from('GET /small HTTP/1.1\r\nHost: bench.default.svc\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n');

const BODY = '{"message":"hello from a small service","ok":true}\n';

/** Its answer. */
export const REPLY = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n${BODY}`);

/** What the client program is told to do. */
export interface ClientOrder {
  /** Requests over connections that stay open, or a connection for every request. */
  readonly mode: 'requests' | 'connections';
  readonly port: number;
  /** Clients at a time. */
  readonly lanes: number;
  readonly durationMs: number;
}

/** What it answers. */
export interface ClientReport {
  readonly perSecond: number;
  readonly failures: number;
}
