import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, Deployment, errorMessage, Node, type Orchestrator, Pod, systemClock } from '@orrery/core';
import { busyboxImage, type DockerdOptions, type DockerEngine, engineApi, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { nodeAgent } from '../index.js';
import { condition, containerOf, never } from './cluster.js';

/** A container as the engine lists it. */
export interface EngineContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** A whole orchestrator with one node on a Docker engine of its own. What it decides survives it, in a journal. */
export class DockerCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'orrery-survival-'));
  engine!: DockerEngine;
  orchestrator!: Orchestrator;

  async open(options: DockerdOptions): Promise<this> {
    this.engine = await startDockerd(options);
    await busyboxImage(this.engine.socketPath, 'box');
    return this;
  }

  async start(): Promise<void> {
    this.orchestrator = await createOrchestrator({
      plugins: [
        memoryStore({ journal: join(this.folder, 'journal') }),
        scheduler(),
        workloadControllers(),
        dockerRuntime({ id: 'survival', socketPath: this.engine.socketPath, network: 'none' }),
        nodeAgent({ name: 'node', rootDir: join(this.folder, 'node'), renewSeconds: 1, imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99, eviction: 'off', capacity: { cpu: '100', memory: '100Gi', pods: '500' } }),
      ],
    });
    await this.orchestrator.start();
  }

  get pods() {
    return this.orchestrator.client.kind(Pod);
  }

  async close(): Promise<void> {
    await this.orchestrator?.stop();
    await this.engine?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async deploy(name: string, replicas: number): Promise<void> {
    await this.orchestrator.client.kind(Deployment).create(deploymentOf(name, replicas));
  }

  async undeploy(name: string): Promise<void> {
    await this.orchestrator.client.kind(Deployment).delete({ namespace: 'default', name });
    await this.until('everything is gone', async () => (await this.of(name)).length === 0 && (await this.containers()).length === 0);
  }

  async of(name: string): Promise<readonly Pod[]> {
    return (await this.pods.list({ namespace: 'default', labelSelector: `app=${name}` })).items;
  }

  /** Resolves with the pods when so many are ready, and there are no more. */
  async allReady(name: string, replicas: number): Promise<readonly Pod[]> {
    await this.until(`${replicas} ready pods`, async () => {
      const pods = await this.of(name);
      return pods.length === replicas && pods.every((pod) => condition(pod, 'Ready') === 'True');
    });
    return this.of(name);
  }

  async nodeReady(): Promise<string | undefined> {
    const node = await this.orchestrator.client.kind(Node).get({ name: 'node' });
    return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  }

  async containers(): Promise<readonly EngineContainer[]> {
    return JSON.parse((await engineApi(this.engine.socketPath, 'GET', '/containers/json?all=1')).text) as readonly EngineContainer[];
  }

  /** Does something to a container by hand. */
  async byHand(method: 'POST' | 'DELETE', path: string): Promise<void> {
    const { status, text } = await engineApi(this.engine.socketPath, method, path);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  }

  async until(what: string, holds: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const started = systemClock.monotonic();
    while (!(await holds())) {
      if (systemClock.monotonic() - started > limitMs) {
        throw new Error(`Not within ${limitMs} ms: ${what}; ${await this.#situation()}`);
      }
      await systemClock.sleep(50, never);
    }
  }

  /** For messages of tests that failed: it must not fail itself. */
  async #situation(): Promise<string> {
    try {
      const pods = (await this.pods.list({ namespace: 'default' })).items;
      return JSON.stringify(pods.slice(0, 3).map(({ status }) => status?.containerStatuses));
    } catch (error) {
      return errorMessage(error);
    }
  }

  /** The most pods with a running container that the API shows at once, from now until it is asked. */
  watchRunning(name: string): { most(): number; stop(): Promise<void> } {
    const abort = new AbortController();
    const running = new Set<string>();
    let most = 0;
    const watching = (async () => {
      for await (const event of this.pods.watch({ namespace: 'default', labelSelector: `app=${name}` }, abort.signal)) {
        if (event.type === 'BOOKMARK') continue;
        const uid = event.object.metadata.uid ?? '';
        if (event.type !== 'DELETED' && containerOf(event.object)?.state?.running !== undefined) running.add(uid);
        else running.delete(uid);
        most = Math.max(most, running.size);
      }
    })();
    return {
      most: () => most,
      async stop() {
        abort.abort();
        await watching.catch((error: unknown) => {
          if (!abort.signal.aborted) throw error;
        });
      },
    };
  }
}

/** So many pods of one container that runs until it is asked to end. */
export function deploymentOf(name: string, replicas: number): Deployment {
  const labels = { app: name };
  const container = { name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'] };
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } } },
  } as unknown as Deployment;
}

/** What must not change when nothing of the pods ends: which containers they are, and how often they were started. */
export const lives = (pods: readonly Pod[]): readonly string[] =>
  pods.map((pod) => `${pod.metadata.name} ${containerOf(pod)?.containerID} ${containerOf(pod)?.restartCount} ${containerOf(pod)?.state?.running?.startedAt}`).sort();
