import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Container, ProbeHandler, Runtime } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { NetworkProber, type ProbeResult } from './prober.js';

const open: (Server | Http2Server)[] = [];
afterEach(() => open.splice(0).forEach((server) => server.close()));
const listen = async (server: Server | Http2Server): Promise<number> => {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const prober = new NetworkProber({} as Runtime);
const ask = (handler: ProbeHandler, signal: AbortSignal = AbortSignal.timeout(5_000)): Promise<ProbeResult> =>
  prober.probe({ pod: podOf({}), container: { name: 'main' } as Container, containerId: 'c', podIP: '127.0.0.1' }, handler, 'liveness', signal);

/** A health service that says what the asked service's name says. */
const health = (answer: (service: string, stream: ServerHttp2Stream) => void): Promise<number> => {
  const server = createHttp2();
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      expect(headers[':path']).toBe('/grpc.health.v1.Health/Check');
      answer(Buffer.concat(chunks).subarray(7).toString(), stream);
    });
  });
  return listen(server);
};
const reply = (stream: ServerHttp2Stream, message: readonly number[], status = '0'): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  stream.end(message.length === 0 ? undefined : Buffer.from([0, 0, 0, 0, message.length, ...message]));
};

describe('gRPC probes', () => {
  const grpc = (port: number, service?: string): ProbeHandler => ({ grpc: { port, ...(service !== undefined && { service }) } }) as ProbeHandler;

  it('ask the health service by name', async () => {
    const long = 'x'.repeat(200);
    const port = await health((service, stream) => reply(stream, service === '' || service.endsWith('x') ? [8, 1] : service === 'none' ? [8, 3] : [8, 2]));
    expect(await ask(grpc(port))).toEqual({ ok: true, message: '' });
    expect((await ask(grpc(port, long))).ok).toBe(true);
    expect(await ask(grpc(port, 'sick'))).toEqual({ ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
    expect(await ask(grpc(port, 'none'))).toEqual({ ok: false, message: 'service unhealthy (responded with "SERVICE_UNKNOWN")' });
  });

  it('fail on everything else, and in time', async () => {
    expect((await ask(grpc(await health((_service, stream) => reply(stream, [], '12'))))).message).toContain('does not implement the grpc health protocol');
    expect((await ask(grpc(await health((_service, stream) => reply(stream, [], '14'))))).message).toContain('grpc status 14');
    expect((await ask(grpc(await health((_service, stream) => reply(stream, [9, 9, 9]))))).ok).toBe(false);
    expect((await ask(grpc(await listen(createHttp((_request, response) => void response.end('hello')))))).ok).toBe(false);
    expect(await ask(grpc(await health(() => undefined)), AbortSignal.timeout(100))).toEqual({ ok: false, message: 'no answer in time' });
    const closed = createHttp();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    expect((await ask(grpc(port))).message).toContain('ECONNREFUSED');
  });
});

describe('HTTP probes', () => {
  it('follow redirects on the same host, and no others', async () => {
    const port = await listen(
      createHttp((request, response) => {
        const target: Record<string, string> = { '/local': '/bad', '/away': 'http://127.0.0.2:1/', '/loop': '/loop', '/good': '/ok?x=1' };
        const location = target[request.url ?? ''];
        response.writeHead(location !== undefined ? 302 : request.url === '/bad' ? 500 : 200, location === undefined ? {} : { location });
        response.end(request.headers['user-agent']);
      }),
    );
    const get = (path: string): Promise<ProbeResult> => ask({ httpGet: { port, path } });
    expect((await get('ok')).ok).toBe(true);
    expect((await get('/good')).ok).toBe(true);
    expect(await get('/local')).toEqual({ ok: false, message: 'HTTP probe failed with statuscode: 500' });
    expect((await get('/away')).ok).toBe(true);
    expect((await get('/loop')).message).toBe('stopped after 10 redirects');
    expect((await ask({ httpGet: { port, path: '//127.0.0.2:1/x' } })).ok).toBe(true);
  });
});
