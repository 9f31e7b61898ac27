import { setMaxListeners } from 'node:events';
import { ApiClient, ApiServer, builtinKinds, type Client, type Controller, KindRegistry, Node, SharedInformers, type Store, type Transport } from '@orrery/core';
import { ClusterOracle, FaultyStore, type ObservedCommit, ReplicaOracle, type SeededRandom, type StoreFaults, TraceHash, VirtualClock, WatchValidator } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { admissionsOf, controllerParts, controllersWith, deploymentAdmissions, deploymentControllers, type MakeControllers, type MetricInputs, schedulerParts } from './control-plane.js';
import type { Rates } from './faults.js';
import { Weather } from './faults.js';
import { Process, type ProcessHost, type ProcessPart, type ProcessParts } from './process.js';
import { chanceOf } from './seeds.js';
import { simulatedLogger } from './simulated-logger.js';
import { SimulatedNode, type Size } from './simulated-node.js';

/** Parts that a test exchanges for broken ones, to see that the oracles notice. */
export interface Sabotage {
  readonly controllers?: MakeControllers;
  /** Called with the controllers of each life of their process. */
  readonly meddle?: (controllers: readonly Controller[]) => readonly Controller[];
  /** Called before the controllers are made. */
  readonly controllerParts?: (parts: ProcessParts) => ProcessParts;
  readonly scheduler?: (parts: ProcessParts) => readonly ProcessPart[];
  /** Faults of the store beside those of the weather. */
  readonly store?: (random: SeededRandom, cluster: SimulatedCluster) => StoreFaults;
  /** Called before an agent's parts are made. */
  readonly agent?: (parts: ProcessParts) => ProcessParts;
}

/** How a cluster is made. */
export interface ClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly size: Size;
  readonly rates: Rates;
  /** Machines, the first ones, that are lost in the bad weather and never come back. Default none. */
  readonly lost?: number;
  readonly sabotage?: Sabotage;
  /** The store behind everything, on the cluster's clock; closed with the cluster. Default: one in memory. */
  readonly engine?: { readonly store: Store; readonly clock: VirtualClock };
  /** Whether each stream of the store is held against everything that was ever committed, for which all of that is remembered. Default true. */
  readonly keepsHistory?: boolean;
  /** What the clock says at the beginning, milliseconds since the epoch. Default: the beginning of 2026. Not for a clock that is given. */
  readonly startsAt?: number;
  /** Whether commits get into the trace, by which two runs are compared and the last that happened is told: it takes a twentieth of the time. Default true. */
  readonly fingerprint?: boolean;
  /** Whether events are written: they take a fourth of the time. Default true. */
  readonly events?: boolean;
  /** What autoscalers read. With it the cluster has all controllers and admission steps of the preset, without it those that Deployments and bare pods need. */
  readonly metrics?: MetricInputs;
  /** Sees each commit, and when it was made. */
  readonly committed?: (commit: ObservedCommit, atMs: number) => void;
  /** Told of each warning of the parts. */
  readonly log?: (line: string) => void;
}

/** Zones that nodes are spread over. */
const ZONES = 3;
/** A scheduler that does not hear anything may go by old facts for so long: silence is noticed after 35 s, and then it lists again. */
const STALE_MS = 60_000;
const BOOT_LIMIT_MS = 300_000;
/** Commits at one moment of virtual time that are too many, by nodes: ten pods a node that are made at once need about forty. */
const hotFor = (nodes: number): number => 1_000 + 100 * nodes;
/** How long each commit takes once that happened, longer than any run: what goes round must stop, and the run has failed anyway. */
const BRAKE_MS = 24 * 3_600_000;
/** Violations kept; after the first hundred nothing new is learnt. */
const KEPT = 100;

/** Writers always learn what came of their writes, and no second controller meets what a first one had under way. */
const isOrderly = ({ storeUnknown, replyLost, controllerRestarts }: Rates): boolean => storeUnknown + replyLost + controllerRestarts === 0;

/** A whole cluster in one process on a virtual clock: a server over a store, a scheduler, controllers, and machines with their agents. */
export class SimulatedCluster {
  readonly clock: VirtualClock;
  readonly violations: string[] = [];
  readonly trace = new TraceHash();
  readonly oracle: ClusterOracle;
  readonly weather: Weather;
  /** The store itself, without faults. */
  readonly engine: Store;
  readonly store: FaultyStore;
  readonly server: ApiServer;
  readonly scheduler: Process;
  readonly controllers: Process;
  readonly nodes: readonly SimulatedNode[];
  /** The user's line to the cluster; it knows no faults but those of the server behind it. */
  readonly user: Client;
  /** Commits by kind of object. */
  readonly commits = new Map<string, number>();
  /** Told before the clock of the cluster jumps. */
  onJump: () => void = () => {};
  #instant = { at: -1, commits: 0 };
  #hot = false;
  /** What the admission steps of the server know. */
  readonly #informers: SharedInformers;
  readonly #stopServer = new AbortController();
  #serving: Promise<void> = Promise.resolve();

  constructor(readonly options: ClusterOptions) {
    const clock = (this.clock = options.engine?.clock ?? new VirtualClock(options.startsAt));
    const { seed, rates, sabotage = {} } = options;
    const violated = (what: string): void => this.violated(what);
    const log = simulatedLogger(clock, (line) => {
      this.trace.note(line);
      options.log?.(line);
    });
    const kinds = new KindRegistry(builtinKinds);
    const validator = options.keepsHistory === false ? undefined : new WatchValidator(violated);
    this.weather = new Weather(rates);
    this.oracle = new ClusterOracle({ now: () => clock.monotonic(), staleMs: STALE_MS, violated });
    const replicas = isOrderly(rates) ? new ReplicaOracle({ now: () => clock.monotonic(), staleMs: STALE_MS, violated }) : undefined;
    this.engine = options.engine?.store ?? new MemoryStore({ clock });
    const observe = (commit: ObservedCommit): void => {
      if (options.fingerprint !== false) this.trace.add(commit, clock.monotonic());
      validator?.committed(commit);
      options.committed?.(commit, clock.monotonic());
      this.#count(commit);
      this.oracle.committed(commit);
      replicas?.committed(commit);
    };
    const storeFaults: StoreFaults = { ...this.weather.store(chanceOf(seed, 'store')), ...sabotage.store?.(chanceOf(seed, 'sabotage'), this) };
    const guarded: StoreFaults = { ...storeFaults, commit: (writes) => this.#brake(writes[0]?.key) ?? storeFaults.commit?.(writes) };
    this.store = new FaultyStore(this.engine, clock, guarded, { committed: observe, ...(validator && { watching: (prefix, since) => validator.watching(prefix, since) }) });
    // The server asks itself: its admission steps are called only when it is there.
    const itself: Transport = { request: (...given) => this.server.request(...given), watch: (...given) => this.server.watch(...given) };
    const client = new ApiClient({ transport: itself, kinds, user: { name: 'apiserver', groups: ['system:masters'] }, fieldManager: 'apiserver' });
    this.#informers = new SharedInformers({ client, clock, random: chanceOf(seed, 'server informers'), log });
    const admissions = options.metrics === undefined ? deploymentAdmissions : admissionsOf({ client, informers: this.#informers, clock });
    this.server = new ApiServer({ store: this.store, kinds, clock, random: chanceOf(seed, 'server'), log, admissions: { items: () => admissions } });
    this.user = new ApiClient({ transport: this.server, kinds, user: { name: 'user', groups: ['system:masters'] }, fieldManager: 'user' });
    const host: ProcessHost = {
      clock, log, kinds, server: this.server, events: options.events ?? true,
      random: (name, life) => chanceOf(seed, name, life),
      faults: (name, life) => this.weather.line(chanceOf(seed, name, life, 'line')),
    };
    this.scheduler = new Process('scheduler', host, sabotage.scheduler ?? schedulerParts);
    const make = sabotage.controllers ?? (options.metrics === undefined ? deploymentControllers : controllersWith(options.metrics));
    const controllers: MakeControllers = () => sabotage.meddle?.(make()) ?? make();
    this.controllers = new Process('controllers', host, (parts) => controllerParts(controllers, sabotage.controllerParts?.(parts) ?? parts));
    const node = (index: number): SimulatedNode =>
      new SimulatedNode({
        name: `node-${String(index).padStart(3, '0')}`, size: options.size, zone: `zone-${index % ZONES}`, clock, host, weather: this.weather,
        chance: (what) => chanceOf(seed, what), ...(sabotage.agent !== undefined && { prepare: sabotage.agent }),
      });
    this.nodes = Array.from({ length: options.nodes }, (_, index) => node(index));
  }

  /** What controls it. */
  get control(): readonly Process[] {
    return [this.scheduler, this.controllers];
  }

  /** All processes but the server. */
  get processes(): readonly Process[] {
    return [this.scheduler, this.controllers, ...this.nodes.map(({ agent }) => agent)];
  }

  /** The wall clock jumps, forward or back. */
  jump(ms: number): void {
    this.onJump();
    this.clock.jump(ms);
  }

  /** Notes that a promise was broken. */
  violated(what: string): void {
    this.trace.note(`VIOLATION: ${what}`);
    if (this.violations.length < KEPT) this.violations.push(`${(this.clock.monotonic() / 1000).toFixed(3)} s: ${what}`);
  }

  /** Starts everything and waits until all nodes are registered. */
  async boot(): Promise<void> {
    let serving = false;
    setMaxListeners(0, this.#stopServer.signal);
    this.#serving = this.server.run(this.#stopServer.signal, () => {
      serving = true;
    });
    this.#serving.catch((error: unknown) => this.violated(`the server failed: ${String(error)}`));
    await this.clock.until(() => serving, BOOT_LIMIT_MS, 'the server being ready');
    for (const process of this.processes) process.start();
    await this.clock.until(() => this.processes.every(({ ready }) => ready), BOOT_LIMIT_MS, 'all processes being ready');
    const { items } = await this.user.kind(Node).list();
    if (items.length !== this.nodes.length) this.violated(`${items.length} of ${this.nodes.length} nodes registered`);
  }

  /** Ends everything; afterwards nothing may be left. */
  async shutDown(): Promise<void> {
    let stopped = false;
    const stopping = (async () => {
      await Promise.all(this.processes.map((process) => process.stop()));
      await this.#informers.close();
      this.#stopServer.abort();
      await this.#serving;
      for (const { machine } of this.nodes) machine.close();
      await this.store.close();
    })().finally(() => {
      stopped = true;
    });
    stopping.catch((error: unknown) => this.violated(`stopping failed: ${String(error)}`));
    await this.clock.until(() => stopped, BOOT_LIMIT_MS, 'everything being stopped');
  }

  /** Parts that answer each other without end would stop virtual time: that is told, and their commits then take a while. */
  #brake(key: string | undefined): { readonly beforeMs: number } | undefined {
    const now = this.clock.monotonic();
    if (now !== this.#instant.at) this.#instant = { at: now, commits: 0 };
    this.#instant.commits += 1;
    const hot = hotFor(this.options.nodes);
    if (!this.#hot && this.#instant.commits <= hot) return undefined;
    if (!this.#hot) this.violated(`hot loop: more than ${hot} commits at one moment, the last of ${key}`);
    this.#hot = true;
    return { beforeMs: BRAKE_MS };
  }

  #count({ writes }: ObservedCommit): void {
    for (const write of writes) {
      const [, , group, resource] = write.key.split('/');
      const what = `${group}/${resource}${'delete' in write ? ' deleted' : ''}`;
      this.commits.set(what, (this.commits.get(what) ?? 0) + 1);
    }
  }
}
