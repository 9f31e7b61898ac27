import { type Client, type Clock, controllerOf, Deployment, Endpoints, EndpointSlice, type KindDefinition, Pod, ReplicaSet, Service, timeOfMillis } from '@orrery/core';
import { controllerConformance, type ControllerFixture, check } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { deploymentController, endpointsController, endpointSliceController, endpointSliceMirroringController, replicaSetController } from './index.js';
import { make } from './test-support/world.js';

const at = (name: string) => ({ namespace: 'default', name });
const template = (image = 'web:1') => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
const kindOf = (kind: unknown): KindDefinition => kind as KindDefinition;
const foreignOwner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'other', uid: 'other-uid', controller: true };
const time = timeOfMillis(Date.UTC(2026, 0, 1));

const replicaSet: ControllerFixture = {
  controller: () => replicaSetController(),
  seed: async (client) => {
    await client.kind(ReplicaSet).create(make({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: at('web'), spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template() } }));
  },
  changes: [
    { name: 'scaled to 7', run: (client) => client.kind(ReplicaSet).scale(at('web'), 7) },
    { name: 'scaled to 2', run: (client) => client.kind(ReplicaSet).scale(at('web'), 2) },
  ],
  check: async (client, changes) => {
    const wanted = [3, 7, 2][changes];
    check.equal((await pods(client)).length, wanted, 'Pods');
    check.equal((await client.kind(ReplicaSet).get(at('web'))).status?.replicas, wanted, 'status.replicas');
  },
  always: async (client) => check.that((await pods(client)).length <= 7, 'There are never more pods than were ever asked for.'),
  foreign: async (client) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...at('foreign'), labels: { app: 'web' }, ownerReferences: [foreignOwner] }, spec: template().spec };
    return [{ kind: kindOf(Pod), object: await client.kind(Pod).create(make(pod)) }];
  },
};

async function pods(client: Client): Promise<readonly Pod[]> {
  const { uid } = (await client.kind(ReplicaSet).get(at('web'))).metadata;
  return (await client.kind(Pod).list()).items.filter((pod) => controllerOf(pod)?.uid === uid);
}

const deployment: ControllerFixture = {
  controller: () => deploymentController(),
  seed: async (client) => {
    await client.kind(Deployment).create(make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: at('web'), spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: template() } }));
  },
  changes: [
    { name: 'another image', run: async (client) => void (await client.kind(Deployment).patch(at('web'), 'merge', { spec: { template: { spec: { containers: [{ name: 'c', image: 'web:2' }] } } } })) },
    { name: 'scaled to 6', run: (client) => client.kind(Deployment).scale(at('web'), 6) },
  ],
  // Every set has as many pods as it wants, all available.
  others: async (client) => {
    for (const set of await sets(client)) {
      const n = set.spec.replicas ?? 0;
      if (set.status?.replicas === n && set.status.observedGeneration === set.metadata.generation) continue;
      await client.kind(ReplicaSet).updateStatus({ ...set, status: { replicas: n, readyReplicas: n, availableReplicas: n, terminatingReplicas: 0, observedGeneration: set.metadata.generation ?? 0 } });
    }
  },
  check: async (client, changes) => {
    const wanted = [4, 4, 6][changes];
    const running = (await sets(client)).filter(({ spec }) => (spec.replicas ?? 0) > 0);
    check.equal(running.map(({ spec }) => [spec.replicas, spec.template.spec.containers?.[0]?.image]), [[wanted, changes === 0 ? 'web:1' : 'web:2']], 'The sets with pods');
    const { status } = await client.kind(Deployment).get(at('web'));
    check.equal([status?.updatedReplicas, status?.conditions?.find(({ type }) => type === 'Progressing')?.reason], [wanted, 'NewReplicaSetAvailable'], 'The status');
  },
  always: async (client) => check.that((await sets(client)).length <= 2, 'There is one set for each template.'),
  foreign: async (client) => {
    const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { ...at('foreign'), labels: { app: 'web' }, ownerReferences: [{ ...foreignOwner, kind: 'Deployment' }] }, spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: template() } };
    return [{ kind: kindOf(ReplicaSet), object: await client.kind(ReplicaSet).create(make(set)) }];
  },
};

async function sets(client: Client): Promise<readonly ReplicaSet[]> {
  const { uid } = (await client.kind(Deployment).get(at('web'))).metadata;
  return (await client.kind(ReplicaSet).list()).items.filter((set) => controllerOf(set)?.uid === uid);
}

const addPod = async (client: Client, name: string, ip: string): Promise<void> => {
  const pod = await client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { ...at(name), labels: { app: 'web' } }, spec: { nodeName: 'n1', ...template().spec } }));
  await client.kind(Pod).updateStatus({ ...pod, status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time }] } });
};
const endpointSlice: ControllerFixture = {
  controller: () => endpointSliceController(),
  seed: async (client) => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: at('web'), spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], publishNotReadyAddresses: true, selector: { app: 'web' }, ports: [{ port: 80 }] } };
    await client.kind(Service).create(make(service));
    await addPod(client, 'a', '10.1.0.1');
  },
  changes: [
    { name: 'a second pod', run: (client) => addPod(client, 'b', '10.1.0.2') },
    { name: 'the first is gone', run: async (client) => void (await client.kind(Pod).delete(at('a'), { gracePeriodSeconds: 0 })) },
  ],
  check: async (client, changes) => {
    const wanted = [['10.1.0.1'], ['10.1.0.1', '10.1.0.2'], ['10.1.0.2']][changes];
    const slices = (await client.kind(EndpointSlice).list()).items.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web');
    check.equal(slices.map(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses).sort()), [wanted], 'The slices');
  },
  foreign: foreignSlice,
};

async function foreignSlice(client: Client): Promise<readonly { readonly kind: KindDefinition; readonly object: EndpointSlice }[]> {
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...at('foreign'), labels: { 'kubernetes.io/service-name': 'elsewhere', 'endpointslice.kubernetes.io/managed-by': 'somebody' } }, addressType: 'IPv4', endpoints: [], ports: [] };
  return [{ kind: kindOf(EndpointSlice), object: await client.kind(EndpointSlice).create(make(slice)) }];
}

const endpoints: ControllerFixture = {
  ...endpointSlice,
  controller: () => endpointsController(),
  check: async (client, changes) => {
    const wanted = [['10.1.0.1'], ['10.1.0.1', '10.1.0.2'], ['10.1.0.2']][changes];
    const { subsets = [] } = await client.kind(Endpoints).get(at('web'));
    check.equal(subsets.map(({ addresses = [] }) => addresses.map(({ ip }) => ip)), [wanted], 'The addresses');
  },
  // Of a service without a selector: somebody's own.
  foreign: async (client) => {
    await client.kind(Service).create(make({ apiVersion: 'v1', kind: 'Service', metadata: at('own'), spec: { clusterIP: '10.0.0.2', ipFamilies: ['IPv4'], ports: [{ port: 80 }] } }));
    const own = { apiVersion: 'v1', kind: 'Endpoints', metadata: at('own'), subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }] };
    return [{ kind: kindOf(Endpoints), object: await client.kind(Endpoints).create(make(own)) }];
  },
};

const setAddresses = async (client: Client, ...ips: readonly string[]): Promise<void> => void (await client.kind(Endpoints).patch(at('db'), 'merge', { subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 5432 }] }] }));
const mirroring: ControllerFixture = {
  controller: () => endpointSliceMirroringController(),
  seed: async (client) => {
    await client.kind(Service).create(make({ apiVersion: 'v1', kind: 'Service', metadata: at('db'), spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], ports: [{ port: 5432 }] } }));
    await client.kind(Endpoints).create(make({ apiVersion: 'v1', kind: 'Endpoints', metadata: at('db'), subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432 }] }] }));
  },
  changes: [
    { name: 'a second address', run: (client) => setAddresses(client, '192.0.2.1', '192.0.2.2') },
    { name: 'another address', run: (client) => setAddresses(client, '192.0.2.3') },
  ],
  check: async (client, changes) => {
    const wanted = [['192.0.2.1'], ['192.0.2.1', '192.0.2.2'], ['192.0.2.3']][changes];
    const slices = (await client.kind(EndpointSlice).list()).items.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'db');
    check.equal(slices.map((slice) => slice.endpoints.map(({ addresses }) => addresses[0])), [wanted], 'The slices');
  },
  foreign: foreignSlice,
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('replicaset', () => ({ fixture: replicaSet, store }), { describe, it });
controllerConformance('deployment', () => ({ fixture: deployment, store }), { describe, it });
controllerConformance('endpointslice', () => ({ fixture: endpointSlice, store }), { describe, it });
controllerConformance('endpoints', () => ({ fixture: endpoints, store }), { describe, it });
controllerConformance('endpointslice-mirroring', () => ({ fixture: mirroring, store }), { describe, it });
