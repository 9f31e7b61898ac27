import type { CancelTimer, Clock, ContainerConfig, ContainerResources, LogEntry, PodIdentity, RuntimeContainerStatus, RuntimeEvent } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { SimulatedBehaviour } from './behaviour.js';

/** How a simulated container ended. */
interface Ending {
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
}

const SIGKILL = 9;
const DEFAULT_MEMORY_BYTES = 16 * 1024 * 1024;

/** A container that is only a state on the clock. Its timers are all cancelled when it ends. */
export class SimulatedContainer {
  readonly createdAt: number;
  readonly log: LogEntry[] = [];
  readonly #timers = new Set<CancelTimer>();
  readonly #watchers = new Set<() => void>();
  #startedAt: number | undefined;
  #runsSince = 0;
  #resources: ContainerResources;
  #ending: Ending | undefined;
  /** It has ended, and nobody knows how. */
  #exitLost = false;
  #starting: Promise<void> | undefined;
  #announceEnd!: () => void;
  readonly ended: Promise<void> = new Promise((resolve) => {
    this.#announceEnd = resolve;
  });

  constructor(
    readonly id: string,
    readonly sandboxId: string,
    readonly pod: PodIdentity,
    readonly config: ContainerConfig,
    readonly behaviour: SimulatedBehaviour,
    readonly clock: Clock,
    readonly announce: (event: RuntimeEvent) => void,
    readonly imageId: string = config.image,
  ) {
    this.createdAt = clock.now();
    this.#resources = config.resources;
  }

  get state(): 'created' | 'running' | 'exited' | 'unknown' {
    if (this.#exitLost) return 'unknown';
    return this.#ending !== undefined ? 'exited' : this.#startedAt !== undefined ? 'running' : 'created';
  }

  get status(): RuntimeContainerStatus {
    const { id, sandboxId, pod, config, createdAt } = this;
    return {
      id, sandboxId, pod, name: config.name, attempt: config.attempt, image: config.image, imageId: this.imageId, state: this.state, createdAt,
      ...(this.#startedAt === undefined ? {} : { startedAt: this.#startedAt }),
      ...this.#ending,
      resources: this.#resources,
      labels: config.labels,
      annotations: config.annotations,
    };
  }

  /** Milliseconds it has been running for. */
  get age(): number {
    return this.clock.monotonic() - this.#runsSince;
  }

  get memoryBytes(): number {
    return this.behaviour.memoryBytes ?? DEFAULT_MEMORY_BYTES;
  }

  get cpuNanoseconds(): number {
    return Math.round(this.age * 1e6 * (this.behaviour.cpuCores ?? 0.01));
  }

  /** Starts once. Throws `INVALID` when the behaviour says so, then and later. */
  start(): Promise<void> {
    const { failStart, startDelayMs = 0 } = this.behaviour;
    if (this.#ending?.reason === 'StartError') return Promise.reject(cannotStart(this.#ending.message ?? ''));
    if (this.state !== 'created') return Promise.resolve();
    this.#starting ??= new Promise((resolve, reject) => {
      const begin = (): void => {
        if (this.state !== 'created') return resolve();
        if (failStart === undefined) {
          this.#run();
          return resolve();
        }
        this.#end({ exitCode: 128, reason: 'StartError', message: failStart });
        reject(cannotStart(failStart));
      };
      if (startDelayMs > 0) this.#after(startDelayMs, begin);
      else begin();
      // It may be killed before that.
      void this.ended.then(resolve);
    });
    return this.#starting;
  }

  /** Changes what it may use. Throws `NOT_FOUND` when it does not run, `INVALID` for less memory than it uses. */
  update({ cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes }: ContainerResources): void {
    if (this.state !== 'running') throw new OrreryError('NOT_FOUND', `Container ${this.id} is not running.`, { containerId: this.id });
    if (memoryLimitBytes !== undefined && memoryLimitBytes < this.memoryBytes) throw new OrreryError('INVALID', `The memory in use (${this.memoryBytes} bytes) is more than the new limit (${memoryLimitBytes} bytes).`);
    const given = Object.entries({ cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes }).filter(([, value]) => value !== undefined);
    this.#resources = { ...this.#resources, ...Object.fromEntries(given) };
  }

  /** Asks it to end and kills it after the grace. Resolves when it has ended; one that never ran stays as it is. */
  async stop(graceMs: number): Promise<void> {
    if (this.#exitLost) return this.#settle();
    if (this.state !== 'running') return;
    const { stopMs = 0, stopExitCode = 143 } = this.behaviour;
    if (stopMs < graceMs) {
      this.#after(stopMs, () => this.exit({ exitCode: stopExitCode, reason: stopExitCode === 0 ? 'Completed' : 'Error', ...signalOf(stopExitCode) }));
    } else {
      this.#after(graceMs, () => this.kill());
    }
    await this.ended;
  }

  /** Ends it at once, as SIGKILL does, also while it is being started. */
  kill(): void {
    const killed = { exitCode: 128 + SIGKILL, signal: SIGKILL, reason: 'Error' };
    if (this.#exitLost) this.#settle();
    else if (this.state === 'created' && this.#starting !== undefined) this.#end(killed);
    else this.exit(killed);
  }

  /** Ends it this way, if it runs. */
  exit(ending: Omit<Ending, 'finishedAt'>): void {
    if (this.state === 'running') this.#end(ending);
  }

  /** Forgets all timers: nothing happens to it any more. */
  discard(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#announceEnd();
    this.#wakeWatchers();
  }

  /** Adds a line to its output. */
  write(stream: 'stdout' | 'stderr', line: string): void {
    // The clock has milliseconds; the place in the log makes the rest, so that the order can be told from the times.
    const digits = String(this.log.length % 1_000_000).padStart(6, '0');
    this.log.push({ timestamp: `${new Date(this.clock.now()).toISOString().slice(0, -1)}${digits}Z`, stream, line, partial: false });
    this.#wakeWatchers();
  }

  /** Calls back when the log grows or the container ends, until the returned function is called. */
  watch(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }

  #run(): void {
    const { exitAfterMs, exitCode = 0, oomKilled = false, exitLost = false, logLines = [] } = this.behaviour;
    this.#startedAt = this.clock.now();
    this.#runsSince = this.clock.monotonic();
    this.announce({ type: 'containerStarted', pod: this.pod, containerId: this.id });
    for (const { atMs, stream, line } of logLines) {
      if (atMs > 0) this.#after(atMs, () => this.write(stream, line));
      else this.write(stream, line);
    }
    if (exitAfterMs === undefined) return;
    const ending = oomKilled
      ? { exitCode: 128 + SIGKILL, signal: SIGKILL, reason: 'OOMKilled' }
      : { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', ...signalOf(exitCode) };
    this.#after(exitAfterMs, () => (exitLost ? this.#loseExit() : this.exit(ending)));
  }

  #loseExit(): void {
    this.#exitLost = true;
    this.discard();
  }

  /** Whoever stops it learns that it has ended, and no more. */
  #settle(): void {
    this.#exitLost = false;
    this.#end({ exitCode: 128 + SIGKILL, reason: 'ContainerStatusUnknown' });
  }

  #end(ending: Omit<Ending, 'finishedAt'>): void {
    this.#ending = { finishedAt: this.clock.now(), ...ending };
    this.discard();
    this.announce({ type: 'containerExited', pod: this.pod, containerId: this.id });
  }

  #after(delayMs: number, act: () => void): void {
    if (delayMs === Infinity) return;
    const cancel = this.clock.timer(delayMs, () => {
      this.#timers.delete(cancel);
      act();
    });
    this.#timers.add(cancel);
  }

  #wakeWatchers(): void {
    for (const wake of [...this.#watchers]) wake();
  }
}

/** A shell tells an end by signal n as 128 + n; there are 64 signals. */
function signalOf(exitCode: number): { readonly signal?: number } {
  return exitCode > 128 && exitCode <= 192 ? { signal: exitCode - 128 } : {};
}

function cannotStart(why: string): OrreryError {
  return new OrreryError('INVALID', `The container cannot be started: ${why}`);
}
