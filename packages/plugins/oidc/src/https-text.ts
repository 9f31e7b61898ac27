import { request } from 'node:https';

/** What came back. */
export interface HttpsAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Gets a text over HTTPS: a certificate that is not trusted, more bytes than allowed and the end of the signal are errors; redirections are not followed.
 * @param ca PEM certificates to trust in place of the platform's
 */
export function getText(url: URL, { ca, maxBytes, signal }: { readonly ca?: string | undefined; readonly maxBytes: number; readonly signal: AbortSignal }): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'GET', headers: { accept: 'application/json' }, agent: false, signal, ...(ca !== undefined && { ca }) }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) asked.destroy(new Error(`${url.origin} answers with more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    asked.on('error', reject).end();
  });
}
