import type { Endpoints, EndpointSlice, Service } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { planMirror } from './plan.js';

const service = (selector?: object): Service => make({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' }, spec: { ports: [{ port: 80 }], ...(selector && { selector }) } });
const endpoints = (subsets: object[], more: object = {}): Endpoints => make({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 's', namespace: 'default', uid: 'e', ...more }, subsets });
const subset = { addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 8080, protocol: 'TCP' }] };
const named = (slices: readonly EndpointSlice[]): EndpointSlice[] => slices.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `s-${i}` } }));

describe('Endpoints that somebody wrote', () => {
  it('become slices, one for each family and set of ports', () => {
    const { create } = planMirror({ service: service(), endpoints: endpoints([subset, { addresses: [{ ip: '192.0.2.3' }], ports: [{ port: 9090, protocol: 'UDP' }] }], { labels: { tier: 'db' }, annotations: { a: '1', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } }), slices: [] });
    expect(create.map(({ addressType, ports, endpoints: all }) => [addressType, ports[0]?.port, all.map(({ addresses, conditions }) => [addresses[0], conditions?.ready])])).toEqual([
      ['IPv4', 8080, [['192.0.2.1', true], ['192.0.2.2', false]]],
      ['IPv6', 8080, [['2001:db8::1', true]]],
      ['IPv4', 9090, [['192.0.2.3', true]]],
    ]);
    expect(create[0]?.metadata).toMatchObject({ generateName: 's-', labels: { tier: 'db', 'kubernetes.io/service-name': 's', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' }, annotations: { a: '1' }, ownerReferences: [{ kind: 'Endpoints', name: 's', uid: 'e' }] });
    expect(create[0]?.metadata.annotations).toEqual({ a: '1' });
  });

  it('that change change the slices in place, and nothing is planned for nothing', () => {
    const slices = named(planMirror({ service: service(), endpoints: endpoints([subset]), slices: [] }).create);
    expect(planMirror({ service: service(), endpoints: endpoints([subset]), slices })).toEqual({ create: [], update: [], remove: [] });
    const changed = planMirror({ service: service(), endpoints: endpoints([{ ...subset, addresses: [{ ip: '192.0.2.9' }] }]), slices });
    expect([changed.create.length, changed.update.map(({ metadata, endpoints: all }) => [metadata.name, all.map(({ addresses }) => addresses[0])]), changed.remove.map(({ addressType }) => addressType)]).toEqual([0, [['s-0', ['192.0.2.9', '192.0.2.2']]], ['IPv6']]);
  });

  it('are left alone where the service has a selector, is gone, or they say so; what was made is taken away', () => {
    const slices = named(planMirror({ service: service(), endpoints: endpoints([subset]), slices: [] }).create);
    const skipped = endpoints([subset], { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } });
    for (const view of [{ service: undefined, endpoints: endpoints([subset]) }, { service: service({ app: 'x' }), endpoints: endpoints([subset]) }, { service: service(), endpoints: undefined }, { service: service(), endpoints: skipped }]) {
      expect(planMirror({ ...view, slices })).toEqual({ create: [], update: [], remove: slices });
    }
  });
});
