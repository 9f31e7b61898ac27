import { workloadControllers } from '@orrery/controllers';
import {
  type ApiRequest, ApiError, type Clock, createOrchestrator, definePlugin, errorMessage, type KubeList, type KubeObject, type Logger, type Orchestrator, type Random, type Runnable, Store,
  Transport, untilAborted, type WatchEvent, type WatchRequest,
} from '@orrery/core';
import { ProcessClock } from '@orrery/core/testing';
import { spread } from '@orrery/scheduler-spread';
import { PlaneStore } from './plane-store.js';

/** What a control plane is made from. */
export interface PlaneOptions {
  readonly name: string;
  /** That all processes share. */
  readonly clock: Clock;
  readonly log: Logger;
  /** The shared store as this process's line brings it. */
  readonly store: Store;
  /** Chance for one life. */
  readonly random: (life: number) => Random;
  /** It answers now: what needs it can be started. */
  readonly started: (plane: Plane) => void;
  /** It no longer does. */
  readonly ended: (plane: Plane) => void;
  /** The parts that act for the whole cluster begin and end. */
  readonly acting: (plane: Plane, acts: boolean) => void;
}

/** A process that failed by itself is started again after so long, as a supervisor does. */
const SUPERVISOR_MS = 2_000;
/** A process that is killed does not wind down; what is left of it here must, and with no store all of it does so at once. */
const LIMITS = { setupTimeoutMs: 30_000, startTimeoutMs: 120_000, stopTimeoutMs: 30_000 };

interface Life {
  readonly store: PlaneStore;
  orchestrator?: Orchestrator;
  over: boolean;
}

/** One process with an orchestrator, one of several on a store: as shipped, with the preset of controllers and the spreading scheduler. It can be stopped, frozen, cut off, killed and started anew. */
export class Plane implements Transport {
  readonly clock: ProcessClock;
  /** Why it ended by itself. */
  readonly failures: string[] = [];
  #life: Life | undefined;
  #lives = 0;
  #ready = false;
  #cut = false;
  #wanted = false;
  readonly #ending = new Set<Promise<void>>();

  constructor(private readonly options: PlaneOptions) {
    this.clock = new ProcessClock(options.clock);
  }

  get name(): string {
    return this.options.name;
  }

  /** It runs, and all its parts said that they are ready. */
  get ready(): boolean {
    return this.#ready && this.clock.running;
  }

  /** Its parts run, if its machine lets it. */
  get answers(): boolean {
    return this.#ready;
  }

  /** It believes that it leads. */
  get leads(): boolean {
    return this.#life?.orchestrator?.leadership.leading === true;
  }

  /** The line between it and the store is broken. */
  get cut(): boolean {
    return this.#cut;
  }

  set cut(cut: boolean) {
    this.#cut = cut;
    if (this.#life !== undefined) this.#life.store.cut = cut;
  }

  /** Starts it, if it does not run. */
  start(): void {
    this.#wanted = true;
    if (this.#life !== undefined) return;
    this.#lives += 1;
    const life: Life = { store: new PlaneStore(this.options.store, this.clock), over: false };
    life.store.cut = this.#cut;
    this.#life = life;
    this.#track(this.#run(life));
  }

  /** It dies at once, wherever it is. */
  kill(): void {
    this.#wanted = false;
    this.#drop();
  }

  /** Ends it as it should end. */
  shutDown(): void {
    this.#wanted = false;
    const life = this.#life;
    if (life === undefined) return;
    this.#forget(life);
    this.#track(this.#close(life));
  }

  /** Resolves when nothing is left of any of its lives. */
  async ended(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  async request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    await this.clock.awake();
    return this.#transport().request(request, signal);
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    return this.#transport().watch(request, signal);
  }

  #transport(): Transport {
    const { orchestrator } = this.#life ?? {};
    if (orchestrator === undefined || !this.#ready) throw new ApiError('ServiceUnavailable', `${this.name} does not run (simulated)`);
    return orchestrator.get(Transport);
  }

  async #run(life: Life): Promise<void> {
    const { log, random } = this.options;
    try {
      const orchestrator = await createOrchestrator({ plugins: this.#plugins(life), clock: this.clock, random: random(this.#lives), logger: log.child({ process: `${this.name}#${this.#lives}` }), limits: LIMITS });
      if (life.over) return await orchestrator.stop();
      life.orchestrator = orchestrator;
      await orchestrator.start();
      if (life.over) return;
      this.#ready = true;
      this.options.started(this);
      await orchestrator.finished();
    } catch (error) {
      if (life.over) return;
      this.failures.push(errorMessage(error));
      log.warn(`${this.name} failed`, { error: errorMessage(error) });
      this.#drop();
      this.options.clock.timer(SUPERVISOR_MS, () => {
        if (this.#wanted) this.start();
      });
    }
  }

  #plugins(life: Life): Parameters<typeof createOrchestrator>[0]['plugins'] {
    const probe: Runnable = {
      name: 'probe',
      phase: 'controllers',
      run: async (signal, ready) => {
        if (!life.over) this.options.acting(this, true);
        ready();
        await untilAborted(signal);
        if (!life.over) this.options.acting(this, false);
      },
    };
    const simulated = definePlugin({
      name: 'simulated',
      setup({ provide, run }) {
        provide(Store, () => life.store);
        run(() => probe);
      },
    });
    // Pods leave a lost node after a minute instead of five, so that evictions happen within the time of a simulation.
    const lifecycle = { notReadyTolerationSeconds: 60, unreachableTolerationSeconds: 60 };
    return [simulated(), workloadControllers({ nodeLifecycle: lifecycle }), spread()];
  }

  /** Of a process that is gone nothing is heard any more. */
  #drop(): void {
    const life = this.#life;
    if (life === undefined) return;
    life.store.kill();
    this.#forget(life);
    // What is left of it here is no part of the cluster; it has to run to end.
    this.clock.resume();
    this.#track(this.#close(life));
  }

  #forget(life: Life): void {
    life.over = true;
    this.#life = undefined;
    this.#ready = false;
    this.options.ended(this);
  }

  async #close({ orchestrator, store }: Life): Promise<void> {
    try {
      await orchestrator?.stop();
    } catch (error) {
      this.options.log.warn(`${this.name} did not end well`, { error: errorMessage(error) });
    } finally {
      await store.close();
    }
  }

  #track(work: Promise<void>): void {
    this.#ending.add(work);
    void work.finally(() => this.#ending.delete(work));
  }
}
