import { describe, expect, it } from 'vitest';
import { MemoryStore, memoryStore } from '@orrery/store-memory';
import { ConfigMap, createOrchestrator, Deployment, Namespace, Pod, type KubeObject } from './index.js';

const pod = (name: string): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image: 'x' }] } }) as Pod;

describe('an orchestrator with nothing but a store', () => {
  it('serves objects', async () => {
    const orchestrator = await createOrchestrator({ plugins: [memoryStore()] });
    await orchestrator.start();
    const { client } = orchestrator;
    const made = await client.kind(Pod).create(pod('a'));
    expect(made.metadata.uid).toMatch(/-/);
    expect(await client.kind(Pod).get({ name: 'a' })).toBe(made);
    expect((await client.kind(Namespace).list()).items.map((n) => n.metadata.name)).toContain('default');
    await client.kind(Pod).delete({ name: 'a' });
    expect(await client.kind(Pod).find({ name: 'a' })).toBeUndefined();
    await orchestrator.stop();
  });
});
void MemoryStore; void ConfigMap; void Deployment; type _K = KubeObject;
