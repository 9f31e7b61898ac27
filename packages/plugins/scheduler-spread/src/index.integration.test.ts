import { type FilterPlugin, type KubeObject, Node, NodeFilters, type Orchestrator, Pod, StatefulSet, createOrchestrator, definePlugin } from '@orrery/core';
import { binPacking } from '@orrery/scheduler-bin-packing';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, expect, it, vi } from 'vitest';
import { spread } from './index.js';

let orchestrator: Orchestrator | undefined;

afterEach(async () => {
  await orchestrator?.stop();
  orchestrator = undefined;
});

const ZONE = 'topology.kubernetes.io/zone';

async function started(...plugins: Parameters<typeof createOrchestrator>[0]['plugins']): Promise<Orchestrator> {
  const made = await createOrchestrator({ plugins: [memoryStore(), ...plugins] });
  orchestrator = made;
  await made.start();
  for (let i = 0; i < 6; i++) {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: `n${i}`, labels: { 'kubernetes.io/hostname': `n${i}`, [ZONE]: `z${i % 3}` } }, spec: {}, status: { allocatable: { cpu: '8', memory: '16Gi', pods: '20' } } };
    const created = await made.client.kind(Node).create(node as unknown as Node);
    await made.client.kind(Node).updateStatus({ ...created, status: node.status } as unknown as Node);
  }
  return made;
}

async function place(on: Orchestrator, names: readonly string[], spec: object = {}, metadata: object = {}): Promise<string[]> {
  for (const name of names) {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'web' }, ...metadata }, spec: { containers: [{ name: 'c', image: 'busybox', resources: { requests: { cpu: '500m', memory: '1Gi' } } }], ...spec } };
    await on.client.kind(Pod).create(pod as unknown as Pod);
  }
  return vi.waitFor(async () => {
    const nodes = await Promise.all(names.map(async (name) => (await on.client.kind(Pod).get({ namespace: 'default', name })).spec.nodeName ?? ''));
    expect(nodes).not.toContain('');
    return nodes;
  }, 5_000);
}

const named = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

it('spreads pods of one service over zones and hosts', async () => {
  const on = await started(spread());
  await on.client.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } });
  expect(new Set(await place(on, named('p', 6))).size).toBe(6);
});

it('spreads pods of one StatefulSet, though one node has far more room than the others', async () => {
  const on = await started(spread());
  const busy = { containers: [{ name: 'c', image: 'busybox', resources: { requests: { cpu: '5', memory: '10Gi' } } }] };
  for (const n of [1, 2, 3, 4, 5]) await place(on, [`busy${n}`], { ...busy, nodeName: `n${n}` }, { labels: { app: 'other' } });
  expect(new Set(await place(on, named('alone', 3), {}, { labels: { app: 'alone' } }))).toEqual(new Set(['n0']));
  const template = { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  const { metadata } = await on.client.kind(StatefulSet).create({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'default' }, spec: { serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template } });
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: metadata.uid, controller: true }];
  expect(new Set(await place(on, named('db-', 3), {}, { labels: { app: 'db' }, ownerReferences })).size).toBe(3);
});

it('packs, and spreads from the next decision on when the profile is replaced', async () => {
  const on = await started(binPacking());
  expect(new Set(await place(on, named('packed', 6))).size).toBe(1);
  await on.replace('scheduler-bin-packing', spread());
  expect(new Set(await place(on, named('spread', 5))).size).toBe(5);
});

it('explains, with the filter of a third party, and binds when that filter is gone', async () => {
  const picky: FilterPlugin = { name: 'Picky', filter: () => ({ ok: false, reasons: ['node(s) not to my taste'], retryWhen: 'never' }) };
  const taste = definePlugin({ name: 'taste', setup: ({ add }) => add(NodeFilters, picky) });
  const on = await started(spread(), taste());
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  await on.client.kind(Pod).create(pod as unknown as Pod);
  const condition = await vi.waitFor(async () => {
    const found = (await on.client.kind(Pod).get({ namespace: 'default', name: 'p' })).status?.conditions?.find(({ type }) => type === 'PodScheduled');
    expect(found?.status).toBe('False');
    return found;
  });
  expect(condition).toMatchObject({ reason: 'Unschedulable', message: '0/6 nodes are available: 6 node(s) not to my taste.' });
  await on.replace('taste', definePlugin({ name: 'taste', setup: () => undefined })());
  const bound: KubeObject = await vi.waitFor(async () => {
    const found = await on.client.kind(Pod).get({ namespace: 'default', name: 'p' });
    expect(found.spec.nodeName).toMatch(/^n\d$/);
    expect(found.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.status).toBe('True');
    return found;
  }, 5_000);
  expect(bound.metadata.name).toBe('p');
});
