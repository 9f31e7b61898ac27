import { systemClock, systemRandom } from '@orrery/core';
import { WebhookServer } from '@orrery/engines';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validateClientConfig } from './client-config.js';
import { WebhookClient } from './client.js';
import type { Endpoint } from './services.js';

let server: WebhookServer;
let client: WebhookClient;
let endpoints: () => readonly Endpoint[];
beforeEach(async () => {
  server = await WebhookServer.start(['hook.team.svc']);
  endpoints = () => [{ host: '127.0.0.1', port: server.port }];
  client = new WebhookClient({ clock: systemClock, random: systemRandom, services: { resolve: () => endpoints() } });
  server.answers.set('/echo', ({ body }) => ({ got: body }));
});
afterEach(async () => {
  client.close();
  await server.stop();
});
const ask = (path: string, more: object = {}, options: object = {}): Promise<unknown> => client.ask({ url: server.url(path), caBundle: server.caBundle, ...more }, { a: 1 }, { timeoutMs: 5_000, ...options });

describe('a webhook', () => {
  it('is asked by its address, over kept connections', async () => {
    for (let i = 0; i < 5; i += 1) expect(await ask('/echo')).toEqual({ got: { a: 1 } });
    expect(server.asked[0]?.path).toBe('/echo?timeout=5s');
    expect(server.connections).toBe(1);
  });

  it('is asked by its Service, whose name its certificate has', async () => {
    const service = { namespace: 'team', name: 'hook', path: '/echo', port: 8443 };
    expect(await client.ask({ service, caBundle: server.caBundle }, { a: 1 }, { timeoutMs: 1_500 })).toEqual({ got: { a: 1 } });
    expect(server.asked[0]?.path).toBe('/echo?timeout=2s');
    await expect(client.ask({ service: { ...service, name: 'other' }, caBundle: server.caBundle }, {}, { timeoutMs: 5_000 })).rejects.toThrow('x509');
    endpoints = () => {
      throw new Error('no endpoints available for service "hook"');
    };
    await expect(client.ask({ service, caBundle: server.caBundle }, {}, { timeoutMs: 5_000 })).rejects.toThrow('Post "https://hook.team.svc:8443/echo?timeout=5s": no endpoints available for service "hook"');
  });

  it('may close its connections at any time', async () => {
    await ask('/echo');
    server.answers.set('/drop', () => void server.drop());
    await expect(ask('/drop')).rejects.toThrow(/^Post "https:.*: EOF$/);
    for (let i = 0; i < 20; i += 1) {
      expect(await ask('/echo')).toEqual({ got: { a: 1 } });
      server.drop();
    }
  });
});

describe('a webhook that does not do as it should', () => {
  it('is not trusted without the right authority', async () => {
    await expect(ask('/echo', { caBundle: undefined })).rejects.toThrow(/^Post "https:\/\/127.0.0.1:\d+\/echo\?timeout=5s": tls: failed to verify certificate: x509: certificate signed by unknown authority$/);
    await expect(ask('/echo', { caBundle: Buffer.from('none').toString('base64') })).rejects.toMatchObject({ name: 'WebhookFailure' });
  });

  it('has its time, and no more', async () => {
    server.answers.set('/silent', () => undefined);
    await expect(ask('/silent', {}, { timeoutMs: 60 })).rejects.toThrow(/timeout=1s": context deadline exceeded$/);
    server.answers.set('/drip', (_, response) => void response.writeHead(200).write('{'));
    await expect(ask('/drip', {}, { timeoutMs: 60 })).rejects.toThrow('context deadline exceeded');
    const stop = new AbortController();
    const waiting = ask('/silent', {}, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toThrow('context canceled');
    const left = ask('/silent');
    client.close();
    await expect(left).rejects.toThrow('context canceled');
  });

  it('does not fill the memory', async () => {
    let sent = 0;
    server.answers.set('/huge', (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (sent < 200 * 1024 * 1024 && !response.destroyed) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 0x20))) return void response.once('drain', more);
        }
      };
      more();
    });
    await expect(ask('/huge')).rejects.toThrow('the answer is larger than 4194304 bytes');
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('is not followed elsewhere', async () => {
    server.answers.set('/away', (_, response) => void response.writeHead(307, { location: server.url('/echo') }).end());
    await expect(ask('/away')).rejects.toMatchObject({ message: 'the server responded with the status code 307 but did not return more information', status: 307 });
    expect(server.asked.map(({ path }) => path)).toEqual(['/away?timeout=5s']);
  });

  it('is not repeated', async () => {
    server.answers.set('/secret', (_, response) => void response.writeHead(500).end('password=hunter2'));
    await expect(ask('/secret')).rejects.toThrow(/^an error on the server \("unknown"\) has prevented the request from succeeding$/);
    server.answers.set('/text', (_, response) => void response.writeHead(200).end('hunter2'));
    await expect(ask('/text')).rejects.toThrow(/^couldn't get version\/kind; json parse error$/);
    await expect(ask('/nowhere')).rejects.toThrow('the server could not find the requested resource');
    const { port } = server;
    await server.stop();
    await expect(ask('/echo')).rejects.toThrow(`dial tcp 127.0.0.1:${port}: connect: connection refused`);
  });
});

describe('where a webhook is', () => {
  const wrong = (config: object): string[] => validateClientConfig(config, 'c').map(({ field, message }) => `${field}: ${message}`);
  const form = '; desired format: https://host[/path]';
  it('is said in one way', () => {
    expect(wrong({})).toEqual(['c: Required value: exactly one of url or service is required']);
    expect(wrong({ url: 'https://a', service: { namespace: 'n', name: 's' } })).toEqual(['c: Required value: exactly one of url or service is required']);
    expect(wrong({ url: 'https://a.example.com/path' })).toEqual([]);
    expect(wrong({ url: 'http://u:secret@a?x=1#y' })).toEqual([
      `c.url: Invalid value: "http": 'https' is the only allowed URL scheme${form}`,
      'c.url: Invalid value: "***": user information is not permitted in the URL',
      'c.url: Invalid value: "y": fragments are not permitted in the URL',
      'c.url: Invalid value: "x=1": query parameters are not permitted in the URL',
    ]);
    expect(wrong({ url: 'nonsense' })[0]).toMatch(/^c\.url: Required value: url must be a valid URL: /);
    expect(wrong({ service: { namespace: '', name: '', port: 0, path: 'a//B' } })).toEqual([
      'c.service.name: Required value: service name is required',
      'c.service.namespace: Required value: service namespace is required',
      'c.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
      `c.service.path: Invalid value: "a//B": must start with a '/'`,
      'c.service.path: Invalid value: "a//B": segment[0] may not be empty',
      'c.service.path: Invalid value: "a//B": segment[1] may not be empty',
      expect.stringMatching(/^c\.service\.path: Invalid value: "a\/\/B": segment\[2\]: a lowercase RFC 1123 subdomain/),
    ]);
    expect(wrong({ url: 'https://a', caBundle: 'bm9uZQ==' })[0]).toContain('unable to load root certificates');
  });
});
