import type { Readable } from 'node:stream';
import type Docker from 'dockerode';

/** A request that the driver's own methods do not make as it is needed. */
export interface Dial {
  readonly method: 'GET' | 'POST';
  /** Starts with `/`; ids in it have been checked. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** The connection becomes a plain two-way stream. */
  readonly hijack?: boolean;
  readonly abortSignal: AbortSignal;
}

/** Sends a request and resolves with its stream of bytes, never buffered (the driver buffers a log that is not followed, whole). */
export function dialStream<S extends Readable>(docker: Docker, { method, path, query, body, hijack = false, abortSignal }: Dial): Promise<S> {
  return new Promise((resolve, reject) => {
    const options = { ...(query === undefined ? {} : { _query: query }), ...(body === undefined ? {} : { _body: body }) };
    (docker.modem as { dial(options: object, callback: (error: unknown, stream: unknown) => void): void }).dial(
      {
        method,
        path: query === undefined ? path : `${path}?`,
        options,
        isStream: true,
        ...(hijack ? { hijack: true, openStdin: true, allowEmpty: true } : {}),
        abortSignal,
        statusCodes: { 101: true, 200: true },
      },
      (error, stream) => {
        if (error === null || error === undefined) resolve(stream as S);
        else reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
