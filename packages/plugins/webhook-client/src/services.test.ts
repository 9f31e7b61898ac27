import { createOrchestrator, EndpointSlice, Informers, type Orchestrator, Service } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClusterServices } from './services.js';

let orchestrator: Orchestrator;
let services: ClusterServices;
beforeEach(async () => {
  orchestrator = await createOrchestrator({ plugins: [memoryStore()] });
  await orchestrator.start();
  services = new ClusterServices(orchestrator.get(Informers));
  await services.synced(new AbortController().signal);
});
afterEach(() => orchestrator.stop());

const service = (name: string, spec: object) => orchestrator.client.kind(Service).create({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec } as Service);
const slice = (name: string, of: string, ports: object[], endpoints: object[]) =>
  orchestrator.client.kind(EndpointSlice).create({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, labels: { 'kubernetes.io/service-name': of } }, addressType: 'IPv4', ports, endpoints } as EndpointSlice);
const resolve = (name: string, port = 443): unknown => {
  try {
    return services.resolve('default', name, port);
  } catch (error) {
    return (error as Error).message;
  }
};

it('finds the ready endpoints of a port of a Service', async () => {
  expect(resolve('hook')).toBe('service "hook" not found');
  await service('hook', { ports: [{ name: 'web', port: 80 }, { name: 'tls', port: 443 }] });
  await expect.poll(() => resolve('hook')).toBe('no endpoints available for service "hook"');
  expect(resolve('hook', 444)).toBe('no service port 444 found for service "hook"');
  const ports = [{ name: 'web', port: 8080 }, { name: 'tls', port: 8443 }];
  await slice('a', 'hook', ports, [{ addresses: ['10.0.0.1'], conditions: { ready: true } }, { addresses: ['10.0.0.2'], conditions: { ready: false } }]);
  await slice('b', 'hook', ports, [{ addresses: ['10.0.0.3'] }]);
  await slice('c', 'other', ports, [{ addresses: ['10.0.0.4'] }]);
  await expect.poll(() => resolve('hook')).toEqual(expect.arrayContaining([{ host: '10.0.0.1', port: 8443 }, { host: '10.0.0.3', port: 8443 }]));
  expect(resolve('hook')).toHaveLength(2);
  await service('away', { type: 'ExternalName', externalName: 'hook.example.com' });
  await expect.poll(() => resolve('away')).toEqual([{ host: 'hook.example.com', port: 443 }]);
});
