import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortRoute } from '../contracts/proxy.js';
import type { EndpointSlice } from '../model/kinds/endpointslice.js';
import type { Service } from '../model/kinds/service.js';
import { keyOf } from '../model/object.js';
import { RouteTracker, routesOf } from './route-tracker.js';

const service = (name: string, spec: Partial<Service['spec']> = {}, labels: Record<string, string> = {}): Service =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: `uid-${name}`, labels }, spec: { clusterIP: '127.200.0.1', clusterIPs: ['127.200.0.1'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec } }) as Service;

interface SliceSpec {
  readonly of?: string;
  readonly ports?: EndpointSlice['ports'];
  readonly endpoints?: EndpointSlice['endpoints'];
  readonly addressType?: string;
}

const slice = (name: string, { of = 'web', ports = [{ name: 'http', port: 8080, protocol: 'TCP' }], endpoints = [], addressType = 'IPv4' }: SliceSpec): EndpointSlice =>
  ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'default', labels: of === '' ? {} : { 'kubernetes.io/service-name': of } }, addressType, ports, endpoints }) as EndpointSlice;

const at = (ip: string, conditions: EndpointSlice['endpoints'][number]['conditions'] = { ready: true }): EndpointSlice['endpoints'][number] => ({ addresses: [ip], conditions });
const places = (route: ServicePortRoute | undefined): string[] => (route?.endpoints ?? []).map(({ ip, port }) => `${ip}:${port}`);

describe('routes of a service', () => {
  it('take target ports from the slices, by the name and protocol of the port', () => {
    const web = service('web', { ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' }, { name: 'dns', port: 53, protocol: 'UDP' }] });
    const first = slice('s1', { ports: [{ name: 'http', port: 8080, protocol: 'TCP' }, { name: 'dns', port: 5353, protocol: 'UDP' }], endpoints: [at('10.0.0.1')] });
    const second = slice('s2', { ports: [{ name: 'http', port: 9090, protocol: 'TCP' }, { name: 'dns', port: 1, protocol: 'TCP' }], endpoints: [at('10.0.0.2')] });
    const [http, dns] = routesOf(web, [first, second]);
    expect([http?.id, http?.protocol, places(http)]).toEqual(['default/web:http', 'TCP', ['10.0.0.1:8080', '10.0.0.2:9090']]);
    expect([dns?.id, dns?.protocol, places(dns)]).toEqual(['default/web:dns', 'UDP', ['10.0.0.1:5353']]);
  });

  it('count an endpoint of several slices once, at its best', () => {
    const slices = [slice('s1', { endpoints: [at('10.0.0.1', { ready: false, serving: true, terminating: true })] }), slice('s2', { endpoints: [at('10.0.0.1'), { addresses: [] }] })];
    for (const order of [slices, slices.toReversed()]) {
      expect(routesOf(service('web'), order)[0]?.endpoints).toEqual([{ ip: '10.0.0.1', port: 8080, ready: true, serving: true, terminating: false }]);
    }
  });

  it('take unknown conditions as ready, and keep node, zone and hints', () => {
    const one = { addresses: ['10.0.0.1'], nodeName: 'n1', zone: 'z1', hints: { forZones: [{ name: 'z1' }] } };
    expect(routesOf(service('web'), [slice('s1', { endpoints: [one] })])[0]?.endpoints).toEqual([
      { ip: '10.0.0.1', port: 8080, ready: true, serving: true, terminating: false, nodeName: 'n1', zone: 'z1', hintsForZones: ['z1'] },
    ]);
  });

  it('leave out slices of a family that the service has no address of', () => {
    expect(places(routesOf(service('web'), [slice('s1', { addressType: 'IPv6', endpoints: [at('fd00::1')] })])[0])).toEqual([]);
  });

  it('carry affinity, policies, node port and the addresses of load balancers', () => {
    const balanced: Service = {
      ...service('web', { type: 'LoadBalancer', sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } }, externalTrafficPolicy: 'Local', ports: [{ name: 'http', port: 80, nodePort: 30_080 }] }),
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2', ipMode: 'Proxy' }, { hostname: 'x' }] } },
    };
    expect(routesOf(balanced, [])[0]).toMatchObject({
      nodePort: 30_080,
      sessionAffinity: { type: 'ClientIP', timeoutSeconds: 60 },
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Local',
      loadBalancerIPs: ['192.0.2.1'],
    });
  });

  it('say whether its requests are held', () => {
    const plain = service('web');
    const holding = { ...plain, metadata: { ...plain.metadata, annotations: { 'autoscaling.orrery.dev/hold-requests': 'true' } } };
    expect(routesOf(holding, [])[0]?.holdsRequests).toBe(true);
    expect(routesOf(plain, [])[0]).not.toHaveProperty('holdsRequests');
  });
});

describe('the tracker', () => {
  it('routes neither headless services, nor external names, nor those of other proxies', () => {
    const tracker = new RouteTracker();
    tracker.service(service('headless', { clusterIP: 'None', clusterIPs: ['None'] }));
    tracker.service(service('external', { type: 'ExternalName' }));
    tracker.service(service('addressless', { clusterIP: '', clusterIPs: [] }));
    tracker.service(service('foreign', {}, { 'service.kubernetes.io/service-proxy-name': 'other' }));
    expect(tracker.take()).toEqual({ upserts: [], removes: [] });
  });

  it('tells what changed, and that alone', () => {
    const tracker = new RouteTracker();
    tracker.service(service('web'));
    tracker.service(service('other', { clusterIP: '127.200.0.2', clusterIPs: ['127.200.0.2'] }));
    tracker.slice(slice('s1', { endpoints: [at('10.0.0.1')] }));
    expect(tracker.take().upserts.map(({ id }) => id)).toEqual(['default/web:http', 'default/other:http']);
    tracker.service(service('web', {}, { a: 'label that is no business of the proxy' }));
    expect([tracker.pending, tracker.take()]).toEqual([true, { upserts: [], removes: [] }]);
    tracker.slice(slice('s1', { endpoints: [at('10.0.0.1'), at('10.0.0.2')] }));
    const { upserts, removes } = tracker.take();
    expect([upserts.map(places), removes]).toEqual([[['10.0.0.1:8080', '10.0.0.2:8080']], []]);
    tracker.service(service('web', { ports: [{ name: 'new', port: 81 }] }));
    expect(tracker.take()).toMatchObject({ upserts: [{ id: 'default/web:new' }], removes: ['default/web:http'] });
    tracker.serviceGone(service('web'));
    expect(tracker.take()).toEqual({ upserts: [], removes: ['default/web:new'] });
    expect(tracker.pending).toBe(false);
  });

  it('follows a slice that moves to another service, and one that loses its label', () => {
    const tracker = new RouteTracker();
    for (const name of ['web', 'other']) tracker.service(service(name));
    tracker.slice(slice('s1', { endpoints: [at('10.0.0.1')] }));
    tracker.take();
    tracker.slice(slice('s1', { of: 'other', endpoints: [at('10.0.0.1')] }));
    expect(new Map(tracker.take().upserts.map((route) => [route.id, places(route)]))).toEqual(new Map([['default/web:http', []], ['default/other:http', ['10.0.0.1:8080']]]));
    tracker.slice(slice('s1', { of: '', endpoints: [at('10.0.0.1')] }));
    expect(tracker.take().upserts.map(places)).toEqual([[]]);
  });

  it('comes to the same as computing everything anew, whatever the order', () => {
    const names = ['a', 'b', 'c'];
    const step = fc.oneof(
      fc.record({ op: fc.constant('service' as const), name: fc.constantFrom(...names), port: fc.constantFrom(80, 81), headless: fc.boolean() }),
      fc.record({ op: fc.constant('service gone' as const), name: fc.constantFrom(...names) }),
      fc.record({ op: fc.constant('slice' as const), name: fc.constantFrom('s1', 's2', 's3'), of: fc.constantFrom(...names, ''), ips: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']), ready: fc.boolean() }),
      fc.record({ op: fc.constant('slice gone' as const), name: fc.constantFrom('s1', 's2', 's3') }),
      fc.record({ op: fc.constant('take' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const tracker = new RouteTracker();
        const services = new Map<string, Service>();
        const slices = new Map<string, EndpointSlice>();
        const told = new Map<string, ServicePortRoute>();
        const take = (): void => {
          const { upserts, removes } = tracker.take();
          for (const id of removes) expect(told.delete(id)).toBe(true);
          for (const route of upserts) told.set(route.id, route);
        };
        for (const one of steps) {
          if (one.op === 'service') {
            const address = one.headless ? 'None' : '127.200.0.1';
            const made = service(one.name, { clusterIP: address, clusterIPs: [address], ports: [{ name: 'http', port: one.port, protocol: 'TCP' }] });
            services.set(keyOf(made), made);
            tracker.service(made);
          } else if (one.op === 'service gone') {
            services.delete(`default/${one.name}`);
            tracker.serviceGone(service(one.name));
          } else if (one.op === 'slice') {
            const made = slice(one.name, { of: one.of, endpoints: one.ips.map((ip) => at(ip, { ready: one.ready })) });
            slices.set(one.name, made);
            tracker.slice(made);
          } else if (one.op === 'slice gone') {
            slices.delete(one.name);
            tracker.sliceGone(slice(one.name, {}));
          } else take();
        }
        take();
        const wanted = [...services.values()].flatMap((one) => {
          if (one.spec.clusterIP === 'None') return [];
          return routesOf(one, [...slices.values()].filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === one.metadata.name));
        });
        expect(told).toEqual(new Map(wanted.map((route) => [route.id, route])));
      }),
    );
  });
});
