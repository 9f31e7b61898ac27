import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer, TOKEN } from './test/server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

const metrics = async (): Promise<Map<string, number>> => {
  const { text } = await server.ask('GET', '/metrics');
  return new Map(text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [[line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const])));
};
const total = (labels: string, code: number): string => `apiserver_request_total{${labels},component="apiserver",code="${code}"}`;
const of = (verb: string, scope: string, subresource = ''): string => `verb="${verb}",group="",version="v1",resource="configmaps",subresource="${subresource}",scope="${scope}"`;

it('requests are counted by what they were about and how they were answered, in words of which there are only so many', async () => {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } };
  await server.ask('POST', MAPS, { body });
  await server.ask('POST', MAPS, { body });
  await server.ask('GET', `${MAPS}/m`);
  await server.ask('GET', MAPS);
  await server.ask('GET', '/api/v1/configmaps');
  await server.ask('DELETE', `${MAPS}/m`);
  for (let i = 0; i < 20; i += 1) {
    await server.ask('GET', `/api/v1/made-up-${i}`);
    await server.ask('GET', `${MAPS}/m/part-${i}`);
  }
  const watching = server.open({ path: `${MAPS}?watch=true`, headers: { authorization: `Bearer ${TOKEN}` } });
  watching.end();
  const [response] = (await once(watching, 'response')) as [IncomingMessage];
  const seen = await metrics();
  expect(seen.get(total(of('POST', 'namespace'), 201))).toBe(1);
  expect(seen.get(total(of('POST', 'namespace'), 409))).toBe(1);
  expect(seen.get(total(of('GET', 'resource'), 200))).toBe(1);
  expect(seen.get(total(of('LIST', 'namespace'), 200))).toBe(1);
  expect(seen.get(total(of('LIST', 'cluster'), 200))).toBe(1);
  expect(seen.get(total(of('DELETE', 'resource'), 200))).toBe(1);
  expect(seen.get(total('verb="",group="",version="",resource="",subresource="",scope=""', 404))).toBe(20);
  expect([...seen.keys()].join('\n')).not.toMatch(/made-up|part-/);
  expect(seen.get(`apiserver_longrunning_requests{${of('WATCH', 'namespace')},component="apiserver"}`)).toBe(1);
  expect(seen.get('apiserver_current_inflight_requests{request_kind="mutating"}')).toBe(0);
  expect(seen.get(`apiserver_request_duration_seconds_count{${of('POST', 'namespace')},component="apiserver"}`)).toBe(2);
  expect(seen.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  response.destroy();
  await expect.poll(async () => (await metrics()).get(`apiserver_longrunning_requests{${of('WATCH', 'namespace')},component="apiserver"}`)).toBe(0);
});

it('only those who may are told', async () => {
  expect((await server.ask('GET', '/metrics', { headers: { authorization: 'Bearer nobody-knows-this-token' } })).code).toBe(401);
  const closed = await TestServer.start({ authorizer: { authorize: () => ({ allowed: false }) } });
  expect((await closed.ask('GET', '/metrics')).code).toBe(403);
  await closed.stop();
});
