import { setMaxListeners } from 'node:events';
import {
  ApiClient, type CancelTimer, type Client, type Clock, errorMessage, type EventRecorder, type Informer, type InformerOptions, type Informers, type KindDefinition,
  type KindRegistry, type KubeObject, type Logger, RecorderFactory, type Random, SharedInformers, type Transport,
} from '@orrery/core';
import { SimulatedLine, type Partition, type LineFaults } from '@orrery/core/testing';

/** What all processes share. */
export interface ProcessHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly server: Transport;
  readonly kinds: KindRegistry;
  /** Whether events are written, or nobody hears of them. */
  readonly events: boolean;
  /** Chance for one life of a process. */
  random(name: string, life: number): Random;
  /** Faults of one process's line, for one life of it. */
  faults(name: string, life: number): LineFaults;
}

/** What the parts of a process are made from. Nothing of it outlives the process. */
export interface ProcessParts {
  readonly client: Client;
  readonly informers: Informers;
  readonly events: (component: string) => EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Undone when the process ends, well or not. */
  defer(undo: () => Promise<void> | void): void;
}

/** A part that runs until its signal aborts. */
export interface ProcessPart {
  run(signal: AbortSignal, ready: () => void): Promise<void>;
}

/** An informer that a process uses, and what it follows. */
export interface UsedInformer {
  readonly kind: KindDefinition;
  readonly options: InformerOptions<KubeObject>;
  readonly informer: Informer<KubeObject>;
}

/** A process that failed by itself is started again after so long, as a supervisor does. */
const SUPERVISOR_MS = 2_000;

/** One process of the cluster, with its own line to the server, caches and events. It can die at any moment and be started anew with no memory. */
export class Process {
  #life: Life | undefined;
  #lives = 0;
  #wanted = false;
  #partition: Partition = 'none';
  #cancelRevival: CancelTimer = () => {};
  /** Lives that are not quite over. */
  readonly #ending = new Set<Promise<void>>();
  readonly #transports: SimulatedLine[] = [];
  /** Why it ended by itself. */
  readonly failures: string[] = [];

  constructor(
    readonly name: string,
    private readonly host: ProcessHost,
    private readonly parts: (parts: ProcessParts) => readonly ProcessPart[],
  ) {}

  /** It runs, and all its parts said that they are ready. */
  get ready(): boolean {
    return this.#life?.ready === true;
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** Open watches on the server, of all its lives. */
  get watches(): number {
    return this.#transports.reduce((sum, { watches }) => sum + watches, 0);
  }

  /** Caches in use. */
  get informers(): readonly UsedInformer[] {
    return this.#life?.informers.used ?? [];
  }

  /** Which way its line is broken; outlives the process. */
  set partition(partition: Partition) {
    this.#partition = partition;
    if (this.#life !== undefined) this.#life.transport.partition = partition;
  }

  /** Starts it, if it does not run. */
  start(): void {
    this.#wanted = true;
    this.#cancelRevival();
    if (this.#life !== undefined) return;
    this.#lives += 1;
    const life = new Life(this.name, this.#lives, this.host, this.parts);
    life.transport.partition = this.#partition;
    this.#transports.push(life.transport);
    this.#life = life;
    const ended = life.run().then(
      () => undefined,
      (error: unknown) => {
        if (this.#life !== life) return;
        this.failures.push(errorMessage(error));
        this.host.log.warn(`process ${this.name} failed`, { error: errorMessage(error) });
        this.#life = undefined;
        life.kill();
        if (this.#wanted) this.#cancelRevival = this.host.clock.timer(SUPERVISOR_MS, () => this.start());
      },
    );
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }

  /** It dies at once: nobody waits for anything, and nothing it wants to say is heard any more. */
  kill(): void {
    this.#wanted = false;
    this.#cancelRevival();
    this.#life?.kill();
    this.#life = undefined;
  }

  /** Ends it as it should end, and waits also for what is left of former lives. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#cancelRevival();
    this.#life?.abort();
    await Promise.all(this.#ending);
    this.#life = undefined;
  }
}

/** Writes no events. */
const DEAF: EventRecorder = { event: () => {} };

class Life {
  readonly transport: SimulatedLine;
  readonly informers: RecordedInformers;
  readonly #recorder: RecorderFactory;
  readonly #abort = new AbortController();
  readonly #undo: (() => Promise<void> | void)[] = [];
  readonly #parts: readonly ProcessPart[];
  ready = false;

  constructor(name: string, life: number, { clock, log, server, kinds, events, random, faults }: ProcessHost, parts: (parts: ProcessParts) => readonly ProcessPart[]) {
    this.transport = new SimulatedLine(server, clock, faults(name, life));
    setMaxListeners(0, this.#abort.signal);
    const client = new ApiClient({ transport: this.transport, kinds, user: { name, groups: ['system:masters'] }, fieldManager: name });
    const own = { client, clock, random: random(name, life), log: log.child({ process: `${name}#${life}` }) };
    this.informers = new RecordedInformers(new SharedInformers(own));
    this.#recorder = new RecorderFactory(own);
    this.#parts = parts({ ...own, informers: this.informers, events: (component) => (events ? this.#recorder.for(component) : DEAF), defer: (undo) => this.#undo.push(undo) });
  }

  async run(): Promise<void> {
    const { signal } = this.#abort;
    let unready = this.#parts.length;
    const ready = (): void => {
      unready -= 1;
      this.ready = unready === 0;
    };
    try {
      await Promise.all(this.#parts.map((part) => part.run(signal, ready)));
      if (!signal.aborted) throw new Error('a part ended by itself');
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.ready = false;
      this.#abort.abort();
      for (const undo of this.#undo.reverse()) await undo();
      await this.#recorder.close();
      await this.informers.inner.close();
    }
  }

  abort(): void {
    this.ready = false;
    this.#abort.abort();
  }

  kill(): void {
    this.transport.kill();
    this.abort();
  }
}

class RecordedInformers implements Informers {
  readonly #used = new Map<Informer<KubeObject>, UsedInformer>();

  constructor(readonly inner: SharedInformers) {}

  get used(): readonly UsedInformer[] {
    return [...this.#used.values()];
  }

  get<T extends KubeObject>(kind: KindDefinition<T>, options: InformerOptions<T> = {}): Informer<T> {
    const informer = this.inner.get(kind, options);
    const any = informer as unknown as Informer<KubeObject>;
    if (!this.#used.has(any)) this.#used.set(any, { kind: kind as unknown as KindDefinition, options: options as unknown as InformerOptions<KubeObject>, informer: any });
    return informer;
  }
}
