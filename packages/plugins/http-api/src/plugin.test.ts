import { createServer, type RequestListener } from 'node:http';
import { type Authorizer, Authenticators, Authorizers, createOrchestrator, definePlugin, type Orchestrator } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { httpApi } from './index.js';

// The plugin in an orchestrator.

const TOKEN = 'a-token-for-tests-0123456789';
const started: Orchestrator[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

async function start(options: Parameters<typeof httpApi>[0]): Promise<Orchestrator> {
  const orchestrator = await createOrchestrator({ plugins: [memoryStore(), httpApi(options)] });
  started.push(orchestrator);
  await orchestrator.start();
  return orchestrator;
}
const namespaces = (url: string) => fetch(`${url}/api/v1/namespaces`, { headers: { authorization: `Bearer ${TOKEN}` } });
const tokens = [{ token: TOKEN, user: 'anna' }];

/** A plugin that adds an authorizer, and an authenticator for one token; without it there is none. */
const guarded = (authorizer?: Authorizer) =>
  definePlugin({
    name: 'guard',
    setup: ({ add }) => {
      if (authorizer !== undefined) add(Authorizers, authorizer);
      add(Authenticators, { name: 'guard', authenticate: ({ token }) => (token === 'of-the-guard' ? { name: 'guard', groups: [], audiences: ['x'] } : undefined) });
    },
  })();

describe('plugins', () => {
  const ask = async (url: string, path: string, token: string): Promise<number> => (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status;
  const begin = async (plugins: Parameters<typeof createOrchestrator>[0]['plugins'], options: Parameters<typeof httpApi>[0] = {}): Promise<[string, Orchestrator]> => {
    let url = '';
    const orchestrator = await createOrchestrator({ plugins: [memoryStore(), ...plugins, httpApi({ port: 0, tokens, listening: (at) => (url = at), ...options })] });
    started.push(orchestrator);
    await orchestrator.start();
    return [url, orchestrator];
  };

  it('say who asks and what may be done', async () => {
    const [url] = await begin([guarded({ authorize: ({ user }) => ({ allowed: user.name === 'guard' && !('audiences' in user) }) })]);
    expect([await ask(url, '/api/v1/namespaces', 'of-the-guard'), await ask(url, '/api/v1/namespaces', TOKEN), await ask(url, '/api/v1/namespaces', 'of-nobody-that-is-known')]).toEqual([200, 403, 401]);
  });

  it('are asked after the option, which may also deny', async () => {
    const option: Authorizer = { authorize: ({ user, path }) => ({ allowed: user.name === 'anna', denied: path === '/version' }) };
    const [url] = await begin([guarded({ authorize: () => ({ allowed: true }) })], { authorizer: option });
    expect([await ask(url, '/api', TOKEN), await ask(url, '/api', 'of-the-guard'), await ask(url, '/version', TOKEN), await ask(url, '/version', 'of-the-guard')]).toEqual([200, 200, 403, 403]);
  });

  it('that go do not open the door to everybody', async () => {
    const [url, orchestrator] = await begin([guarded({ authorize: () => ({ allowed: false }) })]);
    expect(await ask(url, '/api', TOKEN)).toBe(403);
    await orchestrator.replace('guard', guarded());
    expect(await ask(url, '/api', TOKEN)).toBe(403);
    const [open, other] = await begin([guarded()]);
    expect(await ask(open, '/api', TOKEN)).toBe(200);
    await other.replace('guard', guarded({ authorize: () => ({ allowed: false }) }));
    expect(await ask(open, '/api', TOKEN)).toBe(403);
  });
});

describe('httpApi', () => {
  it('listens while the orchestrator runs', async () => {
    let url = '';
    const orchestrator = await start({ port: 0, tokens, listening: (at) => (url = at) });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await namespaces(url)).json()).toMatchObject({ kind: 'NamespaceList' });
    await orchestrator.stop();
    await expect(namespaces(url)).rejects.toThrow();
  });

  it('is mounted in a server of the host, and taken out again', async () => {
    let handle: RequestListener | undefined;
    const host = createServer((request, response) => (handle === undefined ? response.writeHead(503).end() : handle(request, response)));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(host.address() as { port: number }).port}`;
    const orchestrator = await start({
      tokens,
      basePath: '/k8s',
      mount: (given) => {
        handle = given;
        return () => (handle = undefined);
      },
    });
    expect((await namespaces(`${url}/k8s`)).status).toBe(200);
    expect((await namespaces(url)).status).toBe(404);
    await orchestrator.stop();
    expect((await namespaces(`${url}/k8s`)).status).toBe(503);
    host.closeAllConnections();
    await new Promise((resolve) => host.close(resolve));
  });

  it('leaves nothing open when the host fails at its address', async () => {
    let url = '';
    const listening = (at: string): void => {
      url = at;
      throw new Error('the host failed');
    };
    await expect(start({ port: 0, tokens, listening })).rejects.toThrow();
    await expect(namespaces(url)).rejects.toThrow();
  });

  it('says why it cannot start', async () => {
    let url = '';
    await start({ port: 0, tokens, listening: (at) => (url = at) });
    await expect(start({ port: Number(new URL(url).port), tokens })).rejects.toThrow(/Cannot listen on 127\.0\.0\.1 port \d+.*IN_USE/);
    started.splice(1);
    for (const wrong of [{ tokens: [{ token: 'short', user: 'anna' }] }, { basePath: 'k8s' }, { limits: { bodyDepth: 10_000 } }, { authorizer: {} }, { port: -1 }]) await expect(createOrchestrator({ plugins: [memoryStore(), httpApi(wrong as never)] })).rejects.toThrow(/OPTIONS_INVALID/);
    const short = await createOrchestrator({ plugins: [memoryStore(), httpApi({ tokens: [{ token: 'secret-short', user: 'anna' }] })] }).catch((error: unknown) => String(error));
    expect(short).not.toContain('secret-short');
  });
});
