import { type Client, ConfigMap, createOrchestrator, type Orchestrator, type Pod, Secret, silentLogger, systemClock } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { podOf } from '../test/build.js';
import { ReferenceWatches } from './reference-watches.js';
import { referencesOf } from './references.js';

describe('what a pod refers to', () => {
  it('is found wherever it stands, each once', () => {
    const pod = podOf({
      initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'a' } }, { secretRef: { name: 's' } }] }],
      containers: [{ name: 'c', env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'a', key: 'k' } } }, { name: 'Y', valueFrom: { secretKeyRef: { name: 't', key: 'k' } } }, { name: 'Z', value: 'plain' }] }],
      volumes: [{ name: 'v', configMap: { name: 'b' } }, { name: 'w', secret: { secretName: 's' } }, { name: 'p', projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: 'u' } }, { downwardAPI: {} }] } }, { name: 'e', emptyDir: {} }],
    });
    expect(referencesOf(pod).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).sort()).toEqual([
      'ConfigMap default/a', 'ConfigMap default/b', 'ConfigMap default/c', 'Secret default/s', 'Secret default/t', 'Secret default/u',
    ]);
  });
});

describe('watches of what pods refer to', () => {
  let orchestrator: Orchestrator;
  let watches: ReferenceWatches;
  beforeEach(async () => {
    orchestrator = await createOrchestrator({ plugins: [memoryStore()] });
    await orchestrator.start();
    watches = new ReferenceWatches({ client: orchestrator.client, clock: systemClock, log: silentLogger });
  });
  afterEach(async () => {
    await watches.close();
    await orchestrator.stop();
  });
  const using = (name: string, uid = 'u-1'): Pod => podOf({ volumes: [{ name: 'v', configMap: { name } }] }, { metadata: { name: 'pod', namespace: 'default', uid } });
  const put = (name: string, more: object = {}) => orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, ...more } as ConfigMap);
  const change = (name: string, data: Record<string, string>) => orchestrator.client.kind(ConfigMap).patch({ namespace: 'default', name }, 'merge', { data });

  it('tell of what appears and changes, and of nothing else', async () => {
    const told = vi.fn();
    watches.follow(using('conf'), told);
    await put('other');
    await orchestrator.client.kind(Secret).create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'conf', namespace: 'default' } } as Secret);
    await put('conf');
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    await change('conf', { a: '1' });
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2));
    await orchestrator.client.kind(ConfigMap).delete({ namespace: 'default', name: 'conf' });
    await put('conf');
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(3));
  });

  it('are shared, and end with the last who is interested', async () => {
    await put('conf');
    const [one, two] = [vi.fn(), vi.fn()];
    const [leaveOne, leaveTwo] = [watches.follow(using('conf', 'a'), one), watches.follow(using('conf', 'b'), two)];
    expect(watches.size).toBe(1);
    await vi.waitFor(() => expect(two).toHaveBeenCalled());
    leaveOne();
    leaveOne();
    const before = one.mock.calls.length;
    await change('conf', { a: '1' });
    await vi.waitFor(() => expect(two).toHaveBeenCalledTimes(2));
    expect(one).toHaveBeenCalledTimes(before);
    leaveTwo();
    expect(watches.size).toBe(0);
  });

  it('what never changes is told once and watched no further', async () => {
    await put('conf', { immutable: true });
    let open = 0;
    const client = { kind: (kind: typeof ConfigMap) => ({ watch: async function* (options: object, signal: AbortSignal) { open += 1; try { yield* orchestrator.client.kind(kind).watch(options, signal); } finally { open -= 1; } } }) } as unknown as Client;
    watches = new ReferenceWatches({ client, clock: systemClock, log: silentLogger });
    const told = vi.fn();
    watches.follow(using('conf'), told);
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    await vi.waitFor(() => expect(open).toBe(0));
  });

  it('a watch that breaks off is taken up again, and what was missed is told', async () => {
    await put('conf');
    let breaks = 1;
    const client = {
      kind: (kind: typeof ConfigMap) => ({
        watch: async function* (options: object, signal: AbortSignal) {
          for await (const event of orchestrator.client.kind(kind).watch(options, signal)) {
            yield event;
            if (breaks-- > 0) throw new Error('connection lost');
          }
        },
      }),
    } as unknown as Client;
    watches = new ReferenceWatches({ client, clock: systemClock, log: silentLogger });
    const told = vi.fn();
    watches.follow(using('conf'), told);
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    await change('conf', { a: '1' });
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2), 5_000);
  });
});
