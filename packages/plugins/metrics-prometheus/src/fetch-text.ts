import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { type Clock, OrreryError } from '@orrery/core';

/** How a page is fetched. */
export interface FetchOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Longer pages are an error. */
  readonly maxBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The text of a page. Follows no redirect, sends no cookie, keeps no connection. Throws `UNAVAILABLE` with the reason; the text of the page is never in it. */
export function fetchText(url: URL, { clock, timeoutMs, maxBytes, headers = {}, signal }: FetchOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? https : http;
    const request = send(url, { agent: false, headers: { accept: 'text/plain;version=0.0.4', ...headers } });
    const end = (error: Error | undefined, text = ''): void => {
      cancel();
      signal.removeEventListener('abort', abort);
      if (error === undefined) return resolve(text);
      request.destroy();
      reject(new OrreryError('UNAVAILABLE', `${url.host}${url.pathname}: ${error.message}`, {}, error));
    };
    const cancel = clock.timer(timeoutMs, () => end(new Error(`no answer within ${timeoutMs} ms`)));
    const abort = (): void => end(new Error('no longer wanted'));
    signal.addEventListener('abort', abort, { once: true });
    request.on('error', (error) => end(error));
    request.on('response', (response) => {
      if (response.statusCode !== 200) return end(new Error(`status ${response.statusCode}`));
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) return end(new Error(`more than ${maxBytes} bytes`));
        chunks.push(chunk);
      });
      response.on('error', (error) => end(error));
      response.on('end', () => end(undefined, Buffer.concat(chunks).toString('utf8')));
    });
    if (signal.aborted) abort();
    else request.end();
  });
}
