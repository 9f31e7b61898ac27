import type { RouteEndpoint, ServicePortRoute } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { Balancer } from './balancer.js';
import { endpointKey, planListeners } from './plan.js';

const at = (ip: string, more: Partial<RouteEndpoint> = {}): RouteEndpoint => ({ ip, port: 80, ready: true, serving: true, terminating: false, ...more });

const route = (ips: readonly (string | RouteEndpoint)[], more: Partial<ServicePortRoute> = {}): ServicePortRoute => ({
  id: 'default/web:',
  service: { namespace: 'default', name: 'web', uid: '1' },
  portName: '',
  protocol: 'TCP',
  clusterIPs: ['127.200.0.1'],
  port: 80,
  externalIPs: [],
  loadBalancerIPs: [],
  sessionAffinity: { type: 'None' },
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  endpoints: ips.map((ip) => (typeof ip === 'string' ? at(ip) : ip)),
  ...more,
});

const STICKY = { sessionAffinity: { type: 'ClientIP', timeoutSeconds: 10 } } as const;

function balancer(first: ServicePortRoute, nodeName?: string) {
  const time = { now: 0 };
  const made = new Balancer(first, { nodeName, nodeAddresses: [] }, { monotonic: () => time.now });
  const pick = (client = 'c', tried?: Set<string>) => made.pick('internal', { remoteAddress: client }, tried)?.ip;
  return { made, time, pick };
}

describe('the balancer', () => {
  it('goes round, exactly evenly, also past those that were tried', () => {
    const { pick } = balancer(route(['a', 'b', 'c']));
    expect(Array.from({ length: 7 }, () => pick())).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
    expect(pick('c', new Set([endpointKey(at('b'))]))).toBe('c');
    expect(pick('c', new Set(['a', 'b', 'c'].map((ip) => endpointKey(at(ip)))))).toBeUndefined();
  });

  it('keeps clients for the affinity time, counted from their last connection', () => {
    const { pick, time } = balancer(route(['a', 'b'], STICKY));
    expect([pick('x'), pick('y'), pick('x'), pick('y')]).toEqual(['a', 'b', 'a', 'b']);
    time.now = 9_000;
    expect(pick('x')).toBe('a');
    time.now = 18_000;
    expect(pick('x')).toBe('a');
    expect(pick('x', new Set([endpointKey(at('a'))]))).toBe('b');
    expect(pick('x')).toBe('b');
    time.now = 28_001;
    expect([pick('x'), pick('z')]).toEqual(['a', 'b']);
  });

  it('keeps the place in the round and the affinity through changes, and moves whom it must', () => {
    const { made, pick } = balancer(route(['a', 'b', 'c'], STICKY));
    expect([pick('x'), pick('y')]).toEqual(['a', 'b']);
    made.update(route(['b', 'c'], STICKY));
    expect([pick('y'), pick('x')]).toEqual(['b', 'b']);
    made.update(route(['b', 'c']));
    expect(new Set([pick('x'), pick('x')])).toEqual(new Set(['b', 'c']));
  });

  it('has policies of their own for connections from inside and from outside', () => {
    const { made } = balancer(route([at('a', { nodeName: 'n1' }), at('b', { nodeName: 'n2' })], { externalTrafficPolicy: 'Local' }), 'n1');
    expect(made.eligible('internal').map(({ ip }) => ip)).toEqual(['a', 'b']);
    expect(made.eligible('external').map(({ ip }) => ip)).toEqual(['a']);
  });
});

describe('the plan of listeners', () => {
  const place = { nodeName: 'n1', nodeAddresses: ['127.0.0.1', '127.0.0.2'] };

  it('opens cluster addresses and node ports where there is an endpoint to offer', () => {
    const keys = (one: ServicePortRoute): string[] => planListeners(one, place).map(({ key, origin }) => `${key} ${origin}`);
    expect(keys(route(['a'], { nodePort: 30_080 }))).toEqual(['TCP 127.200.0.1 80 internal', 'TCP 127.0.0.1 30080 external', 'TCP 127.0.0.2 30080 external']);
    expect(keys(route([at('a', { nodeName: 'n2' })], { nodePort: 30_080, externalTrafficPolicy: 'Local' }))).toEqual(['TCP 127.200.0.1 80 internal']);
    expect(keys(route([]))).toEqual([]);
    expect(keys(route(['a'], { protocol: 'SCTP' }))).toEqual([]);
  });

  it('takes all endpoints for local where it knows no node', () => {
    const local = route([at('a', { nodeName: 'n2' })], { internalTrafficPolicy: 'Local' });
    expect(planListeners(local, { nodeAddresses: [] })).toHaveLength(1);
    expect(planListeners(local, place)).toHaveLength(0);
  });
});
