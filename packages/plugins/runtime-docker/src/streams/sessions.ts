import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type { AttachOptions, ExecOptions, ExecSession, Logger } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import { dialStream } from '../engine/dial.js';
import type { Engine } from '../engine/engine.js';
import type { Inventory } from '../inventory/inventory.js';
import { sessionOver } from './session.js';

/** The engine leaves a session when it reads these keys; the default (ctrl-p ctrl-q) is what editors and shells use. Nobody types these. */
const DETACH_KEYS = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? 'ctrl-^' : 'ctrl-_')).join(',');

/** The engine ends the streams a moment before it knows the exit code. */
const SETTLE_EVERY_MS = 25;
const SETTLE_TIMES = 200;
/** So often a size is tried. */
const RESIZES = 20;

/** Commands in containers, and the streams of their main processes. */
export class Sessions {
  readonly #engine: Engine;
  readonly #inventory: Inventory;
  readonly #logger: Logger | undefined;

  constructor(engine: Engine, inventory: Inventory, logger: Logger | undefined) {
    this.#engine = engine;
    this.#inventory = inventory;
    this.#logger = logger;
  }

  /** See {@link Runtime.exec}. */
  async exec(containerId: string, { command, tty, stdin }: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    const engine = this.#engine;
    const { facts } = await this.#inventory.container(containerId, signal);
    const notRunning = (cause?: unknown): OrreryError => new OrreryError('NOT_FOUND', `Container ${containerId.slice(0, 12)} does not run.`, { id: containerId }, cause);
    if (facts.state !== 'running') throw notRunning();
    const settings = { Cmd: [...command], Tty: tty, AttachStdin: stdin, AttachStdout: true, AttachStderr: true, DetachKeys: DETACH_KEYS };
    const { id } = await engine
      .call(`exec in ${containerId.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(containerId).exec({ ...settings, abortSignal }))
      .catch((error: unknown) => {
        throw OrreryError.is(error, 'CONFLICT') ? notRunning(error) : error;
      });
    const stream = await engine
      .open(`exec in ${containerId.slice(0, 12)}`, signal, (docker, abortSignal) => dialStream<Duplex>(docker, { method: 'POST', path: `/exec/${id}/start`, body: { Detach: false, Tty: tty }, hijack: true, abortSignal }))
      .catch((error: unknown) => {
        throw OrreryError.is(error, 'CONFLICT') ? notRunning(error) : error;
      });
    return sessionOver(
      stream,
      {
        tty,
        stdin,
        exitCode: () => this.#execExit(id),
        resize: (columns, rows) => this.#resize((docker, abortSignal) => docker.getExec(id).resize({ h: rows, w: columns, abortSignal } as { h: number; w: number })),
        terminate: () => this.#killExec(id, containerId),
      },
      signal,
    );
  }

  /** See {@link Runtime.attach}. */
  async attach(containerId: string, { stdin, tty }: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    const { facts } = await this.#inventory.container(containerId, signal);
    if (facts.state === 'exited') throw new OrreryError('NOT_FOUND', `Container ${containerId.slice(0, 12)} has ended.`, { id: containerId });
    const query = { stream: true, logs: false, stdin, stdout: true, stderr: true, detachKeys: DETACH_KEYS };
    const stream = await this.#engine.open(`attach to ${containerId.slice(0, 12)}`, signal, (docker, abortSignal) =>
      dialStream<Duplex>(docker, { method: 'POST', path: `/containers/${containerId}/attach`, query, body: {}, hijack: true, abortSignal }),
    );
    return sessionOver(
      stream,
      {
        // What matters is whether the container has a terminal: only then its output is not framed.
        tty: facts.tty,
        stdin,
        exitCode: () => this.#containerExit(containerId),
        resize: async (columns, rows) => {
          if (tty) await this.#resize((docker, abortSignal) => docker.getContainer(containerId).resize({ h: rows, w: columns, abortSignal } as { h: number; w: number }));
        },
        // Only leaves.
        terminate: () => Promise.resolve(),
      },
      signal,
    );
  }

  /** The engine opens the stream a moment before there is a terminal. */
  async #resize(request: Parameters<Engine['call']>[2]): Promise<void> {
    for (let time = 1; ; time++) {
      try {
        await this.#engine.call('resize', this.#engine.closed, request, { idempotent: true });
        return;
      } catch (error) {
        const early = OrreryError.is(error) && (error.details['status'] === 500 || error.details['status'] === 409);
        if (early && time < RESIZES && (await this.#engine.clock.sleep(SETTLE_EVERY_MS, this.#engine.closed).then(() => true, () => false))) continue;
        this.#logger?.debug('a terminal was not resized', { error: errorMessage(error) });
        return;
      }
    }
  }

  #execExit(id: string): Promise<number> {
    return this.#settled(async () => {
      const { Running, ExitCode } = await this.#inspectExec(id);
      return Running ? undefined : (ExitCode ?? undefined);
    });
  }

  #containerExit(id: string): Promise<number> {
    return this.#settled(async () => {
      const item = await this.#inventory.find(id, this.#engine.closed);
      return item?.facts.state === 'exited' ? item.facts.exitCode : undefined;
    });
  }

  /** The exit code once there is one; rejects when there is none although the stream has ended. */
  async #settled(ask: () => Promise<number | undefined>): Promise<number> {
    for (let time = 0; time < SETTLE_TIMES; time++) {
      const code = await ask();
      if (code !== undefined) return code;
      await this.#engine.clock.sleep(SETTLE_EVERY_MS, this.#engine.closed);
    }
    throw new OrreryError('UNAVAILABLE', 'The connection to the command was lost while it runs.');
  }

  #inspectExec(id: string): Promise<{ readonly Running: boolean; readonly ExitCode: number | null; readonly Pid: number }> {
    return this.#engine.call('inspect exec', this.#engine.closed, (docker, abortSignal) => docker.getExec(id).inspect({ abortSignal }), { idempotent: true });
  }

  /** The engine cannot end a command. Its process is a child of this machine: where this user may, it is killed; else it goes on until its container ends. */
  async #killExec(id: string, containerId: string): Promise<void> {
    try {
      const { Running, Pid } = await this.#inspectExec(id);
      if (!Running || !(Pid > 1)) return;
      // A process id may have been given to somebody else: only a member of the container's control group is killed.
      if (!(await readFile(`/proc/${Pid}/cgroup`, 'utf8')).includes(containerId)) return;
      process.kill(Pid, 'SIGKILL');
    } catch (error) {
      this.#logger?.debug('the command of a closed session was not ended', { error: errorMessage(error) });
    }
  }
}
