import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { staticTokens } from './authenticators.js';
import { TestServer, TOKEN } from './test/server.js';

// Ten thousand watchers, none of which reads: from another process, so that what is measured here is the server.

const MAPS = '/api/v1/namespaces/default/configmaps';
const OTHER = 'another-token-for-tests-012345';
const WATCHERS = 10_000;
const [EVENTS, BYTES] = [6, 1_000];
/** What one watcher that reads nothing may cost, all in all: its connection, its request and what is on its way. Measured: about 50 KiB. */
const EACH = 100 * 1024;

/** Opens watches and reads nothing but that they are there. Tells how many were granted. */
const BOMB = `
const { connect } = require('node:net');
const { port, path, token, watchers } = JSON.parse(process.argv[1]);
let [begun, answered, granted] = [0, 0, 0];
const open = () => {
  if (begun === watchers) return;
  begun += 1;
  const socket = connect(port, '127.0.0.1', () => socket.write('GET ' + path + ' HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer ' + token + '\\r\\n\\r\\n'));
  socket.on('error', () => {}).once('data', (head) => {
    socket.pause();
    answered += 1;
    if (String(head).startsWith('HTTP/1.1 200')) granted += 1;
    if (answered === watchers) process.send({ granted });
    open();
  });
};
for (let i = 0; i < 300; i += 1) open();
process.once('disconnect', () => process.exit(0));
`;

let server: TestServer;
beforeAll(async () => {
  const users = [TOKEN, OTHER].map((token, i) => ({ token, user: `user-${i}`, groups: ['team'] }));
  server = await TestServer.start({ authenticators: [staticTokens(users)], limits: { watches: WATCHERS + 10, watchesPerUser: WATCHERS } });
});
afterAll(() => server.stop());

it('ten thousand watchers of which none reads cost bounded memory, and others are served meanwhile', async () => {
  const before = process.memoryUsage.rss();
  const asked = JSON.stringify({ port: server.port, path: `${MAPS}?watch=true&allowWatchBookmarks=true`, token: TOKEN, watchers: WATCHERS });
  const child = spawn(process.execPath, ['-e', BOMB, asked], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [{ granted }] = (await once(child, 'message')) as [{ granted: number }];
  expect(granted).toBe(WATCHERS);
  // The same user has no more; others have.
  expect((await server.ask('GET', `${MAPS}?watch=true`)).code).toBe(429);
  const reader = server.open({ path: `${MAPS}?watch=true&resourceVersion=0`, headers: { authorization: `Bearer ${OTHER}` } });
  reader.end();
  const [response] = (await once(reader, 'response')) as [IncomingMessage];
  let lines = 0;
  response.on('data', (chunk: Buffer) => (lines += chunk.toString().split('\n').length - 1));
  const took: number[] = [];
  for (let i = 0; i < EVENTS; i += 1) {
    const began = performance.now();
    expect((await server.ask('POST', MAPS, { token: OTHER, body: { metadata: { name: `m${i}` }, data: { x: 'x'.repeat(BYTES) } } })).code).toBe(201);
    expect((await server.ask('GET', `${MAPS}/m${i}`, { token: OTHER })).code).toBe(200);
    took.push(performance.now() - began);
  }
  await expect.poll(() => lines, { timeout: 20_000 }).toBeGreaterThanOrEqual(EVENTS);
  const more = process.memoryUsage.rss() - before;
  expect(more, `${Math.round(more / 2 ** 20)} MiB more for ${WATCHERS} watchers, ${Math.round(more / WATCHERS)} bytes each`).toBeLessThan(WATCHERS * EACH);
  const slowest = Math.max(...took);
  expect(slowest, `the slowest of ${EVENTS} writes with a read took ${Math.round(slowest)} ms`).toBeLessThan(5_000);
  response.destroy();
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
  // What they held is free again.
  await expect.poll(async () => {
    const next = server.open({ path: `${MAPS}?watch=true`, headers: { authorization: `Bearer ${TOKEN}` } });
    next.end();
    const [answer] = (await once(next, 'response')) as [IncomingMessage];
    answer.destroy();
    return answer.statusCode;
  }, { timeout: 20_000 }).toBe(200);
}, 60_000);
