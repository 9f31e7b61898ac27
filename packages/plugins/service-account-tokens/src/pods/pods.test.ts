import { ApiError, Pod } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../test/cluster.js';
import { ACCOUNT_FOLDER } from './token-volume.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.client.apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'shy', namespace: 'default' }, automountServiceAccountToken: false }]);
});
afterAll(() => cluster.stop());

let made = 0;
const make = (spec: object = {}, metadata: object = {}): Promise<Pod> =>
  cluster.client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p-${(made += 1)}`, namespace: 'default', ...metadata }, spec: { containers: [{ name: 'main', image: 'x' }], ...spec } } as unknown as Pod);
const mountsOf = ({ spec: { initContainers = [], containers } }: Pod): (string | undefined)[] => [...initContainers, ...containers].map(({ volumeMounts = [] }) => volumeMounts.find(({ mountPath }) => mountPath === ACCOUNT_FOLDER)?.name);

describe('a new pod', () => {
  it('is given the token of its account, in all containers', async () => {
    const pod = await make({ initContainers: [{ name: 'first', image: 'x' }], volumes: [{ name: 'own', emptyDir: {} }] });
    const name = pod.spec.volumes?.[1]?.name ?? '';
    expect(name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(pod.spec.volumes?.[1]).toEqual({
      name,
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
        ],
      },
    });
    expect([pod.spec.serviceAccountName, ...mountsOf(pod)]).toEqual(['default', name, name]);
    expect(pod.spec.containers[0]?.volumeMounts).toEqual([{ name, readOnly: true, mountPath: ACCOUNT_FOLDER }]);
  });

  it('is given none when it or its account say so, the pod before the account', async () => {
    for (const spec of [{ automountServiceAccountToken: false }, { serviceAccountName: 'shy' }]) expect((await make(spec)).spec.volumes ?? []).toEqual([]);
    expect(mountsOf(await make({ serviceAccountName: 'shy', automountServiceAccountToken: true }))).toEqual([expect.stringMatching(/^kube-api-access-/)]);
  });

  it('keeps what it has mounted there itself', async () => {
    const own = { name: 'main', image: 'x', volumeMounts: [{ name: 'mine', mountPath: ACCOUNT_FOLDER }] };
    const volumes = [{ name: 'mine', emptyDir: {} }];
    expect((await make({ containers: [own], volumes })).spec.volumes).toEqual(volumes);
    const mixed = await make({ containers: [own, { name: 'side', image: 'x' }], volumes });
    expect(mountsOf(mixed)).toEqual(['mine', mixed.spec.volumes?.[1]?.name]);
    const again = await make({ volumes: [{ name: 'kube-api-access-mine', emptyDir: {} }] });
    expect([again.spec.volumes?.length, mountsOf(again)]).toEqual([1, ['kube-api-access-mine']]);
  });

  it('that only shows what runs on a node is left as it is', async () => {
    const pod = await make({ nodeName: 'n1' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    expect([pod.spec.volumes ?? [], mountsOf(pod)]).toEqual([[], [undefined]]);
  });

  it('whose account is not there is refused as without tokens', async () => {
    await expect(make({ serviceAccountName: 'none' })).rejects.toSatisfy((error) => ApiError.is(error, 'Forbidden') && error.message.includes('serviceaccount "none" not found'));
  });
});
