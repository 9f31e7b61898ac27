import { ConfigMap, Namespace, Pod, ServiceAccount } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { namespaces } from '../namespace/plugin.js';
import { make, World } from '../test-support/world.js';
import { serviceAccounts } from './plugin.js';

let world: World;
afterEach(() => world?.stop());

const pod = (namespace: string, spec: object = {}): Pod => make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'p-', namespace }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });

describe('service accounts', () => {
  it('a pod may follow its namespace at once, and gets the account and its secrets', async () => {
    world = await World.start([serviceAccounts()]);
    await world.client.kind(Namespace).create(make<Namespace>({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new' }, spec: {} }));
    const made = await world.client.kind(Pod).create(pod('new'));
    expect(made.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
    await world.client.kind(ServiceAccount).create(make<ServiceAccount>({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'new' }, imagePullSecrets: [{ name: 's' }] }));
    expect((await world.client.kind(Pod).create(pod('new', { serviceAccountName: 'robot' }))).spec).toMatchObject({ serviceAccountName: 'robot', imagePullSecrets: [{ name: 's' }] });
  });

  it('refuses an account that does not exist', async () => {
    world = await World.start([serviceAccounts()]);
    await expect(world.client.kind(Pod).create(pod('default', { serviceAccountName: 'nobody' }))).rejects.toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining('error looking up service account default/nobody: serviceaccount "nobody" not found') as string,
    });
  });

  it('makes the account and the certificates again, but not in a namespace that ends', async () => {
    world = await World.start([serviceAccounts({ rootCa: 'PEM' }), namespaces()]);
    const maps = world.client.kind(ConfigMap);
    const ref = { namespace: 'default', name: 'kube-root-ca.crt' };
    await world.until(async () => (await maps.find(ref))?.data?.['ca.crt'] === 'PEM');
    await maps.delete(ref);
    await world.client.kind(ServiceAccount).delete({ namespace: 'default', name: 'default' });
    await world.until(async () => (await maps.find(ref)) !== undefined && (await world.client.kind(ServiceAccount).find({ namespace: 'default', name: 'default' })) !== undefined);
    await maps.update({ ...(await maps.get(ref)), data: { 'ca.crt': 'changed' } });
    await world.until(async () => (await maps.get(ref)).data?.['ca.crt'] === 'PEM');
    await world.client.kind(Namespace).create(make<Namespace>({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short' }, spec: {} }));
    await world.until(async () => (await maps.find({ ...ref, namespace: 'short' })) !== undefined);
    await world.client.kind(Namespace).delete({ name: 'short' });
    await world.until(async () => (await world.client.kind(Namespace).find({ name: 'short' })) === undefined, 'it goes');
  });
});
