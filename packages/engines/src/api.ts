import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** One request to an engine. */
export interface ApiRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or bytes as they come. */
  readonly body?: object | Readable;
  readonly signal?: AbortSignal;
}

/** What came back, whatever the status. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** Asks a Docker engine over its socket, with nothing in between: the preparation of a test must not depend on what it tests. */
export function engineApi(socketPath: string, method: 'GET' | 'POST' | 'DELETE', path: string, { headers = {}, body, signal }: ApiRequest = {}): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const stream = body !== undefined && 'pipe' in body;
    const json = body === undefined || stream ? undefined : JSON.stringify(body);
    const type = stream ? { 'content-type': 'application/x-tar' } : json === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) };
    const call = request({ socketPath, method, path, agent: false, headers: { host: 'docker', ...type, ...headers }, ...(signal !== undefined && { signal }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    call.on('error', reject);
    if (stream) pipeline(body as Readable, call).catch(reject);
    else call.end(json);
  });
}

/** The same, and anything but success is an error with the engine's words. An error in the middle of a progress stream is one too. */
export async function mustApi(socketPath: string, method: 'GET' | 'POST' | 'DELETE', path: string, options: ApiRequest = {}): Promise<string> {
  const { status, text } = await engineApi(socketPath, method, path, options);
  const inside = /"error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (status >= 300 || inside !== undefined) throw new Error(`${method} ${path.replace(/\?.*$/, '')}: ${status} ${inside ?? text.trim().slice(0, 500)}`);
  return text;
}
