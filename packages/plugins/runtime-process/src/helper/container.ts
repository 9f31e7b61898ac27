import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { ContainerResources, RuntimeEvent } from '@orrery/core';
import { layout } from '../shared/layout.js';
import type { ContainerRecord, Ending, SandboxRecord } from '../shared/records.js';
import type { BestEffort } from './best-effort.js';
import { killInside, makeCgroups, needsCgroups, oomKills, planCgroups, removeCgroups, startInside } from './cgroups.js';
import type { CgroupBase } from './cgroups.js';
import { HelperFailure, messageOf } from './failure.js';
import type { FifoPool } from './fifo-pool.js';
import { LaunchError, environmentOf, launch, openForReading, setOomScore } from './launch.js';
import type { Exit, Launched, Program } from './launch.js';
import type { Journal } from './journal.js';
import type { LogLimits } from './log-writer.js';
import { LogWriter } from './log-writer.js';
import { now, settlesWithin, timer } from './platform.js';
import { isAlive, processesByMarker, readStat, signalProcess } from './proc.js';
import { mergedResources, setLimits } from './resize.js';
import { resolveWorkingDir } from './rootfs.js';
import type { Sweeper } from './sweeper.js';

/** What all containers share. */
export interface Workshop {
  readonly stateDir: string;
  readonly journal: Journal;
  readonly fifos: FifoPool;
  readonly sweeper: Sweeper;
  readonly cgroups: CgroupBase | undefined;
  /** Where containers go that asked for nothing; absent without control groups. */
  readonly bestEffort: BestEffort | undefined;
  readonly logLimits: LogLimits;
  readonly boot: string;
  complain(message: string): void;
  announce(event: RuntimeEvent): void;
}

/** Gets a copy of the output from now on. */
export type OutputTap = (stream: 'stdout' | 'stderr', chunk: Buffer) => void;

/** Output normally ends with the process; if not, something still holds it and is looked for after this long. */
const DRAIN_MS = 100;
/** How long output may come after everything that belongs to the container has been killed. */
const LAST_DRAIN_MS = 1_000;
/** How often a process that is not our child is looked at. Usually the end of its output tells first. */
const ADOPTED_POLL_MS = 500;

/** One container and its life: created → running → exited. */
export class Container {
  readonly taps = new Set<OutputTap>();
  /** Execs running in it; each entry ends one. */
  readonly guests = new Set<() => void>();
  stdin: Writable | undefined;
  #record: ContainerRecord;
  #starting: Promise<void> | undefined;
  #finishing = false;
  #cleaned: Promise<void> = Promise.resolve();
  #swept = false;
  #announceEnd!: () => void;
  /** Resolves when the container has ended and all its output is written. */
  readonly ended: Promise<void> = new Promise((resolve) => {
    this.#announceEnd = resolve;
  });

  constructor(readonly shop: Workshop, readonly sandbox: SandboxRecord, record: ContainerRecord) {
    this.#record = record;
    if (record.ending !== undefined) this.#announceEnd();
  }

  get record(): ContainerRecord {
    return this.#record;
  }

  get state(): 'created' | 'running' | 'exited' {
    return this.#record.ending !== undefined ? 'exited' : this.#record.process !== undefined ? 'running' : 'created';
  }

  /** Starts it once; later calls find it started. Throws `INVALID` when it cannot be started, then and later. */
  start(): Promise<void> {
    if (this.#record.ending?.reason === 'StartError') return Promise.reject(new HelperFailure('INVALID', this.#record.ending.message ?? 'The container could not be started.'));
    if (this.state !== 'created') return Promise.resolve();
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Asks it to end, kills it after the grace, and resolves when it is gone with everything it started. A container that does not run is left as it is. */
  async stop(graceMs: number): Promise<void> {
    await this.#starting?.catch(() => undefined /* told to whoever started it */);
    if (this.state === 'running' && graceMs > 0) {
      this.#signalGroup(stopSignalOf(this.#record));
      await settlesWithin(this.ended, graceMs);
    }
    if (this.state === 'running') {
      this.#signalGroup('SIGKILL');
      for (const directory of this.#record.cgroups ?? []) killInside(directory);
      await this.ended;
    }
    if (this.state === 'exited') await this.#sweep();
    await this.#cleaned;
  }

  /** Changes cpu and memory while it runs. Throws `NOT_FOUND` when it does not, `UNSUPPORTED` without control groups, `INVALID` for limits that cannot be. */
  update(wanted: ContainerResources): void {
    const { id, config, process: identity, cgroups = [] } = this.#record;
    if (this.state !== 'running' || this.#finishing || identity === undefined) throw new HelperFailure('NOT_FOUND', `Container ${id} does not run.`);
    if (this.shop.cgroups === undefined) throw new HelperFailure('UNSUPPORTED', 'There are no control groups here.');
    const resources = mergedResources(config.resources, wanted);
    if (needsCgroups(resources)) {
      const plan = planCgroups(this.shop.cgroups, id, resources);
      const missing = plan.directories.filter((directory) => !cgroups.includes(directory));
      this.shop.bestEffort?.leave(identity);
      // Written down first, so that none can be left behind.
      if (missing.length > 0) this.#save({ ...this.#record, cgroups: [...cgroups, ...missing] });
      setLimits(this.shop.cgroups, plan, wanted, missing, () => processesByMarker().get(id) ?? []);
    }
    this.#save({ ...this.#record, config: { ...config, resources } });
  }

  /** Stops it at once and forgets it. */
  async remove(): Promise<void> {
    await this.stop(0);
    await removeCgroups(this.#record.cgroups ?? []);
    this.shop.journal.removeContainer(this.#record.id);
  }

  /** Takes over what a record from an earlier helper says is running. */
  adopt(): void {
    const { process: identity, ending } = this.#record;
    if (identity === undefined || ending !== undefined) return;
    if (!isAlive(identity, this.shop.boot)) {
      void this.#finish(undefined, []);
      return;
    }
    const streams = (['stdout', 'stderr'] as const).flatMap((stream) => this.#reopen(stream));
    let cancel = (): void => undefined;
    const look = (nextMs: number): void => {
      cancel();
      if (this.#finishing) return;
      if (isAlive(identity, this.shop.boot)) cancel = timer(nextMs, () => look(Math.min(ADOPTED_POLL_MS, nextMs * 4)));
      else void this.#finish(undefined, streams);
    };
    // The kernel closes a dying process's pipes a moment before it takes it off the list: look soon, and again.
    for (const stream of streams) stream.ended.then(() => look(2), (error: unknown) => this.shop.complain(messageOf(error)));
    look(ADOPTED_POLL_MS);
  }

  /** How to run a program as this container: its environment, directory, user and groups. */
  program(argv: readonly string[], stdin: boolean): Program {
    const { config, id } = this.#record;
    const { runAsUser, runAsGroup } = config.security;
    return {
      argv,
      stdin,
      cwd: resolveWorkingDir(config.workingDir ?? '/', config.mounts),
      env: environmentOf(id, layout.rootfs(this.shop.stateDir, id), config, process.env),
      ...(runAsUser === undefined ? {} : { uid: runAsUser }),
      ...(runAsGroup === undefined ? {} : { gid: runAsGroup }),
    };
  }

  async #start(): Promise<void> {
    const { config } = this.#record;
    try {
      const pipes = await this.shop.fifos.take();
      if (pipes !== undefined) this.#record = { ...this.#record, pipes };
      const cgroups = this.#joinCgroups();
      const streams = pipes === undefined ? {} : { streams: { stdout: this.shop.fifos.path(pipes.stdout), stderr: this.shop.fifos.path(pipes.stderr) } };
      const program = { ...this.program([...config.command, ...config.args], config.stdin), ...streams };
      this.#run(startInside(cgroups, () => launch(program)));
    } catch (error) {
      const failure = error instanceof LaunchError ? await error.reason : error;
      const message = messageOf(failure);
      // 128 is what the kubelet shows for a container that never ran.
      await this.#end({ finishedAt: now(), exitCode: 128, reason: 'StartError', message });
      throw failure instanceof HelperFailure ? failure : new HelperFailure('INVALID', message);
    }
  }

  /** Makes the control groups, if there are any here and the container asks for something. They are written down first, so that none can be left behind. */
  #joinCgroups(): readonly string[] {
    if (this.shop.cgroups === undefined || !needsCgroups(this.#record.config.resources)) return [];
    const plan = planCgroups(this.shop.cgroups, this.#record.id, this.#record.config.resources);
    this.#save({ ...this.#record, cgroups: plan.directories });
    makeCgroups(this.shop.cgroups, plan);
    return plan.directories;
  }

  #run(launched: Launched): void {
    const startTicks = readStat(launched.pid)?.startTicks ?? '';
    this.stdin = launched.stdin;
    if (this.#record.config.resources.oomScoreAdj !== undefined) setOomScore(launched.pid, this.#record.config.resources.oomScoreAdj);
    const identity = { pid: launched.pid, startTicks, bootId: this.shop.boot };
    this.#save({ ...this.#record, startedAt: now(), process: identity });
    if (this.#record.cgroups === undefined) this.shop.bestEffort?.add(identity);
    const log = this.#openLog();
    const streams = [this.#pump('stdout', launched.stdout, log), this.#pump('stderr', launched.stderr, log)];
    launched.exited.then((exit) => this.#finish(exit, streams)).catch((error: unknown) => this.shop.complain(messageOf(error)));
    this.#announce('containerStarted');
  }

  /** The process is gone: ends what belonged to it, collects the last output, and keeps how it ended. */
  async #finish(exit: Exit | undefined, streams: readonly OutputStream[]): Promise<void> {
    if (this.#finishing) return;
    this.#finishing = true;
    const finishedAt = now();
    for (const endGuest of this.guests) endGuest();
    const [memoryGroup] = this.#record.cgroups ?? [];
    const killedForMemory = memoryGroup !== undefined && oomKills(memoryGroup) > 0;
    for (const directory of this.#record.cgroups ?? []) killInside(directory);
    // An adopted process's group id may have been given to others since; only a parent knows that it was not.
    if (exit !== undefined) this.#signalGroup('SIGKILL');
    else await this.#sweep();
    const drained = Promise.all(streams.map(({ ended }) => ended));
    let clean = streams.length > 0 && (await settlesWithin(drained, DRAIN_MS));
    if (!clean) {
      await this.#sweep();
      clean = (await settlesWithin(drained, LAST_DRAIN_MS)) && streams.length > 0;
      for (const { destroy } of streams) destroy();
    }
    this.#releasePipes(clean);
    await this.#end(endingOf(exit, killedForMemory, finishedAt));
  }

  async #end(ending: Ending): Promise<void> {
    this.#log?.close();
    this.#releasePipes(false);
    this.#save({ ...this.#record, ending });
    this.#cleaned = removeCgroups(this.#record.cgroups ?? []).catch((error: unknown) => this.shop.complain(`A control group of ${this.#record.id} stays: ${messageOf(error)}`));
    this.taps.clear();
    this.#announceEnd();
    this.#announce('containerExited');
  }

  /** A pipe that ended by itself is held by nobody and can serve again; any other may still be written to. */
  #releasePipes(clean: boolean): void {
    const { pipes, ...rest } = this.#record;
    if (pipes === undefined) return;
    for (const name of [pipes.stdout, pipes.stderr]) {
      if (clean) this.shop.fifos.giveBack(name);
      else this.shop.fifos.discard(name);
    }
    this.#record = rest;
  }

  async #sweep(): Promise<void> {
    if (this.#swept || this.#record.process === undefined) return;
    await this.shop.sweeper.sweep(this.#record.id);
    // Once the main process is gone and nothing with the marker is left, nothing can appear any more.
    this.#swept = this.#finishing;
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const identity = this.#record.process;
    if (identity === undefined) return;
    if (!this.#finishing && !isAlive(identity, this.shop.boot)) return;
    // A process that is about to lead its group, or has left it, is still ours to end.
    if (!signalProcess(-identity.pid, signal) && !this.#finishing) signalProcess(identity.pid, signal);
  }

  #reopen(stream: 'stdout' | 'stderr'): OutputStream[] {
    const name = this.#record.pipes?.[stream];
    return name === undefined ? [] : [this.#pump(stream, openForReading(this.shop.fifos.path(name)), this.#openLog())];
  }

  #log: LogWriter | undefined;
  #openLog(): LogWriter {
    this.#log ??= new LogWriter(layout.container(this.shop.stateDir, this.#record.id), this.shop.logLimits, (message) => this.shop.complain(message));
    return this.#log;
  }

  #pump(stream: 'stdout' | 'stderr', source: Readable, log: LogWriter): OutputStream {
    source.on('data', (chunk: Buffer) => {
      log.write(stream, chunk);
      for (const tap of this.taps) tap(stream, chunk);
    });
    source.on('error', (error) => this.shop.complain(`Reading ${stream} of ${this.#record.id}: ${error.message}`));
    const ended = new Promise<void>((resolve) => {
      source.once('close', () => {
        log.endStream(stream);
        resolve();
      });
    });
    return { ended, destroy: () => source.destroy() };
  }

  #save(record: ContainerRecord): void {
    this.shop.journal.saveContainer(record);
    this.#record = record;
  }

  #announce(type: RuntimeEvent['type']): void {
    this.shop.announce({ type, pod: this.sandbox.config.pod, containerId: this.#record.id });
  }
}

/** One stream being copied to the log. */
interface OutputStream {
  readonly ended: Promise<void>;
  destroy(): void;
}

/** How the contract tells an end. Without an exit it is told as the kubelet tells a container that it lost. */
export function endingOf(exit: Exit | undefined, killedForMemory: boolean, finishedAt: number): Ending {
  if (exit === undefined) {
    return {
      finishedAt,
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The process ended while nobody could see how.',
    };
  }
  const signal = exit.signal === null ? undefined : constants.signals[exit.signal];
  const exitCode = signal === undefined ? (exit.code ?? 255) : 128 + signal;
  const reason = killedForMemory && exitCode !== 0 ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
  return { finishedAt, exitCode, reason, ...(signal === undefined ? {} : { signal }) };
}

/** The signal a container is asked to end with. Throws nothing: an unknown name was refused when the container was created. */
export function stopSignalOf(record: ContainerRecord): NodeJS.Signals {
  return (record.config.stopSignal ?? 'SIGTERM') as NodeJS.Signals;
}
