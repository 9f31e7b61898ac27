import { type Clock, ConfigMap, type KindDefinition, Namespace, ServiceAccount } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { make } from '../test-support/world.js';
import { namespaceDefaultsController, ROOT_CA_MAP } from './controller.js';

const CA = 'certificate';
const place = { namespace: 'team', name: 'default' };
const map = { namespace: 'team', name: ROOT_CA_MAP };

const defaults: ControllerFixture = {
  controller: () => namespaceDefaultsController({ rootCa: CA }),
  seed: async (client) => void (await client.kind(Namespace).create(make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' }, spec: {} }))),
  changes: [
    { name: 'the account is deleted', run: async (client) => void (await client.kind(ServiceAccount).delete(place)) },
    { name: 'somebody changes the certificates', run: async (client) => void (await client.kind(ConfigMap).patch(map, 'merge', { data: { 'ca.crt': 'forged' } })) },
  ],
  check: async (client) => {
    const account = await client.kind(ServiceAccount).find(place);
    check.equal(account?.metadata.name, 'default', 'The account');
    check.equal((await client.kind(ConfigMap).find(map))?.data, { 'ca.crt': CA }, 'The certificates');
  },
  foreign: async (client) => {
    const other = make<ServiceAccount>({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'other' } });
    return [{ kind: ServiceAccount as unknown as KindDefinition, object: await client.kind(ServiceAccount).create(other) }];
  },
};

const store = (clock: Clock) => new MemoryStore({ clock });
controllerConformance('namespace-defaults', () => ({ fixture: defaults, store }), { describe, it });
