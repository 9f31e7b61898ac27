import { type Client, createOrchestrator, Lease, type Logger, microTimeOfMillis, Node, type Orchestrator, Pod, type Plugin, type KubeObject, timeOfMillis } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { memoryStore } from '@orrery/store-memory';
import { pinnedNode } from './play-kubelet.js';

/** How the pretended kubelet treats a pod it sees: it runs, is not ready, does not start, or its containers end with an exit code. */
export type PodBehaviour = 'run' | 'crash' | 'pending' | { readonly exitCode: number };

/** An orchestrator on a virtual clock with a memory store, and a kubelet that only pretends. For tests. */
export class World {
  readonly clock: VirtualClock;
  readonly orchestrator: Orchestrator;
  /** Decides for each pod; default: all run and are ready at once. */
  behaviour: (pod: Pod) => PodBehaviour = () => 'run';
  /** Every node whose kubelet is alive; `n1` and `n2` from the start. Pods of others stay as they are. */
  readonly alive = new Set(['n1', 'n2']);
  #serial = 0;
  /** Pods go to the nodes in turn. */
  #binds = 0;
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>[] = [];

  private constructor(clock: VirtualClock, orchestrator: Orchestrator) {
    this.clock = clock;
    this.orchestrator = orchestrator;
  }

  /** Starts it. */
  static async start(plugins: readonly Plugin[], seed = 1, logger?: Logger): Promise<World> {
    const clock = new VirtualClock();
    const orchestrator = await createOrchestrator({ plugins: [memoryStore(), ...plugins], clock, random: new SeededRandom(seed), ...(logger && { logger }) });
    await orchestrator.start();
    const world = new World(clock, orchestrator);
    for (const name of world.alive) await world.addNode(name);
    world.#running.push(world.#kubelet());
    return world;
  }

  get client(): Client {
    return this.orchestrator.client;
  }

  /** Adds a node that is ready. */
  async addNode(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.client.kind(Node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} });
  }

  /** All pods. */
  async pods(selector?: string): Promise<readonly Pod[]> {
    return (await this.client.kind(Pod).list({ ...(selector !== undefined && { labelSelector: selector }) })).items;
  }

  /** Moves time forward until the condition holds. */
  until(condition: () => boolean | Promise<boolean>, what?: string, limitMs = 3_600_000): Promise<void> {
    return this.clock.until(condition, limitMs, what);
  }

  /** The store's revision, which every write moves. */
  async revision(): Promise<number> {
    return Number((await this.client.kind(Node).list()).metadata.resourceVersion);
  }

  /** Stops everything. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.orchestrator.stop();
    await Promise.allSettled(this.#running);
  }

  /** Lets the nodes that are alive renew their leases and say that they are ready, from now on. */
  beat(everyMs = 10_000): void {
    const { signal } = this.#abort;
    const loop = async (): Promise<void> => {
      while (!signal.aborted) {
        for (const name of this.alive) await this.#beatOnce(name).catch(ignoreGone);
        // Rejects only when it was told to end, which the loop looks at.
        await this.clock.sleep(everyMs, signal).catch(() => undefined);
      }
    };
    this.#running.push(loop());
  }

  async #beatOnce(name: string): Promise<void> {
    const leases = this.client.kind(Lease);
    const spec = { holderIdentity: name, renewTime: microTimeOfMillis(this.clock.now()) };
    const ref = { namespace: 'kube-node-lease', name };
    if ((await leases.find(ref)) === undefined) await leases.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: ref, spec });
    else await leases.patch(ref, 'merge', { spec });
    const node = await this.client.kind(Node).get({ name });
    if (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True') return;
    const time = timeOfMillis(this.clock.now());
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: time, lastTransitionTime: time }];
    await this.client.kind(Node).updateStatus({ ...node, status: { ...node.status, conditions } });
    // What the returning kubelet finds on its node it brings up to date again.
    for (const pod of (await this.pods()).filter(({ spec }) => spec.nodeName === name)) await this.#step(pod);
  }

  async #kubelet(): Promise<void> {
    const { signal } = this.#abort;
    for await (const { type, object } of this.client.kind(Pod).watch({}, signal)) {
      if (type === 'ADDED' || type === 'MODIFIED') await this.#step(object as Pod).catch(ignoreGone);
    }
  }

  async #step(pod: Pod): Promise<void> {
    const pods = this.client.kind(Pod);
    const { namespace, name = '', uid } = pod.metadata;
    const ref = { namespace, name };
    if ((pod.spec.nodeName ?? '') === '') {
      if (pod.metadata.deletionTimestamp !== undefined) return;
      const nodes = [...this.alive];
      const node = pinnedNode(pod) ?? nodes[this.#binds++ % nodes.length] ?? 'n1';
      if (this.alive.has(node)) await this.client.bind({ ...ref, ...(uid !== undefined && { uid }) }, node);
      return;
    }
    if (!this.alive.has(pod.spec.nodeName ?? '')) return;
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (pod.metadata.deletionTimestamp !== undefined) {
      // Who waits for the end of a pod that it keeps by a finalizer sees how it ended.
      if ((pod.metadata.finalizers ?? []).length > 0 && !ended) await this.#end(pod, 137);
      await pods.delete(ref, { gracePeriodSeconds: 0, preconditions: { uid: uid ?? '' } });
      return;
    }
    const behaviour = this.behaviour(pod);
    if (behaviour === 'pending' || ended) return;
    if (typeof behaviour === 'object') {
      await this.#end(pod, behaviour.exitCode);
      return;
    }
    const ready = behaviour === 'run' ? 'True' : 'False';
    const current = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (current === ready) return;
    const now = timeOfMillis(this.clock.now());
    this.#serial += 1;
    const ip = `10.0.${this.#serial >> 8}.${this.#serial & 255}`;
    const podIP = pod.status?.podIP ?? ip;
    await pods.updateStatus({ ...pod, status: { ...pod.status, phase: 'Running', startTime: pod.status?.startTime ?? now, podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: ready, lastTransitionTime: now }] } });
  }

  async #end(pod: Pod, exitCode: number): Promise<void> {
    const now = timeOfMillis(this.clock.now());
    const containerStatuses = pod.spec.containers.map(({ name, image = '' }) => ({
      name,
      image,
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: now, finishedAt: now } },
    }));
    const conditions = [{ type: 'Ready', status: 'False', reason: 'PodCompleted', lastTransitionTime: now }];
    const status = { ...pod.status, phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses, conditions };
    await this.client.kind(Pod).updateStatus({ ...pod, status });
  }
}

/** The pretended kubelet works from what it saw: whatever changed meanwhile it sees again. */
function ignoreGone(error: unknown): void {
  const reason = (error as { reason?: string }).reason;
  if (reason !== 'NotFound' && reason !== 'Conflict') throw error;
}

/** Any object from its parts. */
export const make = <T extends KubeObject>(object: object): T => object as T;
