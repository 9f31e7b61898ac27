import { ApiClient, ApiError, type ApiRequest, builtinKinds, type Client, errorMessage, type Guard, KindRegistry, type KubeList, type KubeObject, type Logger, type Store, type Transport } from '@orrery/core';
import { ClusterOracle, FaultyStore, FenceOracle, type ObservedCommit, TraceHash, VirtualClock, WatchValidator } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import type { ChaosTarget } from './chaos.js';
import type { Judged } from './checks.js';
import { type Rates, Weather } from './faults.js';
import { Plane } from './plane.js';
import type { Process } from './process.js';
import { chanceOf } from './seeds.js';
import { simulatedLogger } from './simulated-logger.js';
import { SimulatedNode, type Size } from './simulated-node.js';

/** Changes stores, to see that the oracles notice: the one under all planes, or what each plane takes for it. */
export interface PlanesSabotage {
  readonly engine?: (store: Store) => Store;
  readonly plane?: (store: Store) => Store;
}

/** How a cluster with several control planes is made. */
export interface PlanesOptions {
  readonly seed: number;
  readonly planes: number;
  readonly nodes: number;
  readonly size: Size;
  readonly rates: Rates;
  readonly lost?: number;
  /** For tests of the oracles. */
  readonly sabotage?: PlanesSabotage;
  /** Told of each warning of the parts. */
  readonly log?: (line: string) => void;
}

const ZONES = 3;
const STALE_MS = 60_000;
const BOOT_LIMIT_MS = 300_000;
const KEPT = 100;

/** A term of a leader, and how far its clock lagged when it began. */
interface Acting {
  readonly lagMs: number;
  /** Its clock was frozen while it asked for the lease, or may have been. */
  readonly inDoubt: boolean;
}

/** So long after its clock was frozen a plane may still believe in what it asked for before: the time to live, for the question, and for the term. */
const DOUBT_MS = 6_000;

/** A whole cluster with several control planes on one store, each a process of its own with its own clock, and agents that belong to one of them. */
export class PlanesCluster implements ChaosTarget, Judged {
  readonly clock = new VirtualClock();
  readonly violations: string[] = [];
  readonly trace = new TraceHash();
  readonly oracle: ClusterOracle;
  readonly fences: FenceOracle;
  readonly weather: Weather;
  readonly engine: Store;
  readonly planes: readonly Plane[];
  readonly nodes: readonly SimulatedNode[];
  /** Goes to a control plane that runs, another one each time. */
  readonly user: Client;
  /** Commits by kind of object. */
  readonly commits = new Map<string, number>();
  readonly #stores: FaultyStore[] = [];
  readonly #acting = new Map<Plane, Acting>();
  #refused = 0;
  #turn = 0;

  constructor(readonly options: PlanesOptions) {
    const { clock } = this;
    const { rates } = options;
    const violated = (what: string): void => this.violated(what);
    const log = simulatedLogger(clock, (line) => {
      this.trace.note(line);
      options.log?.(line);
    });
    const validator = new WatchValidator(violated);
    this.weather = new Weather(rates);
    this.oracle = new ClusterOracle({ now: () => clock.monotonic(), staleMs: STALE_MS, violated });
    this.fences = new FenceOracle(violated);
    const memory = new MemoryStore({ clock });
    this.engine = options.sabotage?.engine?.(memory) ?? memory;
    const committed = (commit: ObservedCommit): void => {
      this.trace.add(commit, clock.monotonic());
      validator.committed(commit);
      this.#count(commit);
      this.oracle.committed(commit);
      this.fences.committed(commit);
    };
    const refused = (guard: Guard): void => {
      if ('lease' in guard) this.#refused += 1;
    };
    const observed = new FaultyStore(this.engine, clock, {}, { committed, refused, acquired: (lease) => this.fences.acquired(lease) });
    const kinds = new KindRegistry(builtinKinds);
    this.planes = Array.from({ length: options.planes }, (_, index) => this.#plane(`plane-${index}`, observed, validator, log));
    this.nodes = Array.from({ length: options.nodes }, (_, index) => this.#node(index, kinds, log));
    this.user = new ApiClient({ transport: this.#front(), kinds, user: { name: 'user', groups: ['system:masters'] }, fieldManager: 'user' });
  }

  get control(): readonly Plane[] {
    return this.planes;
  }

  /** The agents: processes with caches of their own. */
  get processes(): readonly Process[] {
    return this.nodes.map(({ agent }) => agent);
  }

  /** Commits that the store refused because of their fence. */
  get refused(): number {
    return this.#refused;
  }

  /** Watches of the store that are open. */
  get watches(): number {
    return this.#stores.reduce((sum, { watches }) => sum + watches, 0);
  }

  /** The one that leads, as far as those know that run. */
  get leader(): Plane | undefined {
    return this.planes.find((plane) => plane.ready && plane.leads);
  }

  /** Notes that a promise was broken. */
  violated(what: string): void {
    this.trace.note(`VIOLATION: ${what}`);
    if (this.violations.length < KEPT) this.violations.push(`${(this.clock.monotonic() / 1000).toFixed(3)} s: ${what}`);
  }

  /** Starts everything and waits until all runs. */
  async boot(): Promise<void> {
    for (const plane of this.planes) plane.start();
    await this.clock.until(() => this.planes.every(({ ready }) => ready) && this.processes.every(({ ready }) => ready), BOOT_LIMIT_MS, 'everything being ready');
  }

  /** Ends everything; afterwards nothing may be left. */
  async shutDown(): Promise<void> {
    let stopped = false;
    const stopping = (async () => {
      await Promise.all(this.processes.map((process) => process.stop()));
      for (const plane of this.planes) plane.shutDown();
      await Promise.all(this.planes.map((plane) => plane.ended()));
      for (const { machine } of this.nodes) machine.close();
      await this.engine.close();
    })().finally(() => {
      stopped = true;
    });
    stopping.catch((error: unknown) => this.violated(`stopping failed: ${errorMessage(error)}`));
    await this.clock.until(() => stopped, BOOT_LIMIT_MS, 'everything being stopped');
  }

  #plane(name: string, store: Store, validator: WatchValidator, log: Logger): Plane {
    const { seed, sabotage } = this.options;
    const faulty = new FaultyStore(store, this.clock, this.weather.store(chanceOf(seed, 'store', name)), { watching: (prefix, since) => validator.watching(prefix, since) });
    this.#stores.push(faulty);
    return new Plane({
      name, clock: this.clock, log, store: sabotage?.plane?.(faulty) ?? faulty,
      random: (life) => chanceOf(seed, name, life),
      started: (plane) => {
        for (const node of this.#nodesOf(plane)) node.start();
      },
      ended: (plane) => {
        this.#acting.delete(plane);
        for (const node of this.#nodesOf(plane)) node.agent.kill();
      },
      acting: (plane, acts) => this.#acts(plane, acts),
    });
  }

  #node(index: number, kinds: KindRegistry, log: Logger): SimulatedNode {
    const { seed, size, planes } = this.options;
    const plane = this.planes[index % planes] as Plane;
    return new SimulatedNode({
      name: `node-${String(index).padStart(3, '0')}`, size, zone: `zone-${index % ZONES}`, clock: this.clock, weather: this.weather,
      host: { clock: plane.clock, log, kinds, server: plane, events: true, random: (name, life) => chanceOf(seed, name, life), faults: (name, life) => this.weather.line(chanceOf(seed, name, life, 'line')) },
      chance: (what) => chanceOf(seed, what),
      partOf: { awake: () => plane.clock.awake(), get up() { return plane.answers; } },
    });
  }

  #nodesOf(plane: Plane): readonly SimulatedNode[] {
    return this.nodes.filter((_, index) => this.planes[index % this.planes.length] === plane);
  }

  /** One acts at a time. Who was frozen cannot know that its time is over: there the fence is what holds it. */
  #acts(plane: Plane, acts: boolean): void {
    if (!acts) return void this.#acting.delete(plane);
    const { clock } = plane;
    const inDoubt = this.clock.monotonic() - clock.thawedAt < DOUBT_MS;
    for (const [other, term] of this.#acting) {
      const isHonest = !term.inDoubt && other.clock.running && other.clock.lagMs === term.lagMs;
      if (isHonest && !inDoubt) this.violated(`${plane.name} begins to act while ${other.name} does`);
    }
    this.#acting.set(plane, { lagMs: clock.lagMs, inDoubt });
  }

  #front(): Transport {
    const pick = (): Plane => {
      const ready = this.planes.filter((plane) => plane.ready && !plane.cut);
      const plane = ready[(this.#turn += 1) % Math.max(1, ready.length)];
      if (plane === undefined) throw new ApiError('ServiceUnavailable', 'no control plane answers (simulated)');
      return plane;
    };
    return {
      request: async (request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> => pick().request(request, signal),
      watch: (request, signal) => pick().watch(request, signal),
    };
  }

  #count({ writes }: ObservedCommit): void {
    for (const write of writes) {
      const [, , group, resource] = write.key.split('/');
      const what = `${group}/${resource}${'delete' in write ? ' deleted' : ''}`;
      this.commits.set(what, (this.commits.get(what) ?? 0) + 1);
    }
  }
}

