import { Client, ConfigMap, createOrchestrator, Role } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { expect, it } from 'vitest';
import { aggregation } from './index.js';

const kube = { namespace: 'kube-system' } as const;
const trust = { ca: 'front-authority', clientCa: 'client-authority', current: () => ({ key: '', cert: '' }) };

it('servers behind the front door are told whom to trust, and have a role by which they may read it', async () => {
  await using orchestrator = await createOrchestrator({ plugins: [memoryStore(), aggregation({ frontProxy: trust })] });
  await orchestrator.start();
  const client = orchestrator.get(Client);
  expect((await client.kind(ConfigMap).get({ ...kube, name: 'extension-apiserver-authentication' })).data).toMatchObject({ 'client-ca-file': 'client-authority', 'requestheader-client-ca-file': 'front-authority' });
  expect((await client.kind(Role).get({ ...kube, name: 'extension-apiserver-authentication-reader' })).rules).toEqual([{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['extension-apiserver-authentication'] }]);
});
