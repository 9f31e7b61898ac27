import { describe, expect, it } from 'vitest';
import type { Service, ServiceSpec } from '../kinds/service.js';
import { prepareServiceUpdate } from './service-update.js';

const ALLOCATED = { type: 'NodePort', clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', externalTrafficPolicy: 'Cluster', ports: [{ name: 'a', port: 80, protocol: 'TCP', nodePort: 30_080 }] };
const BALANCED = { ...ALLOCATED, type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31_000, allocateLoadBalancerNodePorts: true, loadBalancerClass: 'example.com/x' };

function updated(old: Partial<ServiceSpec>, next: Partial<ServiceSpec>): ServiceSpec {
  const service = (spec: Partial<ServiceSpec>): Service => structuredClone({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec }) as Service;
  const draft = service(next);
  prepareServiceUpdate(draft, service(old));
  return draft.spec;
}

describe('an update of a service', () => {
  it('keeps what was allocated and is not named', () => {
    const ports = [{ name: 'a', port: 80, protocol: 'TCP' }];
    expect(updated(ALLOCATED, { type: 'NodePort', externalTrafficPolicy: 'Cluster', ports })).toEqual(ALLOCATED);
    const { healthCheckNodePort: _, ...rest } = BALANCED;
    expect(updated(BALANCED, rest).healthCheckNodePort).toBe(31_000);
  });

  it('does not keep a node port that another port now asks for', () => {
    const ports = [{ name: 'a', port: 80, protocol: 'TCP' }, { name: 'b', port: 81, protocol: 'TCP', nodePort: 30_080 }];
    expect(updated(ALLOCATED, { ...ALLOCATED, ports }).ports).toEqual(ports);
  });

  it('leaves a changed address to validation', () => {
    expect(updated(ALLOCATED, { ...ALLOCATED, clusterIP: '10.0.0.2' }).clusterIPs).toEqual(['10.0.0.2']);
  });

  it('drops what the new type does not have, if it was left as it was', () => {
    const plain = updated(BALANCED, { ...BALANCED, type: 'ClusterIP' });
    expect(plain).toMatchObject({ clusterIP: '10.0.0.1', ports: [{ name: 'a', port: 80, protocol: 'TCP' }] });
    for (const field of ['externalTrafficPolicy', 'healthCheckNodePort', 'allocateLoadBalancerNodePorts', 'loadBalancerClass']) expect(plain).not.toHaveProperty(field);
    expect(plain.ports?.[0]).not.toHaveProperty('nodePort');
    const external = updated(ALLOCATED, { ...ALLOCATED, type: 'ExternalName', externalName: 'example.org' });
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) expect(external).not.toHaveProperty(field);
  });

  it('keeps what does not fit the new type but was changed: validation has to report it', () => {
    const ports = [{ name: 'a', port: 80, protocol: 'TCP', nodePort: 30_081 }];
    expect(updated(ALLOCATED, { ...ALLOCATED, type: 'ClusterIP', ports }).ports).toEqual(ports);
    expect(updated(ALLOCATED, { ...ALLOCATED, type: 'ExternalName', clusterIP: '10.0.0.9', clusterIPs: ['10.0.0.9'] }).clusterIP).toBe('10.0.0.9');
  });
});
