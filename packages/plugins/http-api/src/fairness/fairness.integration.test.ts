import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { staticTokens } from '../authenticators.js';
import { TestServer, TOKEN } from '../test/server.js';

// Real connections and real time: one client asks for everything with two hundred connections, another for one object.

const MAPS = '/api/v1/namespaces/default/configmaps';
const POLITE = 'another-token-for-tests-012345';
const CONNECTIONS = 200;
const ASKED = 60;

/** In a thread of its own: reading so much would keep the other client busy too. Says so when the first lists are there. */
const GREEDY = `
const { request, Agent } = require('node:http');
const { workerData: { port, path, token, connections }, parentPort } = require('node:worker_threads');
const agent = new Agent({ keepAlive: true, maxSockets: connections });
let lists = 0;
const next = () => request({ host: '127.0.0.1', port, path, agent, headers: { authorization: 'Bearer ' + token } }, (response) => response.resume().on('close', () => {
  if ((lists += 1) === 5) parentPort.postMessage('busy');
  next();
})).on('error', () => undefined).end();
for (let i = 0; i < connections; i += 1) next();
`;

let server: TestServer;
afterEach(() => server.stop());

/** How long the answers of the polite client take, in milliseconds, in order of length. `shared`: both are one user. */
async function whileFlooded(shared: boolean): Promise<readonly number[]> {
  const users = [TOKEN, POLITE].map((token, i) => ({ token, user: shared || i === 0 ? 'greedy' : 'polite', groups: ['team'] }));
  server = await TestServer.start({ authenticators: [staticTokens(users)] });
  for (let i = 0; i < 3_000; i += 1) await server.server.request({ verb: 'create', user: { name: 'test', groups: ['system:masters'] }, ref: { group: '', version: 'v1', resource: 'configmaps', namespace: 'default' }, body: { metadata: { name: `m${i}` }, data: { x: 'x'.repeat(200) } } });
  // So that the server knows how long the list is.
  expect((await server.ask('GET', MAPS, { token: POLITE })).body.items).toHaveLength(3_000);
  const greedy = new Worker(GREEDY, { eval: true, workerData: { port: server.port, path: MAPS, token: TOKEN, connections: CONNECTIONS } });
  await once(greedy, 'message');
  const took: number[] = [];
  for (let i = 0; i < (shared ? 2 : ASKED); i += 1) {
    const began = performance.now();
    const { code } = await server.ask('GET', `${MAPS}/m${i}`, { token: POLITE });
    expect(code).toBe(200);
    took.push(performance.now() - began);
  }
  await greedy.terminate();
  return took.sort((a, b) => a - b);
}

describe('one client with two hundred connections', () => {
  it('does not keep another from being answered', async () => {
    const took = await whileFlooded(false);
    // About 55 ms on the machine it was written on; a hundred lists at once took four seconds.
    expect(took.at(-2)).toBeLessThan(800);
  }, 30_000);

  it('would, if all were one flow', async () => {
    expect((await whileFlooded(true))[0]).toBeGreaterThan(1_200);
  }, 30_000);
});
