import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { OrreryError } from '@orrery/core';

/** Sends JSON on a connection of its own. Resolves when it was taken; rejects with UNAVAILABLE when it was not, or the signal aborted. What is answered is not read. */
export function post(url: URL, headers: Readonly<Record<string, string>>, value: object, signal: AbortSignal): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => reject(new OrreryError('UNAVAILABLE', 'The collector of traces did not take what was sent.', {}, cause));
    const options = { method: 'POST', agent: false, signal, headers: { ...headers, 'content-type': 'application/json', 'content-length': String(body.length), connection: 'close' } };
    const asked = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (answer) => {
      const code = answer.statusCode ?? 0;
      answer.destroy();
      if (code >= 200 && code < 300) resolve();
      else failed(new Error(`answered with ${code}`));
    });
    asked.on('error', failed).end(body);
  });
}
