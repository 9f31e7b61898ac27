import type { Endpoints, Pod, Service } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { planEndpoints } from './plan.js';
import { type Offer, subsetsOf, truncated } from './subsets.js';

const service = (spec: object = {}, labels?: Record<string, string>): Service =>
  make({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default', uid: 'u', ...(labels && { labels }) }, spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], selector: { app: 'x' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], ...spec } });
const pod = (id: number, { ready = true, more = {}, deleted = false, ports = [] as object[] } = {}): Pod =>
  make({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${id}`, namespace: 'default', uid: `u${id}`, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x', ports }], ...more },
    status: { podIP: `10.1.0.${id}`, podIPs: [{ ip: `10.1.0.${id}` }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
const planned = (to: Service, ...pods: readonly Pod[]): Endpoints => planEndpoints({ service: to, pods, current: undefined }) as Endpoints;
const said = ({ subsets = [] }: Endpoints): unknown => subsets.map(({ addresses, notReadyAddresses, ports }) => [addresses?.map(({ ip }) => ip), notReadyAddresses?.map(({ ip }) => ip), ports?.map(({ port }) => port)]);

describe('the Endpoints of a service', () => {
  it('say which pods are ready under which ports', () => {
    expect(said(planned(service(), pod(1), pod(2, { ready: false })))).toEqual([[['10.1.0.1'], ['10.1.0.2'], [8080]]]);
    expect(planned(service(), pod(1)).subsets?.[0]?.addresses?.[0]).toEqual({ ip: '10.1.0.1', nodeName: 'n', targetRef: { kind: 'Pod', namespace: 'default', name: 'p1', uid: 'u1' } });
    // A named port may have another number in each pod.
    const named = service({ ports: [{ name: 'web', port: 80, targetPort: 'web', protocol: 'TCP' }] });
    expect(said(planned(named, pod(1, { ports: [{ name: 'web', containerPort: 8081 }] }), pod(2, { ports: [{ name: 'web', containerPort: 8082 }] }), pod(3)))).toEqual([[['10.1.0.1'], undefined, [8081]], [['10.1.0.2'], undefined, [8082]]]);
    const two = service({ ports: [{ name: 'a', port: 80, targetPort: 1, protocol: 'TCP' }, { name: 'b', port: 81, targetPort: 2, protocol: 'TCP' }] });
    expect(said(planned(two, pod(1), pod(2)))).toEqual([[['10.1.0.1', '10.1.0.2'], undefined, [1, 2]]]);
  });

  it('have pods that are ending or not ready only where that is asked for', () => {
    expect(said(planned(service(), pod(1, { deleted: true })))).toEqual([]);
    expect(said(planned(service({ publishNotReadyAddresses: true }), pod(1, { deleted: true, ready: false })))).toEqual([[['10.1.0.1'], undefined, [8080]]]);
  });

  it('of a headless service have no ports when it has none, and its hostnames', () => {
    const headless = service({ clusterIP: 'None', ports: [] });
    const endpoints = planned(headless, pod(1, { more: { hostname: 'h', subdomain: 's' } }));
    expect(endpoints.subsets).toEqual([{ addresses: [expect.objectContaining({ ip: '10.1.0.1', hostname: 'h' })] }]);
    expect(endpoints.metadata.labels).toEqual({ 'service.kubernetes.io/headless': '', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    expect(said(planned(service({ ports: [] }), pod(1)))).toEqual([]);
  });

  it('are not written again for nothing, and lose and get labels with the service', () => {
    const first = planned(service({}, { a: '1' }), pod(1));
    expect(first.metadata.labels).toEqual({ a: '1', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    expect(planEndpoints({ service: service({}, { a: '1' }), pods: [pod(1)], current: first, triggerTime: '2026-01-01T00:00:00Z' })).toBeUndefined();
    expect(planEndpoints({ service: service({}, { b: '1' }), pods: [pod(1)], current: first })?.metadata.labels).toEqual({ b: '1', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    expect(planEndpoints({ service: service(), pods: [pod(1), pod(2)], current: first, triggerTime: '2026-01-01T00:00:00Z' })?.metadata.annotations).toEqual({ 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' });
  });

  it('of very many pods show a thousand, those that are ready first, and say so', () => {
    const many = Array.from({ length: 1_100 }, (_, i) => ({ ...pod(i, { ready: i >= 500 }), status: { podIP: `10.1.${i >> 8}.${i & 255}`, podIPs: [{ ip: `10.1.${i >> 8}.${i & 255}` }], conditions: [{ type: 'Ready', status: i >= 500 ? 'True' : 'False' }] } }) as Pod);
    const endpoints = planned(service(), ...many);
    expect([endpoints.subsets?.[0]?.addresses?.length, endpoints.subsets?.[0]?.notReadyAddresses?.length]).toEqual([600, 400]);
    expect(endpoints.metadata.annotations).toEqual({ 'endpoints.kubernetes.io/over-capacity': 'truncated' });
    expect(planEndpoints({ service: service(), pods: many, current: endpoints })).toBeUndefined();
    expect(planEndpoints({ service: service(), pods: many.slice(500), current: endpoints })?.metadata.annotations).toEqual({});
  });
});

describe('subsets', () => {
  const offer = fc.record({ address: fc.integer({ min: 1, max: 5 }).map((n) => ({ ip: `10.0.0.${n}` })), ready: fc.boolean(), port: fc.option(fc.integer({ min: 1, max: 4 }).map((port) => ({ port, protocol: 'TCP' })), { nil: undefined }) });
  // One answer for each address and port: the last.
  const facts = (offers: readonly Offer[]): readonly string[] => [...new Map(offers.map(({ address, ready, port }) => [`${address.ip}:${port?.port ?? ''}`, ready]))].map(([at, ready]) => `${at} ${ready}`).sort();

  it('say what was offered, once, in whatever order it came, and cut says no more', () => {
    fc.assert(
      fc.property(fc.uniqueArray(offer, { maxLength: 20, selector: ({ address, port }) => `${address.ip} ${port?.port}` }), fc.integer({ min: 0, max: 6 }), (offers, max) => {
        const subsets = subsetsOf(offers);
        const told = subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [undefined] }) =>
          [...addresses.map(({ ip }) => [ip, true] as const), ...notReadyAddresses.map(({ ip }) => [ip, false] as const)].flatMap(([ip, ready]) => ports.map((port) => `${ip}:${port?.port ?? ''} ${ready}`)));
        expect(told.sort()).toEqual(facts(offers));
        expect(subsetsOf(offers.toReversed())).toEqual(subsets);
        const cut = truncated(subsets, max) ?? subsets;
        const count = cut.reduce((sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length, 0);
        expect(count).toBeLessThanOrEqual(Math.max(max, cut === subsets ? count : 0));
      }),
    );
  });
});
