import { ApiError, type Client, type Clock, errorMessage, Lease, type Logger, microTimeOfMillis, Node, OrreryError, type Runtime } from '@orrery/core';
import type { Pressure } from '../eviction/signals.js';
import { Bell } from './bell.js';
import type { MachineFacts } from './machine.js';
import { NodeImages } from './node-images.js';
import type { NodeResources } from './node-resources.js';
import { differs, initialNode, type NodeConfig, nodeStatus } from './node-object.js';

/** Times of a node's signs of life, milliseconds. */
export interface HeartbeatTimes {
  /** How long the lease is good for. */
  readonly leaseMs: number;
  /** How often the lease is renewed. */
  readonly renewMs: number;
  /** How often the status is written even if nothing changed. */
  readonly statusMs: number;
}

const NAMESPACE = 'kube-node-lease';

/** What a heartbeat needs. */
export interface HeartbeatOptions {
  readonly config: NodeConfig;
  readonly machine: MachineFacts;
  readonly times: HeartbeatTimes;
  readonly resources: NodeResources;
  /** What the node is short of. */
  pressures(): readonly Pressure[];
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Registers the node, renews its lease and reports its status: the lease often and cheaply, the status when it changed or five minutes have passed (KEP-589). */
export class Heartbeat {
  #reportedAt = Number.NEGATIVE_INFINITY;
  readonly #bell = new Bell();
  #node: Node | undefined;
  readonly #images: NodeImages;

  constructor(private readonly options: HeartbeatOptions) {
    this.#images = new NodeImages(options);
  }

  /** The node as the API had it last; undefined before it was registered. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** Asks the API for the node as it is now. */
  async refresh(): Promise<void> {
    const { client, config } = this.options;
    this.#node = (await client.kind(Node).find({ name: config.name })) ?? this.#node;
  }

  /** Something that the status shows has changed: the next beat is now. */
  hurry(): void {
    this.#bell.ring();
  }

  /** Registers the node with a fresh status and lease. Safe to repeat; an existing Node keeps its labels and taints. */
  async register(signal: AbortSignal): Promise<Node> {
    const { client, config, machine } = this.options;
    const nodes = client.kind(Node);
    await nodes.create(initialNode(config, machine)).catch((error: unknown) => {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    });
    const node = await this.#report(signal);
    await this.#renew(node);
    return node;
  }

  /** Beats until the signal aborts. A beat that fails is tried again at the next. The lease does not wait for the runtime: an agent that lives says so. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, times, log, client, config } = this.options;
    for (;;) {
      await this.#bell.wait(clock, times.renewMs, signal);
      if (signal.aborted) return;
      try {
        const node = await client.kind(Node).find({ name: config.name });
        if (node === undefined) await this.register(signal);
        else {
          await this.#renew(node);
          await this.#report(signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        log.warn('a heartbeat failed', { node: config.name, error: errorMessage(error) });
      }
    }
  }

  async #report(signal: AbortSignal): Promise<Node> {
    const { client, config, machine, resources, clock, times, pressures } = this.options;
    const nodes = client.kind(Node);
    const ready = await this.#runtimeReady(signal);
    const images = ready.ok ? await this.#images.list(signal) : undefined;
    const node = (this.#node = await nodes.get({ name: config.name }));
    const status = nodeStatus(node, { config, machine, resources, health: { ready, pressures: pressures() }, images }, clock.now());
    if (!differs(status, node.status) && clock.monotonic() - this.#reportedAt < times.statusMs) return node;
    const { resourceVersion: _any, ...metadata } = node.metadata;
    const written = await nodes.updateStatus({ ...node, metadata, status });
    this.#reportedAt = clock.monotonic();
    return written;
  }

  /** Whether the runtime answers, within the time of a beat. */
  async #runtimeReady(signal: AbortSignal): Promise<{ readonly ok: boolean; readonly message: string }> {
    const { runtime, clock, times } = this.options;
    let cancel = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.timer(times.renewMs, () => reject(new OrreryError('TIMEOUT', `no answer within ${times.renewMs} ms`)));
    });
    try {
      await Promise.race([runtime.ready(signal), late]);
      return { ok: true, message: '' };
    } catch (error) {
      return { ok: false, message: `container runtime is down: ${errorMessage(error)}` };
    } finally {
      cancel();
    }
  }

  async #renew(node: Node): Promise<void> {
    const { client, config, clock, times } = this.options;
    const leases = client.kind(Lease);
    const spec = { holderIdentity: config.name, leaseDurationSeconds: Math.ceil(times.leaseMs / 1000), renewTime: microTimeOfMillis(clock.now()) };
    const ref = { namespace: NAMESPACE, name: config.name };
    try {
      await leases.patch(ref, 'merge', { spec });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      const owner = { apiVersion: 'v1', kind: 'Node', name: config.name, uid: node.metadata.uid ?? '' };
      await leases.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...ref, ownerReferences: [owner] }, spec });
    }
  }
}
