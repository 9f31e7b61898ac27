import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import { ConfigMap, type LogFields, type Logger, silentLogger, type Transport, type WatchEvent } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpApi } from './http-api.js';
import { TestServer, TOKEN } from './test/server.js';

// In servers of the host, whose other parts may have had the request before.

const MAPS = '/api/v1/namespaces/default/configmaps';
const authorization = `Bearer ${TOKEN}`;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Transport and options of a server that works. */
async function parts(): Promise<HttpApi['options']> {
  const server = await TestServer.start();
  ends.push(() => server.stop());
  return server.api.options;
}

async function serve(listener: RequestListener): Promise<{ host: Server; url: string; port: number }> {
  const host = createServer(listener);
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  ends.push(() => {
    host.closeAllConnections();
    return new Promise((resolve) => host.close(resolve));
  });
  const { port } = host.address() as { port: number };
  return { host, port, url: `http://127.0.0.1:${port}` };
}

function noted(): { said: string[]; log: Logger } {
  const said: string[] = [];
  const note = (message: string, fields?: LogFields): void => void said.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { ...silentLogger, warn: note, error: note, child: () => log };
  return { said, log };
}

describe('a request', () => {
  it('that somebody else has answered is left alone', async () => {
    const api = new HttpApi({ ...(await parts()), basePath: '/k8s' });
    const { host, url } = await serve((_request, response) => void response.end('of the host'));
    host.on('request', api.handle);
    for (const path of ['/', '/k8s/api', '/k8s/livez']) expect(await (await fetch(`${url}${path}`)).text()).toBe('of the host');
    await api.drain();
  });

  it('whose body was read before is refused at once, and the log says why', async () => {
    const { said, log } = noted();
    const api = new HttpApi({ ...(await parts()), log });
    const { url } = await serve((request, response) => void request.resume().on('end', () => api.handle(request, response)));
    const ask = (method: string, path: string, body?: string) => fetch(`${url}${path}`, { method, headers: { authorization, 'content-type': 'application/json' }, ...(body !== undefined && { body }) });
    expect((await ask('POST', MAPS, JSON.stringify({ metadata: { name: 'x' } }))).status).toBe(500);
    expect(said).toEqual([expect.stringMatching(/The body was read before the handler/)]);
    // What has no body lost none.
    expect((await ask('GET', MAPS)).status).toBe(200);
    expect((await ask('DELETE', `${MAPS}/x`)).status).toBe(404);
  });

  it('whose client went before it came holds nothing', async () => {
    let asked = 0;
    const options = await parts();
    const count = (): number => (asked += 1);
    const transport: Transport = { request: (...given) => (count(), options.transport.request(...given)), watch: (...given) => (count(), options.transport.watch(...given)) };
    const api = new HttpApi({ ...options, transport });
    const came = new Promise<[IncomingMessage, ServerResponse]>((resolve) => void serve((...both) => resolve(both)).then(({ port }) => {
      const client = httpRequest({ host: '127.0.0.1', port, path: `${MAPS}?watch=true`, headers: { authorization }, agent: false }).on('error', () => {});
      client.end();
      void came.then(() => client.destroy());
    }));
    const [request, response] = await came;
    await once(response, 'close');
    api.handle(request, response);
    await api.drain();
    expect(asked).toBe(0);
  });
});

describe('an answer', () => {
  it('that does not come is cut off when it is taken out', async () => {
    let asked = false;
    const never = (): Promise<never> => ((asked = true), new Promise(() => {}));
    const options = await parts();
    const api = new HttpApi({ ...options, transport: { request: never, watch: (...given) => options.transport.watch(...given) }, limits: { drainMs: 50 } });
    const { url } = await serve(api.handle);
    const answer = fetch(`${url}${MAPS}`, { headers: { authorization } });
    answer.catch(() => {});
    await expect.poll(() => asked).toBe(true);
    await api.drain();
    await expect(answer).rejects.toThrow();
  });

  it('of a watch waits in pieces for a client that takes its time', async () => {
    const events: WatchEvent[] = Array.from({ length: 40 }, (_, i) => ({ type: 'ADDED', object: { apiVersion: 'v1', kind: ConfigMap.kind, metadata: { name: `big${i}`, resourceVersion: String(i) }, data: { x: 'x'.repeat(500_000) } } as never }));
    const options = await parts();
    const watch: Transport['watch'] = async function* (_request, signal) {
      yield events;
      await once(signal, 'abort');
    };
    const api = new HttpApi({ ...options, transport: { request: (...given) => options.transport.request(...given), watch } });
    let response: ServerResponse | undefined;
    const { port } = await serve((...both) => {
      response = both[1];
      api.handle(...both);
    });
    const client = httpRequest({ host: '127.0.0.1', port, path: `${MAPS}?watch=true`, headers: { authorization }, agent: false });
    client.end();
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    answer.on('error', () => {}).pause();
    await expect.poll(() => response?.writableNeedDrain).toBe(true);
    expect(response?.writableLength).toBeLessThan(1_000_000);
    answer.destroy();
    await api.drain();
  });
});
