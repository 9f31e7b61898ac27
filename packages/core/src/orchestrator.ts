import { ApiClient } from './client/api-client.js';
import { RecorderFactory } from './client/event-recorder.js';
import { SharedInformers } from './client/informers.js';
import { Admissions } from './contracts/admission.js';
import { Client, Events, Informers, LeaderClient } from './contracts/client.js';
import { type Controller, Controllers } from './contracts/controller.js';
import { Hooks, hooks } from './contracts/hooks.js';
import { allInstruments, Collectors, Instruments } from './contracts/instruments.js';
import { Kinds, KindServing, ServedKinds } from './contracts/kinds.js';
import { Network } from './contracts/network.js';
import { Proxies, type Proxy } from './contracts/proxy.js';
import { RemoteApi } from './contracts/remote-api.js';
import { type PlacementExplanation, Scheduler } from './contracts/scheduling.js';
import { type HistoryLoss, Store } from './contracts/store.js';
import { Subresources } from './contracts/subresources.js';
import { allTracers, SpanRecorders, Tracer } from './contracts/tracing.js';
import { Transport } from './contracts/transport.js';
import { ValueCodec } from './contracts/value-codec.js';
import { ControllerRunner } from './control/controller-runner.js';
import type { Leadership, Term } from './control/leader-election.js';
import { type LeaderElectionSettings, Leading } from './control/leading.js';
import { ProxyRunner } from './control/proxy-runner.js';
import { longLived, untilAborted } from './kernel/abort.js';
import { Kernel, type PluginInstance } from './kernel/boot.js';
import { Clock, Random } from './kernel/clock.js';
import { errorMessage, OrreryError } from './kernel/errors.js';
import type { HookToken } from './kernel/hooks.js';
import { Logger, silentLogger } from './kernel/logger.js';
import { systemClock, systemRandom } from './kernel/platform.js';
import type { Get, Plugin } from './kernel/plugin.js';
import { replacePlugin } from './kernel/replacement.js';
import type { PartLimits, Runnable } from './kernel/runnable.js';
import { type Part, RunningParts } from './kernel/running-parts.js';
import { seat } from './kernel/tokens.js';
import { builtinKinds } from './model/builtin-kinds.js';
import type { KindDefinition } from './model/kind.js';
import type { KubeObject } from './model/object.js';
import { KindRegistry } from './model/registry.js';
import { type ApiLine, localLine, remoteLine } from './api-line.js';
import type { Orchestrator, OrchestratorOptions } from './orchestrator-api.js';
import { CodedStore } from './store-kit/coded-store.js';
import { meteredStore } from './store-kit/metered-store.js';

const LIMITS = { setupTimeoutMs: 30_000, startTimeoutMs: 30_000, stopTimeoutMs: 30_000 } as const;
const USER = { name: 'system:orchestrator', groups: ['system:masters'] } as const;

/** Assembles an orchestrator: options are parsed, plugins ordered and set up, seats checked. Nothing runs before `start`. Throws one clear error if the assembly is wrong. */
export async function createOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const assembly = new Assembly(options);
  await assembly.boot(options.plugins);
  return assembly;
}

/** The composition root: the only place that knows every part. */
class Assembly implements Orchestrator {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #limits: PartLimits & { readonly setupTimeoutMs: number };
  readonly #kinds = new KindRegistry(builtinKinds);
  readonly #parts: RunningParts;
  #kernel!: Kernel;
  #line!: ApiLine;
  /** Absent where there is no election. */
  #leading: Leading | undefined;
  readonly #electionSettings: boolean | LeaderElectionSettings | undefined;
  #state: 'assembled' | 'starting' | 'running' | 'stopping' | 'stopped' = 'assembled';
  #starting: Promise<unknown> = Promise.resolve();
  /** Aborts when the start is to be given up. */
  readonly #givenUp = longLived(new AbortController());
  #stopping: Promise<void> | undefined;
  #failure: OrreryError | undefined;
  #replacing: Promise<void> = Promise.resolve();
  #finish!: () => void;
  readonly #finished = new Promise<void>((resolve) => {
    this.#finish = resolve;
  });

  constructor(options: OrchestratorOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#log = options.logger ?? silentLogger;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#electionSettings = options.leaderElection;
    this.#parts = new RunningParts({ clock: this.#clock, limits: this.#limits, log: this.#log, failed: (error) => this.#fail(error) });
  }

  async boot(plugins: readonly Plugin[]): Promise<void> {
    this.#kernel = await Kernel.boot(plugins, {
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
      limits: this.#limits,
      own: [
        { token: Clock, make: () => this.#clock },
        { token: Random, make: () => this.#random },
        { token: Logger, make: () => this.#log },
        { token: Hooks, make: () => this.#kernel.hooks },
        { token: Instruments, make: (get) => allInstruments(get(Collectors).items()) },
        { token: Tracer, make: (get) => allTracers(get(SpanRecorders).items()) },
        { token: Transport, make: () => this.#line.transport },
        { token: ServedKinds, make: () => this.#kinds },
        { token: KindServing, make: (): KindServing => ({ offer: (at, kinds) => this.#line.offer(at, kinds) }) },
        { token: Client, make: () => new ApiClient({ transport: this.#line.transport, kinds: this.#kinds, user: USER, fieldManager: 'orrery' }) },
        { token: LeaderClient, make: (get) => this.#leaderClient(get) },
        { token: Informers, make: (get) => new SharedInformers({ kinds: this.#kinds, client: get(Client), clock: this.#clock, random: this.#random, log: this.#log, silenceMs: this.#line.silenceMs }) },
        { token: RECORDERS, make: (get) => new RecorderFactory({ client: get(Client), clock: this.#clock, random: this.#random, log: this.#log }) },
        { token: Events, make: (get) => (component: string) => get(RECORDERS).for(component) },
      ],
    });
    try {
      this.#assemble();
    } catch (error) {
      await this.#kernel.close().catch((also: unknown) => this.#log.error('undoing a failed assembly failed too', { error: errorMessage(also) }));
      throw error;
    }
  }

  /** What can only be made once all plugins are set up. */
  #assemble(): void {
    const [isHere, isElsewhere] = [this.#kernel.has(Store), this.#kernel.has(RemoteApi)];
    if (isHere && isElsewhere) {
      throw new OrreryError('SEAT_TAKEN', 'The seats "Store" and "RemoteApi" are both taken: the API is served here, from a store, or elsewhere. Remove one of the two plugins.', { seats: ['Store', 'RemoteApi'] });
    }
    if (!isHere && !isElsewhere) {
      const ways = 'Add one for it, for instance memoryStore() from @orrery/store-memory; or, to work on a cluster whose API is served elsewhere, one for the seat "RemoteApi": remoteApi() from @orrery/http-client.';
      throw new OrreryError('SEAT_EMPTY', `No plugin takes the seat "Store". ${ways}`, { seat: 'Store' });
    }
    for (const kind of this.get(Kinds).items()) this.#kinds.add(kind);
    this.#line = isHere ? this.#localLine() : this.#remoteLine();
    this.#leading = this.#join();
  }

  #localLine(): ApiLine {
    return localLine({
      store: meteredStore(this.#store(), this.#clock, this.get(Instruments)),
      kinds: this.#kinds,
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
      admissions: this.get(Admissions),
      subresources: this.get(Subresources),
      ...(this.#kernel.has(Network) && { network: this.get(Network) }),
      instruments: this.get(Instruments),
      historyLost: (loss) => this.#historyLost(loss),
    });
  }

  #remoteLine(): ApiLine {
    const acts = this.#kernel.has(Scheduler) || this.get(Controllers).items().length > 0;
    return remoteLine({ remote: this.get(RemoteApi), kinds: this.#kinds, clock: this.#clock, user: USER, acts });
  }

  /** The store as the server sees it. The seat itself holds values as they are kept. */
  #store(): Store {
    if (!this.#kernel.has(ValueCodec)) return this.get(Store);
    return new CodedStore(this.get(Store), this.get(ValueCodec), (key, error) => this.#log.error('a stored value cannot be read and counts as absent in lists', { key, error: error.message }));
  }

  /** Calls a hook whose taps cannot change what happened. */
  #tell<Arg>(hook: HookToken<[Arg], 'series'>, about: Arg): void {
    this.#kernel.hooks.call(hook, about).catch((error: unknown) => this.#log.error('a tap failed', { error: errorMessage(error) }));
  }

  /** The loss as an event, for who looks at the cluster and not at the log. */
  #historyLost(loss: HistoryLoss): void {
    const about = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } };
    const message = `The store lost history after revision ${loss.lastCommon} (revision ${loss.seen} was known): ${loss.reason}. Nothing is bound until the nodes have told what they run.`;
    this.get(Events)('api-server').event(about, 'Warning', 'HistoryLost', message);
    this.#tell(hooks.historyLost, loss);
  }

  #leaderClient(get: Get): Client {
    // Asked for while the store itself is being made, it would go unfenced for good.
    if ((this.#line as ApiLine | undefined) === undefined) throw new OrreryError('SEAT_EMPTY', 'LeaderClient can be asked for when the orchestrator is assembled: in parts, not while a seat that the server needs is made.', { seat: 'LeaderClient' });
    return this.#leading?.client(USER, 'orrery') ?? get(Client);
  }

  /** Among several orchestrators on one cluster, one leads. */
  #join(): Leading | undefined {
    const wanted = this.#electionSettings ?? this.#line.isShared;
    if (wanted === false) return undefined;
    const changed = (state: Leadership): void => this.#tell(hooks.leadership, state);
    const { stopTimeoutMs } = this.#limits;
    const settings = wanted === true ? {} : wanted;
    const { transport, leaseMs } = this.#line;
    const parts = { leases: this.#line.leases(settings.namespace), transport, kinds: this.#kinds, clock: this.#clock, random: this.#random, log: this.#log };
    return new Leading({ ttlMs: leaseMs, ...settings }, { ...parts, stopTimeoutMs, changed, instruments: this.get(Instruments) });
  }

  get get(): Get {
    return this.#kernel.get;
  }

  get client(): Client {
    return this.get(Client);
  }

  get leadership(): Leadership {
    return this.#leading?.state ?? { leading: this.#state === 'running', epoch: 0 };
  }

  get informers(): Informers {
    return this.get(Informers);
  }

  async start(): Promise<void> {
    if (this.#state !== 'assembled') throw new OrreryError('CLOSED', `The orchestrator is ${this.#state} already; assemble a new one.`);
    this.#state = 'starting';
    const starting = this.#startParts();
    // For who waits until it is over; how it ended is told below.
    this.#starting = starting.catch((error: unknown) => error);
    try {
      await starting;
    } catch (error) {
      await this.#shutDown().catch((also: unknown) => this.#log.error('stopping after a failed start failed too', { error: errorMessage(also) }));
      throw error;
    }
  }

  async #startParts(): Promise<void> {
    const parts = [...this.#ownParts(), ...this.#kernel.instances().flatMap((instance) => this.#partsOf(instance))];
    await this.#parts.start(parts, this.#givenUp.signal);
    await this.#kernel.hooks.call(hooks.started);
    // Nothing is awaited between this look and the new state: from now on a failure stops it.
    this.#givenUp.signal.throwIfAborted();
    this.#state = 'running';
  }

  stop(): Promise<void> {
    return this.#shutDown();
  }

  async finished(): Promise<void> {
    await this.#finished;
    if (this.#failure !== undefined) throw this.#failure;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  replace(name: string, plugin: Plugin): Promise<void> {
    const next = this.#replacing.then(() => this.#replaceOne(name, plugin));
    this.#replacing = next.catch((error: unknown) => this.#log.warn('a replacement failed', { plugin: name, error: errorMessage(error) }));
    return next;
  }

  explain(pod: { readonly namespace?: string; readonly name: string }): Promise<PlacementExplanation> {
    return this.get(Scheduler).explain({ namespace: pod.namespace ?? 'default', name: pod.name });
  }

  addKind<T extends KubeObject>(kind: KindDefinition<T>): Promise<void> {
    return this.#line.addKind(kind);
  }

  #ownParts(): Part[] {
    const caches: Runnable = {
      name: 'caches',
      phase: 'caches',
      run: async (signal, ready) => {
        ready();
        await untilAborted(signal);
        await this.get(RECORDERS).close();
        await (this.informers as SharedInformers).close();
      },
    };
    return [this.#line.part, caches, ...(this.#leading === undefined ? [] : [this.#leading.campaign])].map((runnable) => ({ plugin: '@orrery/core', runnable }));
  }

  /** A plugin's own parts, and one for each controller and proxy it added. */
  #partsOf(instance: PluginInstance): Part[] {
    const controllers = instance.contributions.items.filter((item) => item.token === Controllers).map((item) => this.#controllerPart(item.value as Controller));
    const { name } = instance.assembled;
    const own = instance.parts.map((part) => this.#led(this.#make(name, part)));
    const proxies = instance.contributions.items.filter((item) => item.token === Proxies).map((item) => this.#proxyPart(item.value as Proxy));
    return [...own, ...controllers, ...proxies].map((runnable) => ({ plugin: name, runnable }));
  }

  #make(plugin: string, part: (get: Get) => Runnable): Runnable {
    try {
      return part(this.get);
    } catch (cause) {
      throw new OrreryError('PLUGIN_FAILED', `A part of plugin "${plugin}" could not be made: ${errorMessage(cause)}.`, { plugin }, cause);
    }
  }

  #led(part: Runnable, begin?: (term: Term) => void): Runnable {
    return this.#leading?.part(part, begin) ?? part;
  }

  #controllerPart(controller: Controller): Runnable {
    const { name } = controller;
    const user = { ...USER, name: `system:controller:${name}` };
    let term: Term | undefined;
    const part: Runnable = {
      name: `controller ${name}`,
      phase: 'controllers',
      run: (signal, ready) => {
        // What this run writes carries the fence of the term it began in, also if it ends late.
        const own = term;
        const client = this.#leading?.client(user, name, () => own) ?? new ApiClient({ transport: this.#line.transport, kinds: this.#kinds, user, fieldManager: name });
        const options = { client, informers: this.informers, events: this.get(Events)(name), clock: this.#clock, random: this.#random, log: this.#log, instruments: this.get(Instruments) };
        return new ControllerRunner(controller, options).run(signal, ready);
      },
    };
    return this.#led(part, (begun) => {
      term = begun;
    });
  }

  #proxyPart(proxy: Proxy): Runnable {
    const options = { informers: this.informers, events: this.get(Events)(`proxy-${proxy.name}`), clock: this.#clock, random: this.#random, log: this.#log, instruments: this.get(Instruments) };
    return { name: `proxy ${proxy.name}`, phase: 'proxy', run: (signal, ready) => new ProxyRunner(proxy, options).run(signal, ready) };
  }

  #fail(error: OrreryError): void {
    this.#failure ??= error;
    this.#log.error('a part failed; stopping', { error: error.message });
    this.#givenUp.abort(error);
    if (this.#state === 'running') void this.#shutDown().catch((also: unknown) => this.#log.error('stopping failed too', { error: errorMessage(also) }));
  }

  #shutDown(): Promise<void> {
    return (this.#stopping ??= this.#stopAll().finally(() => {
      this.#state = 'stopped';
      this.#finish();
    }));
  }

  async #stopAll(): Promise<void> {
    const errors: unknown[] = [];
    const attempt = (doing: Promise<unknown>): Promise<unknown> => doing.catch((error: unknown) => errors.push(error));
    const ran = this.#state === 'running';
    this.#state = 'stopping';
    this.#givenUp.abort(new OrreryError('ABORTED', 'The orchestrator was stopped while it started.'));
    await this.#starting;
    await this.#replacing;
    if (ran) await attempt(this.#kernel.hooks.call(hooks.stopping));
    errors.push(...(await this.#parts.stop()));
    // Somebody may have asked for a cache although the part that ends them never ran.
    await attempt(this.get(RECORDERS).close());
    await attempt((this.informers as SharedInformers).close());
    await attempt(this.#kernel.close());
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Stopping failed in ${errors.length} places: ${errors.map(errorMessage).join(' | ')}`);
  }

  async #replaceOne(name: string, plugin: Plugin): Promise<void> {
    if (this.#state !== 'running') throw new OrreryError('CLOSED', `A plugin can be replaced while the orchestrator is running; it is ${this.#state}.`);
    const next = await replacePlugin(name, plugin, {
      kernel: this.#kernel,
      parts: this.#parts,
      partsOf: (instance) => this.#partsOf(instance),
      welcome: (instance) => this.#addKinds(instance),
      broken: (error) => this.#fail(error),
      log: this.#log,
    });
    await this.#kernel.hooks.call(hooks.replaced, { old: name, next });
  }

  /** Kinds that the old plugin did not have. One that is served already stays as it is. */
  async #addKinds({ contributions }: PluginInstance): Promise<void> {
    for (const { token, value } of contributions.items) {
      const kind = value as KindDefinition;
      if (token === Kinds && this.#kinds.byResource(kind.group, kind.plural) === undefined) await this.addKind(kind);
    }
  }
}

/** Not for plugins: they ask for the recorder of their component through `Events`. */
const RECORDERS = seat<RecorderFactory>('EventRecorders');
