import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, errorMessage, type Random, systemClock, systemRandom, longLived } from '@orrery/core';
import { engineApi } from './api.js';
import { makeBridge } from './bridge.js';
import { startGuardian } from './guardian.js';
import { missingParts, programPath } from './missing.js';

/** How an engine is started. */
export interface DockerdOptions {
  /** Gives containers a network of their own on a bridge with a free 10.x.y.0/24. Default: no network but `none` and `host`. */
  readonly bridge?: boolean;
  /** Containers go on running while the engine is down. Default false: a restart of the engine ends them. */
  readonly liveRestore?: boolean;
  /** The engine's data lies on a file system of its own of this size, bytes, which can be filled up. Default: beside everything else. */
  readonly diskBytes?: number;
  /** More arguments for dockerd, e.g. `--insecure-registry=…`. */
  readonly args?: readonly string[];
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A Docker engine of this process's own. */
export interface DockerEngine extends AsyncDisposable {
  readonly socketPath: string;
  /** Everything of it lies below; short, because of the 107 bytes of a socket's path. */
  readonly folder: string;
  /** Images, layers and logs of containers. */
  readonly dataRoot: string;
  /** Of the dockerd that runs now, or ran last. */
  readonly pid: number;
  /** The address block of the bridge, `10.x.y.0/24`; absent without one. */
  readonly subnet?: string;
  /** Sends a signal to dockerd; resolves when it has ended, for SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends dockerd by SIGTERM if it still runs, starts it again on the same data, and resolves when it answers. */
  restart(): Promise<void>;
  /** Starts dockerd again if it has ended, and resolves when it answers. */
  start(): Promise<void>;
  /** Removes containers, engine, bridge, mounts and data. A second call waits for the first. */
  stop(): Promise<void>;
}

/** How long an engine may take to answer or to end, on a slow and busy machine. */
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const POLL_MS = 25;
/** A longer path of the temporary folder makes the paths of sockets too long. */
const LONGEST_TMP = 40;
const never = longLived(new AbortController()).signal;

/** Starts a Docker engine with a data root, socket and process id file of its own. Needs root; throws with the end of its log when it does not come up. */
export async function startDockerd(options: DockerdOptions = {}): Promise<DockerEngine> {
  const missing = missingParts(options.bridge === true ? ['dockerd', 'ip'] : ['dockerd']);
  if (missing !== undefined) throw new Error(`A Docker engine cannot be started: ${missing}.`);
  const folder = mkdtempSync(join(tmpdir().length <= LONGEST_TMP ? tmpdir() : '/tmp', 'od-'));
  const bridge = options.bridge === true ? makeBridge(options.random ?? systemRandom) : undefined;
  const engine = new Dockerd(folder, bridge, options);
  try {
    if (options.diskBytes !== undefined) mountDisk(engine.dataRoot, options.diskBytes);
    await engine.start();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

/** In memory; the guardian unmounts it. */
function mountDisk(folder: string, bytes: number): void {
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0711`, 'orrery-disk', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
}

class Dockerd implements DockerEngine {
  readonly socketPath: string;
  readonly dataRoot: string;
  readonly subnet?: string;
  readonly #clock: Clock;
  readonly #guardian;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(readonly folder: string, bridge: { readonly name: string; readonly subnet: string } | undefined, { clock = systemClock, liveRestore = false, args = [] }: DockerdOptions) {
    this.#clock = clock;
    this.socketPath = join(folder, 'docker.sock');
    this.dataRoot = join(folder, 'data');
    if (bridge !== undefined) this.subnet = bridge.subnet;
    this.#guardian = startGuardian(folder, bridge?.name);
    this.#arguments = [
      '--data-root', this.dataRoot, '--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'docker.pid'), '--host', `unix://${this.socketPath}`,
      `--bridge=${bridge?.name ?? 'none'}`, '--userland-proxy=true', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false',
      ...(liveRestore ? ['--live-restore'] : []), ...args,
    ];
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get #runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async start(): Promise<void> {
    if (!this.#runs) {
      await this.#forgetContainerd();
      const log = openSync(join(this.folder, 'dockerd.log'), 'a');
      this.#child = spawn(programPath('dockerd') as string, this.#arguments, { stdio: ['ignore', log, log], detached: true });
      closeSync(log);
      this.#child.unref();
      this.#ended = once(this.#child, 'exit');
    }
    const until = this.#clock.monotonic() + START_LIMIT_MS;
    while (!(await this.#answers())) {
      if (!this.#runs || this.#clock.monotonic() > until) throw new Error(`dockerd ${this.#runs ? 'does not answer' : 'has ended'}: ${this.#lastWords()}`);
      await this.#clock.sleep(POLL_MS, never);
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.#runs) return;
    this.#child?.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await this.#ended;
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    // A stopped process hears nothing else.
    this.#child?.kill('SIGCONT');
    if (this.#runs && (await this.#answers())) await this.#removeContainers();
    await this.#end();
    await this.#guardian.sweep();
  }

  /** So that the engine itself takes down what it has set up for them; what it does not, the guardian does. */
  async #removeContainers(): Promise<void> {
    const signal = AbortSignal.timeout(STOP_LIMIT_MS);
    try {
      const { text } = await engineApi(this.socketPath, 'GET', '/containers/json?all=1', { signal });
      const queue = (JSON.parse(text) as readonly { readonly Id: string }[]).map(({ Id }) => Id);
      const remove = async (): Promise<void> => {
        for (let id = queue.pop(); id !== undefined; id = queue.pop()) await engineApi(this.socketPath, 'DELETE', `/containers/${id}?force=1&v=1`, { signal });
      };
      await Promise.all(Array.from({ length: 8 }, remove));
    } catch (error) {
      process.stderr.write(`containers of ${this.folder} are removed by force: ${errorMessage(error)}\n`);
    }
  }

  async #end(): Promise<void> {
    if (!this.#runs) return;
    const cancel = this.#clock.timer(STOP_LIMIT_MS, () => this.#child?.kill('SIGKILL'));
    this.#child?.kill('SIGTERM');
    await this.#ended;
    cancel();
  }

  /**
   * The containerd of a dockerd that was killed dies with it, but a little later. A new dockerd that still sees it, or its remains that nobody
   * has collected, relies on it and fails.
   */
  async #forgetContainerd(): Promise<void> {
    const file = join(this.folder, 'exec', 'containerd', 'containerd.pid');
    if (!existsSync(file)) return;
    const pid = Number(readFileSync(file, 'utf8'));
    const until = this.#clock.monotonic() + STOP_LIMIT_MS;
    while (alive(pid) && this.#clock.monotonic() < until) await this.#clock.sleep(POLL_MS, never);
    rmSync(file, { force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await engineApi(this.socketPath, 'GET', '/_ping', { signal: AbortSignal.timeout(5_000) })).status === 200;
    } catch {
      return false;
    }
  }

  #lastWords(): string {
    return readFileSync(join(this.folder, 'dockerd.log'), 'utf8').slice(-2_000);
  }
}

/** Whether a process runs: it exists, and is not what is left of one. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
