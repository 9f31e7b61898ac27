import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Registry } from 'prom-client';
import type { Transport } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { staticTokens } from '../authenticators.js';
import type { HttpApiOptions } from '../http-api.js';
import { TestServer, TOKEN } from '../test/server.js';
import { FlowControl } from './flow-control.js';
import { classify, type ClassifiedBy } from './flow-schema.js';
import { TokenBuckets } from './token-buckets.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const OTHER = 'another-token-for-tests-012345';
const ADMIN = 'an-admins-token-for-tests-0123';
const authenticators = [
  staticTokens([
    { token: TOKEN, user: 'anna', groups: ['team'] },
    { token: OTHER, user: 'otto', groups: ['team'] },
    { token: ADMIN, user: 'root', groups: ['system:masters'] },
  ]),
];

let server = undefined as unknown as TestServer;
const start = async (options: Partial<HttpApiOptions> & { wrap?(transport: Transport): Transport }): Promise<void> => void (server = await TestServer.start({ authenticators, ...options }));
afterEach(async () => {
  await server?.stop();
  server = undefined as never;
});

describe('requests are classified as kube-apiserver does', () => {
  const of = (name: string, groups: string[], asked: Omit<ClassifiedBy, 'user'>) => classify({ user: { name, groups: [...groups, 'system:authenticated'] }, ...asked });
  const lease = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', namespace: 'kube-node-lease', name: 'n1' };
  const pods = { group: '', version: 'v1', resource: 'pods', namespace: 'shop' };
  it.each([
    ['root', ['system:masters'], { verb: 'list', ref: pods }, 'exempt', 'exempt'],
    ['anna', [], { verb: 'get', path: '/readyz' }, 'probes', 'exempt'],
    ['system:kube-scheduler', [], { verb: 'update', ref: lease }, 'system-leader-election', 'leader-election'],
    ['system:serviceaccount:shop:x', ['system:serviceaccounts'], { verb: 'get', ref: lease }, 'workload-leader-election', 'leader-election'],
    ['system:node:n1', ['system:nodes'], { verb: 'update', ref: lease }, 'system-node-high', 'node-high'],
    ['system:node:n1', ['system:nodes'], { verb: 'patch', ref: { ...pods, resource: 'nodes', namespace: undefined, subresource: 'status' } }, 'system-node-high', 'node-high'],
    ['system:node:n1', ['system:nodes'], { verb: 'list', ref: pods }, 'system-nodes', 'system'],
    ['system:kube-controller-manager', [], { verb: 'create', ref: pods }, 'kube-controller-manager', 'workload-high'],
    ['system:kube-scheduler', [], { verb: 'list', ref: pods }, 'kube-scheduler', 'workload-high'],
    ['system:serviceaccount:kube-system:x', ['system:serviceaccounts'], { verb: 'list', ref: pods }, 'kube-system-service-accounts', 'workload-high'],
    ['system:serviceaccount:shop:x', ['system:serviceaccounts'], { verb: 'list', ref: pods }, 'service-accounts', 'workload-low'],
    ['anna', [], { verb: 'list', ref: pods }, 'global-default', 'global-default'],
  ] as const)('%s %j %j: %s', (name, groups, asked, schema, level) => {
    expect(of(name, [...groups], asked as Omit<ClassifiedBy, 'user'>)).toMatchObject({ schema, level });
  });
  it('what nothing fits is caught', async () => {
    expect(classify({ user: { name: 'x', groups: [] }, verb: 'get', path: '/api' })).toEqual({ schema: 'catch-all', level: 'catch-all', flow: 'x' });
    await start({});
    const headers = (await server.ask('GET', MAPS)).headers;
    expect(headers['x-kubernetes-pf-flowschema-uid']).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(headers['x-kubernetes-pf-prioritylevel-uid']).not.toBe(headers['x-kubernetes-pf-flowschema-uid']);
    expect((await server.ask('GET', MAPS, { token: ADMIN })).headers['x-kubernetes-pf-flowschema-uid']).not.toBe(headers['x-kubernetes-pf-flowschema-uid']);
  });
});

describe('seats', () => {
  it('are waited for so long, and no longer', async () => {
    const clock = new VirtualClock();
    const flows = new FlowControl({ clock, seats: 1, queueLength: 2, queueMs: 15_000, registry: new Registry() });
    const [stays, leaves] = [new AbortController().signal, new AbortController()];
    const anna = { schema: 'global-default', level: 'global-default', flow: 'global-default/anna' };
    const giveBack = await flows.take(anna, 1, stays);
    const late = flows.take(anna, 1, stays).catch((error: unknown) => error);
    const left = flows.take(anna, 1, leaves.signal).catch((error: unknown) => error);
    await expect(flows.take(anna, 1, stays)).rejects.toMatchObject({ reason: 'TooManyRequests' });
    leaves.abort();
    expect(await left).toMatchObject({ reason: 'TooManyRequests' });
    await clock.advance(14_999);
    const next = flows.take(anna, 1, stays);
    await clock.advance(1);
    expect(await late).toMatchObject({ reason: 'TooManyRequests' });
    giveBack();
    (await next)();
    giveBack();
    expect(flows.flows).toBe(0);
  });

  it('of one client do not keep others out, and what waits too long in line is told when to come again', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    await start({ limits: { requests: 20, queueLength: 5 }, wrap: (inner) => ({ request: async (question, signal) => (question.user.name === 'anna' && (await gate), inner.request(question, signal)), watch: (...given) => inner.watch(...given) }) });
    const asked = Array.from({ length: 60 }, () => server.ask('GET', MAPS));
    await expect.poll(async () => (await server.ask('GET', '/metrics', { token: ADMIN })).text).toMatch(/apiserver_flowcontrol_current_inqueue_requests\{priority_level="global-default"\} 5\n/);
    expect((await server.ask('GET', MAPS, { token: OTHER })).code).toBe(200);
    expect((await server.ask('GET', MAPS, { token: ADMIN })).code).toBe(200);
    open();
    const answers = await Promise.all(asked);
    const refused = answers.filter(({ code }) => code === 429);
    expect(answers.filter(({ code }) => code === 200).length + refused.length).toBe(60);
    expect(refused.length).toBeGreaterThan(40);
    for (const { headers, body } of refused) expect([headers['retry-after'], headers['x-kubernetes-pf-prioritylevel-uid'], body.reason]).toEqual(['1', expect.any(String), 'TooManyRequests']);
    const { text } = await server.ask('GET', '/metrics');
    expect(text).toContain(`apiserver_flowcontrol_rejected_requests_total{priority_level="global-default",flow_schema="global-default",reason="queue-full"} ${refused.length}\n`);
    expect(text).toMatch(/apiserver_flowcontrol_dispatched_requests_total\{priority_level="global-default",flow_schema="global-default"\} \d/);
    expect(text).toMatch(/apiserver_flowcontrol_request_wait_duration_seconds_count\{execute="true",priority_level="global-default",flow_schema="global-default"\} \d|apiserver_flowcontrol_request_wait_duration_seconds_count\{priority_level="global-default",flow_schema="global-default",execute="true"\} \d/);
  });
});

describe('watches', () => {
  const watch = async (token: string, query = ''): Promise<IncomingMessage> => {
    const request = server.open({ path: `${MAPS}?watch=true${query}`, headers: { authorization: `Bearer ${token}` } });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response.resume();
  };
  it('have no seat after their beginning, and only so many for each user', async () => {
    await start({ limits: { requests: 1, watchesPerUser: 3 } });
    const open = [await watch(TOKEN), await watch(TOKEN), await watch(TOKEN, '&resourceVersion=0')];
    expect(open.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect((await watch(TOKEN)).statusCode).toBe(429);
    const other = await watch(OTHER);
    expect(other.statusCode).toBe(200);
    expect((await server.ask('GET', MAPS)).code).toBe(200);
    open[0]?.destroy();
    await expect.poll(async () => {
      const again = await watch(TOKEN);
      again.destroy();
      return again.statusCode;
    }).toBe(200);
    for (const one of [...open, other]) one.destroy();
  });
});

describe('rates', () => {
  it('of one user are bounded, where that is asked for', async () => {
    await start({ rates: { user: { perSecond: 0.01, burst: 3 } } });
    const codes = [];
    for (let i = 0; i < 5; i += 1) codes.push((await server.ask('GET', MAPS)).code);
    expect(codes).toEqual([200, 200, 200, 429, 429]);
    expect(Number((await server.ask('GET', MAPS)).headers['retry-after'])).toBeGreaterThan(50);
    expect((await server.ask('GET', MAPS, { token: OTHER })).code).toBe(200);
    for (let i = 0; i < 5; i += 1) expect((await server.ask('GET', MAPS, { token: ADMIN })).code).toBe(200);
  });

  it('of events are bounded in a namespace', async () => {
    await start({ rates: { events: { namespace: { perSecond: 0.01, burst: 2 } } } });
    const make = (namespace: string, i: number) => server.ask('POST', `/api/v1/namespaces/${namespace}/events`, { body: { metadata: { name: `e${i}` }, involvedObject: { namespace } } });
    await server.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'other' } } });
    expect([(await make('default', 1)).code, (await make('default', 2)).code]).toEqual([201, 201]);
    expect(await make('default', 3)).toMatchObject({ code: 429, body: { message: 'limit reached on type Namespace for key default', reason: 'TooManyRequests' } });
    expect((await make('other', 1)).code).toBe(201);
    expect((await server.ask('GET', '/api/v1/namespaces/default/events')).body.items).toHaveLength(2);
  });

  it('come back with time, and whoever has all of it is forgotten', () => {
    const buckets = new TokenBuckets({ perSecond: 10, burst: 2 }, 100);
    expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 0, 100]);
    expect([buckets.take('a', 50), buckets.take('a', 100), buckets.take('a', 100)]).toEqual([50, 0, 100]);
    buckets.take('b', 10_000);
    expect(buckets.size).toBe(1);
    for (let i = 0; i < 10_000; i += 1) buckets.take(`k${i}`, 10_000);
    expect(buckets.size).toBeLessThanOrEqual(101);
  });
});
