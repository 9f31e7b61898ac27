import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';

/** Longest answer to a request that failed that is read. */
const MAX_FAILURE = 64 * 1024;

/**
 * Posts to the engine without the driver, which prints a request's headers, credentials among them, when its debug log is on (`DEBUG=*`).
 * Resolves with the answer when its head has come; fails as the driver does, with `statusCode` and `json`, when that says no.
 */
export function enginePost(socketPath: string, path: string, headers: Readonly<Record<string, string>>, body: Uint8Array | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method: 'POST', path, agent: false, signal, headers: { host: 'docker', 'content-length': String(body?.length ?? 0), ...headers } }, (answer) => {
      const { statusCode = 0 } = answer;
      if (statusCode < 300) resolve(answer);
      else failure(answer).then((json) => reject(Object.assign(new Error(`HTTP ${statusCode}`), { statusCode, json })), reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

async function failure(answer: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_FAILURE) break;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { message: text.slice(0, MAX_FAILURE) };
  }
}
