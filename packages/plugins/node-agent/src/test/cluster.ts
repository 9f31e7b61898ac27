import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type KubeObject, type KindDefinition, type Orchestrator, type Plugin, Pod, Runtimes, systemClock, longLived } from '@orrery/core';
import { nodeAgent } from '../index.js';
import { createProcessRuntime, processRuntime } from '@orrery/runtime-process';
import { memoryStore } from '@orrery/store-memory';

export const never = longLived(new AbortController()).signal;

type Container = Partial<Pod['spec']['containers'][number]>;
type Init = NonNullable<Pod['spec']['initContainers']>[number];

/** A container that runs a line of shell. */
export const shell = (script: string, more: Container = {}): Pod['spec']['containers'][number] => ({ name: 'main', image: 'none', command: ['sh', '-c', script], ...more }) as Pod['spec']['containers'][number];
export const initShell = (name: string, script: string, more: Partial<Init> = {}): Init => ({ name, image: 'none', command: ['sh', '-c', script], ...more }) as Init;
export const forever = 'exec sleep 1000';

/** One node with real processes. */
export class TestCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'orrery-agent-'));
  orchestrator!: Orchestrator;

  constructor(readonly options: { readonly capacity?: Record<string, string>; readonly journal?: boolean; readonly agent?: Partial<Parameters<typeof nodeAgent>[0]>; readonly plugins?: readonly Plugin[] } = {}) {}

  async start(): Promise<this> {
    const store = this.options.journal === true ? memoryStore({ journal: join(this.folder, 'journal') }) : memoryStore();
    this.orchestrator = await createOrchestrator({
      plugins: [
        store,
        ...(this.options.plugins ?? []),
        nodeAgent({ name: 'node', rootDir: join(this.folder, 'volumes'), ...(this.options.capacity !== undefined && { capacity: this.options.capacity }), ...this.options.agent }),
        processRuntime({ stateDir: join(this.folder, 'state'), lingerSeconds: 2, workingDir: '/' }),
      ],
    });
    await this.orchestrator.start();
    return this;
  }

  get runtime() {
    const runtime = this.orchestrator.get(Runtimes).get();
    if (runtime === undefined) throw new Error('no runtime');
    return runtime;
  }

  get pods() {
    return this.orchestrator.client.kind(Pod);
  }

  /** Creates a pod on the node. */
  run(name: string, spec: Partial<Pod['spec']>, metadata: Pod['metadata'] = {}): Promise<Pod> {
    return this.pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace: 'default' }, spec: { nodeName: 'node', terminationGracePeriodSeconds: 5, ...spec } } as Pod);
  }

  create<T extends KubeObject>(kind: KindDefinition<T>, object: object): Promise<T> {
    return this.orchestrator.client.kind(kind).create({ apiVersion: kind.apiVersion, kind: kind.kind, ...object } as unknown as T);
  }

  get(name: string): Promise<Pod> {
    return this.pods.get({ namespace: 'default', name });
  }

  /** Waits until the pod is as wanted; undefined: it is gone. */
  async until(name: string, wanted: (pod: Pod) => boolean, what = String(wanted), limitMs = 30_000): Promise<Pod> {
    const started = systemClock.monotonic();
    for (;;) {
      const pod = await this.pods.find({ namespace: 'default', name });
      if (pod !== undefined && wanted(pod)) return pod;
      if (systemClock.monotonic() - started > limitMs) throw new Error(`${name}: ${what} did not come to hold: ${JSON.stringify(pod?.status, null, 1)}`);
      await systemClock.sleep(20, never);
    }
  }

  async gone(name: string, limitMs = 30_000): Promise<number> {
    const started = systemClock.monotonic();
    while ((await this.pods.find({ namespace: 'default', name })) !== undefined) {
      if (systemClock.monotonic() - started > limitMs) throw new Error(`${name} is not gone`);
      await systemClock.sleep(20, never);
    }
    return systemClock.monotonic() - started;
  }

  ready = (name: string): Promise<Pod> => this.until(name, (pod) => condition(pod, 'Ready') === 'True', 'Ready');
  phase = (name: string, phase: string): Promise<Pod> => this.until(name, (pod) => pod.status?.phase === phase, phase);

  /** The output of a container's newest (or given) attempt. */
  async output(pod: Pod, container = 'main'): Promise<string[]> {
    const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(({ name }) => name === container);
    const lines = [];
    for await (const { line } of this.runtime.logs((status?.containerID ?? '').replace(/^.*:\/\//, ''), {}, never)) lines.push(line);
    return lines;
  }

  async dispose(): Promise<void> {
    await this.orchestrator.stop();
    const last = createProcessRuntime({ stateDir: join(this.folder, 'state') });
    await last.destroy(never);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const condition = (pod: Pod, type: string): string | undefined => pod.status?.conditions?.find((c) => c.type === type)?.status;
export const containerOf = (pod: Pod, name = 'main') => [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find((status) => status.name === name);
