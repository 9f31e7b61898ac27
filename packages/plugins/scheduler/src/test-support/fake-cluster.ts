import { amountsOf, ApiError, type Client, type EventRecorder, type Informer, type InformerHandler, type KindDefinition, type KubeObject, Node, Pod, podRequests, keyOf, silentLogger } from '@orrery/core';
import { SchedulerEngine, type EngineOptions } from '../engine/scheduler-engine.js';
import { type ProfileView, fixedProfiles } from '../engine/profiles.js';
import { defaultProfile } from '../profile.js';
import { VirtualClock, settle } from './virtual-clock.js';

/** A seeded source of chance (mulberry32). */
export function seeded(seed: number) {
  let state = seed >>> 0;
  const float = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { float, int: (below: number) => Math.floor(float() * below), uuid: () => `uuid-${float()}`, bytes: (length: number) => new Uint8Array(length) };
}

class FakeInformer<T extends KubeObject> {
  readonly objects = new Map<string, T>();
  readonly #handlers = new Set<InformerHandler<T>>();
  /** Holds events back, as a slow watch does. */
  held: (() => void)[] | undefined;

  constructor(readonly kind: KindDefinition<T>) {}

  readonly lister = {
    get: (key: string) => this.objects.get(key),
    list: () => [...this.objects.values()],
    byIndex: () => [],
    size: 0,
  };

  subscribe(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.objects.values()) handler.added?.(object, true);
    return () => this.#handlers.delete(handler);
  }

  synced = (): Promise<void> => Promise.resolve();
  observed = (): Promise<void> => Promise.resolve();
  health = () => ({ synced: true, revision: 1, silentForMs: 0, relists: 0 });

  show(object: T): void {
    this.#deliver(() => {
      const old = this.objects.get(keyOf(object));
      this.objects.set(keyOf(object), object);
      for (const handler of this.#handlers) old === undefined ? handler.added?.(object, false) : handler.updated?.(object, old);
    });
  }

  hide(key: string): void {
    this.#deliver(() => {
      const old = this.objects.get(key);
      if (old === undefined) return;
      this.objects.delete(key);
      for (const handler of this.#handlers) handler.deleted?.(old);
    });
  }

  release(): void {
    const events = this.held ?? [];
    this.held = undefined;
    for (const event of events) event();
  }

  #deliver(event: () => void): void {
    if (this.held === undefined) event();
    else this.held.push(event);
  }
}

/** A store of pods and nodes with informers and a client over it, whose binds can be delayed and broken; and an engine that works on it. */
export class FakeCluster {
  readonly clock = new VirtualClock();
  readonly pods = new FakeInformer<Pod>(Pod);
  readonly nodes = new FakeInformer<Node>(Node);
  readonly events: { readonly about: string; readonly reason: string; readonly message: string }[] = [];
  readonly binds: { readonly pod: string; readonly node: string }[] = [];
  readonly patches: { readonly pod: string; readonly reason: string; readonly message: string }[] = [];
  readonly errors: string[] = [];
  /** What the store has; informers may lag behind. */
  readonly stored = new Map<string, Pod>();
  readonly storedNodes = new Map<string, Node>();
  /** Called before a bind is done; may throw or wait. `after`: called when it has been done. */
  beforeBind: (pod: string, node: string) => Promise<void> | void = () => undefined;
  afterBind: (pod: string, node: string) => Promise<void> | void = () => undefined;
  /** The most that was ever asked of a node beyond what it has. */
  oversubscribed: string[] = [];

  readonly client = {
    bind: async ({ namespace, name, uid }: { namespace?: string; name: string; uid?: string }, node: string) => {
      const key = `${namespace}/${name}`;
      await this.beforeBind(key, node);
      const pod = this.stored.get(key);
      if (pod === undefined) throw ApiError.notFound({ group: '', plural: 'pods' }, name);
      if (uid !== undefined && pod.metadata.uid !== uid) throw ApiError.conflict({ group: '', plural: 'pods' }, name, 'the uid differs');
      if (pod.spec.nodeName) throw ApiError.conflict({ group: '', plural: 'pods' }, name, 'it is bound already');
      this.binds.push({ pod: key, node });
      this.put({ ...pod, spec: { ...pod.spec, nodeName: node } });
      await this.afterBind(key, node);
    },
    kind: () => ({
      find: async ({ namespace, name }: { namespace?: string; name: string }) => this.stored.get(`${namespace}/${name}`),
      patch: async ({ namespace, name }: { namespace?: string; name: string }, _type: string, body: { status: { conditions: { type: string; reason: string; message: string }[] } }) => {
        const pod = this.stored.get(`${namespace}/${name}`);
        if (pod === undefined) throw ApiError.notFound({ group: '', plural: 'pods' }, name);
        const [condition] = body.status.conditions;
        this.patches.push({ pod: name, reason: condition?.reason ?? '', message: condition?.message ?? '' });
        this.put({ ...pod, status: { ...pod.status, conditions: body.status.conditions } } as Pod);
        return pod;
      },
    }),
  } as unknown as Client;

  readonly recorder: EventRecorder = { event: (about, _type, reason, message) => void this.events.push({ about: keyOf(about), reason, message }) };

  /** Writes a pod to the store and tells of it. */
  put(pod: Pod): void {
    this.stored.set(keyOf(pod), pod);
    this.#check(pod.spec.nodeName);
    this.pods.show(pod);
  }

  remove(name: string, namespace = 'default'): void {
    this.stored.delete(`${namespace}/${name}`);
    this.pods.hide(`${namespace}/${name}`);
  }

  putNode(node: Node): void {
    this.storedNodes.set(node.metadata.name ?? '', node);
    this.nodes.show(node);
  }

  removeNode(name: string): void {
    this.storedNodes.delete(name);
    this.nodes.hide(name);
  }

  /** Where a pod is in the store. */
  nodeOf(name: string, namespace = 'default'): string | undefined {
    return this.stored.get(`${namespace}/${name}`)?.spec.nodeName;
  }

  /** Runs an engine on it until the answer is called. */
  async start(profiles: ProfileView = fixedProfiles(defaultProfile()), options: Partial<EngineOptions> = {}, seed = 1) {
    const log = { ...silentLogger, error: (message: string, fields?: object) => void this.errors.push(`${message} ${JSON.stringify(fields)}`), child: () => log };
    const engine = new SchedulerEngine({
      client: this.client,
      pods: this.pods as unknown as Informer<Pod>,
      nodes: this.nodes as unknown as Informer<Node>,
      clock: this.clock,
      random: seeded(seed),
      log,
      events: this.recorder,
      profiles,
      options,
    });
    const abort = new AbortController();
    const ended = engine.run(abort.signal);
    await settle();
    return {
      engine,
      stop: async () => {
        abort.abort();
        await settle();
        await ended;
      },
    };
  }

  #check(node: string | undefined): void {
    const object = node === undefined ? undefined : this.storedNodes.get(node);
    if (object === undefined) return;
    const allocatable = amountsOf(object.status?.allocatable);
    const used: Record<string, number> = { pods: 0 };
    for (const pod of this.stored.values()) {
      if (pod.spec.nodeName !== node || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue;
      used['pods'] = (used['pods'] ?? 0) + 1;
      for (const [name, amount] of Object.entries(podRequests(pod))) used[name] = (used[name] ?? 0) + amount;
    }
    for (const [name, amount] of Object.entries(used)) if (amount > (allocatable[name] ?? 0)) this.oversubscribed.push(`${node}: ${amount} ${name} of ${allocatable[name] ?? 0}`);
  }
}
