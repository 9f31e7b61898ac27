import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { fakeEngine, json } from '../test/fake-engine.js';
import type { FakeEngine } from '../test/fake-engine.js';
import { dialStream } from './dial.js';
import { Engine } from './engine.js';
import { boundedWords, engineError } from './errors.js';

const never = new AbortController().signal;
let server: FakeEngine | undefined;
let engine: Engine | undefined;

afterEach(async () => {
  engine?.close();
  await server?.close();
  delete process.env['DOCKER_HOST'];
});

async function linked(answer: Parameters<typeof fakeEngine>[0], options: ConstructorParameters<typeof Engine>[0] = {}): Promise<Engine> {
  server = await fakeEngine(answer);
  engine = new Engine({ socketPath: server.socketPath, ...options });
  return engine;
}

const inspect = (link: Engine, signal = never): Promise<unknown> => link.call('inspect', signal, (docker, abortSignal) => docker.getContainer('a').inspect({ abortSignal }), { idempotent: true });
const logs = (link: Engine): Promise<Readable> => link.open('log', new AbortController().signal, (docker, abortSignal) => dialStream<Readable>(docker, { method: 'GET', path: '/containers/a/logs', query: { follow: true }, abortSignal }));

describe('calls', () => {
  it.each([
    [400, 'INVALID'], [404, 'NOT_FOUND'], [409, 'CONFLICT'], [403, 'FORBIDDEN'], [500, 'UNAVAILABLE'], [503, 'UNAVAILABLE'],
  ])('%i of the engine is %s, with its words', async (status, code) => {
    const link = await linked((_, response) => json(response, status, { message: 'its own words' }));
    await expect(inspect(link)).rejects.toMatchObject({ code, message: expect.stringContaining('its own words'), details: { status } });
  });

  it('an engine that does not answer is TIMEOUT, one that is not there UNAVAILABLE', async () => {
    const link = await linked(() => undefined, { callTimeoutMs: 50 });
    await expect(inspect(link)).rejects.toMatchObject({ code: 'TIMEOUT' });
    const absent = new Engine({ socketPath: '/no/such/socket' });
    await expect(inspect(absent)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { sent: false } });
    absent.close();
  });

  it('abort and close end a call at once, and nothing can be called after', async () => {
    const link = await linked(() => undefined);
    const abort = new AbortController();
    const [one, two] = [inspect(link, abort.signal), inspect(link)];
    const told = [expect(one).rejects.toMatchObject({ code: 'ABORTED' }), expect(two).rejects.toMatchObject({ code: 'CLOSED' })];
    abort.abort();
    link.close();
    await Promise.all(told);
    await expect(inspect(link)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('a lost answer is asked for again only where that does no harm', async () => {
    const link = await linked((request, response) => (server?.requests.length === 1 || request.line.startsWith('POST') ? response.destroy() : json(response, 200, { Id: 'a' })));
    expect(await inspect(link)).toEqual({ Id: 'a' });
    await expect(link.call('start', never, (docker, abortSignal) => docker.getContainer('a').start({ abortSignal }))).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { sent: true } });
    expect(server?.requests.filter(({ line }) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('the environment does not redirect it', async () => {
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
    const link = await linked((_, response) => json(response, 200, { Id: 'here' }));
    expect(await inspect(link)).toEqual({ Id: 'here' });
  });
});

describe('streams', () => {
  it('a hundred open streams do not hold up a call', async () => {
    const link = await linked((request, response) => {
      if (request.line.includes('/logs')) response.writeHead(200).flushHeaders();
      else json(response, 200, { Id: 'a' });
    });
    await Promise.all(Array.from({ length: 100 }, () => logs(link)));
    expect(await inspect(link)).toEqual({ Id: 'a' });
  });

  it('a stream to an engine that no longer answers ends with UNAVAILABLE', async () => {
    const link = await linked((request, response) => void (request.line.includes('/logs') && response.writeHead(200).flushHeaders()), { watchMs: 20 });
    const stream = await logs(link);
    const waiting = link.wait('wait', never, (docker, abortSignal) => docker.getContainer('a').wait({ abortSignal }));
    const told = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect((async () => { for await (const chunk of stream) void chunk; })()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await told;
  });

  it('a stream to an engine that answers stays, however silent', async () => {
    let pings = 0;
    const link = await linked((request, response) => {
      if (request.line.includes('/logs')) response.writeHead(200).flushHeaders();
      else if (++pings < 4) response.writeHead(200).end('OK');
      else response.writeHead(200).end('OK', () => void stream.then((open) => open.destroy()));
    }, { watchMs: 10 });
    const stream = logs(link);
    const open = await stream;
    await new Promise((resolve) => open.once('close', resolve));
    expect(pings).toBeGreaterThanOrEqual(4);
    expect(open.errored).toBeNull();
  });

  it('closing ends streams', async () => {
    const link = await linked((_, response) => response.writeHead(200).flushHeaders());
    const stream = await logs(link);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    link.close();
    await closed;
  });
});

describe('words of the engine', () => {
  it('are bounded and hold no credentials', () => {
    const words = boundedWords(`Get "https://user:hunter2@registry/v2/?access_token=abc&scope=x": Authorization: Bearer abcdefghijklmnop ${'x'.repeat(10_000)}`);
    expect(words).not.toMatch(/hunter2|abc|user:/);
    expect(words).toContain('scope=x');
    expect(words.length).toBeLessThanOrEqual(1_024);
  });

  it('keep the error of the engine, not of the driver', () => {
    const error = Object.assign(new Error('(HTTP code 404) no such container - No such container: x '), { statusCode: 404, json: { message: 'No such container: x' } });
    expect(engineError('inspect', error).message).toContain('inspect: the engine says: No such container: x [');
  });
});
