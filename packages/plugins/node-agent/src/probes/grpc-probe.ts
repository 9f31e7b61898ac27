import { connect } from 'node:http2';
import type { ProbeResult } from './prober.js';

const OK_STATUS = 0;
const UNIMPLEMENTED = 12;
/** Names of HealthCheckResponse.ServingStatus. */
const SERVING = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const HEADER_BYTES = 5;
/** A health reply is a few bytes; more is none. */
const MAX_REPLY_BYTES = 4_096;

/** What is asked. */
export interface GrpcQuestion {
  readonly host: string;
  readonly port: number;
  /** The service's name in the health protocol; '' for the server as a whole. */
  readonly service: string;
}

/**
 * Asks a server over plain HTTP/2 for its health (grpc.health.v1.Health/Check), as the kubelet's gRPC probe does.
 * Rejects when the server cannot be reached; the signal ends the wait.
 */
export function grpcProbe({ host, port, service }: GrpcQuestion, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      session.destroy();
      settle();
    };
    const abort = (): void => end(() => reject(new Error('timeout: health rpc did not complete in time')));
    const fail = (error: Error): void => end(() => reject(error));
    signal.addEventListener('abort', abort, { once: true });
    session.on('error', fail);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let grpcStatus: string | undefined;
    let httpStatus = 0;
    stream.on('response', (headers) => {
      httpStatus = Number(headers[':status']);
      grpcStatus = one(headers['grpc-status']);
    });
    stream.on('trailers', (trailers) => (grpcStatus = one(trailers['grpc-status']) ?? grpcStatus));
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_REPLY_BYTES) fail(new Error('error: the health reply is too long'));
      else chunks.push(chunk);
    });
    stream.on('error', fail);
    stream.on('end', () => end(() => resolve(judge(httpStatus, grpcStatus, Buffer.concat(chunks)))));
    stream.end(checkRequest(service));
  });
}

const one = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header);

/** HealthCheckRequest { string service = 1 } in a gRPC frame. */
export function checkRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function judge(httpStatus: number, grpcStatus: string | undefined, body: Buffer): ProbeResult {
  const failed = (message: string): ProbeResult => ({ ok: false, message });
  if (httpStatus !== 200) return failed(`error: health rpc probe failed: HTTP status ${httpStatus}`);
  const code = Number(grpcStatus ?? Number.NaN);
  if (code === UNIMPLEMENTED) return failed('error: this server does not implement the grpc health protocol (grpc.health.v1.Health)');
  if (code !== OK_STATUS) return failed(`error: health rpc probe failed: grpc status ${grpcStatus?.slice(0, 20) ?? 'missing'}`);
  const status = servingStatus(body);
  return status === 1 ? { ok: true, message: '' } : failed(`service unhealthy (responded with ${JSON.stringify(SERVING[status] ?? String(status))})`);
}

/** HealthCheckResponse { ServingStatus status = 1 }; an absent field is its zero value. NaN when the reply is malformed. */
export function servingStatus(body: Buffer): number {
  if (body.length < HEADER_BYTES || body[0] !== 0 || body.readUInt32BE(1) !== body.length - HEADER_BYTES) return Number.NaN;
  const message = body.subarray(HEADER_BYTES);
  if (message.length === 0) return 0;
  return message[0] === 0x08 && message.length === 2 ? (message[1] as number) : Number.NaN;
}
