import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, errorMessage, longLived, systemClock } from '@orrery/core';
import { type Guardian, startGuardian } from './guardian.js';
import { missingParts, programPath } from './missing.js';
import type { Place } from './network.js';

/** How a Redis server is started. */
export interface RedisOptions {
  /** When a write is on the disk: `always`, `everysec` or `no`; undefined: nothing is kept on disk. Default `everysec`. */
  readonly appendfsync?: 'always' | 'everysec' | 'no' | 'never';
  /** Speaks TLS only, with the files that `args` name. */
  readonly tls?: boolean;
  /** More arguments for redis-server, e.g. `--maxmemory 64mb`. */
  readonly args?: readonly string[];
  /** Arguments for redis-cli so that it gets in: `--user`, `--pass`, `--tls`, `--cacert`. */
  readonly cli?: readonly string[];
  /** A folder below that of another engine, which then removes it. Default: one of its own. */
  readonly folder?: string;
  /** Where it runs; default: on the loopback. */
  readonly place?: Place;
  readonly clock?: Clock;
}

/** A Redis server, or a Sentinel, of this process's own; on the loopback unless told otherwise, at the same port and folder in all its lives. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1`, unless it runs in another place. */
  readonly address: string;
  /** `redis://address:port`. */
  readonly url: string;
  /** Its data and its log. */
  readonly folder: string;
  /** Of the server that runs now, or ran last. */
  readonly pid: number;
  /** Whether it has been started and has not ended. */
  readonly runs: boolean;
  /** Runs a command by redis-cli, in the server's own place. Throws when the server answers with an error. */
  command(...args: readonly string[]): Promise<string>;
  /** Sends a signal; resolves when it has ended, for SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again if it has ended, and resolves when it answers. */
  start(): Promise<void>;
  /** Ends it and removes everything. A second call waits for the first. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 30_000;
const POLL_MS = 20;
const LOOPBACK: Place = { address: '127.0.0.1', enter: [] };
const PORT_ATTEMPTS = 5;
const never = longLived(new AbortController()).signal;
const run = promisify(execFile);

/** The program: `ORRERY_REDIS_SERVER` names another one, for instance valkey-server. */
const server = (): string => process.env['ORRERY_REDIS_SERVER'] ?? (programPath('redis-server') as string);

/** Starts a Redis server on a free port. Throws with the end of its log when it does not come up. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { appendfsync = 'everysec', tls = false, args = [] } = options;
  const durable = appendfsync === 'never' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', appendfsync];
  return startProcess(options, (port, folder) => [...(tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]), '--dir', folder, '--save', '', ...durable, ...args]);
}

/** Starts redis-server with arguments that know its port and folder; with `--sentinel` and a file among them it is a Sentinel. */
export async function startProcess(options: RedisOptions, argsOf: (port: number, folder: string) => readonly string[]): Promise<RedisServer> {
  const missing = missingParts(['redis-server', 'redis-cli']);
  if (missing !== undefined) throw new Error(`A Redis server cannot be started: ${missing}.`);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'ors-'));
  mkdirSync(folder, { recursive: true });
  const guardian = options.folder === undefined ? startGuardian(folder) : undefined;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const place = options.place ?? LOOPBACK;
    // By the folder, with its slash, the guardian finds it; so its title must keep it.
    const args = [...argsOf(port, `${folder}/`), '--bind', place.address, ...(options.place === undefined ? [] : ['--protected-mode', 'no']), '--set-proc-title', 'no', '--daemonize', 'no'];
    const redis = new Server(folder, port, place, args, options.cli ?? [], guardian, options.clock ?? systemClock);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      // Another process was quicker.
      if (attempt < PORT_ATTEMPTS && /Address already in use|bind: /.test(errorMessage(error))) continue;
      await redis.stop();
      throw error;
    }
  }
}

class Server implements RedisServer {
  readonly address: string;
  readonly url: string;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(
    readonly folder: string,
    readonly port: number,
    private readonly place: Place,
    private readonly args: readonly string[],
    private readonly cli: readonly string[],
    private readonly guardian: Guardian | undefined,
    private readonly clock: Clock,
  ) {
    this.address = place.address;
    this.url = `redis://${place.address}:${port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async command(...args: readonly string[]): Promise<string> {
    const [program, ...rest] = [...this.place.enter, programPath('redis-cli') as string, '-h', this.address, '-p', String(this.port), '--no-auth-warning', '-e', ...this.cli, ...args];
    const { stdout } = await run(program as string, rest, { timeout: START_LIMIT_MS, maxBuffer: 64 * 1_048_576 });
    return stdout.trimEnd();
  }

  async start(): Promise<void> {
    if (!this.runs) {
      const log = openSync(join(this.folder, 'redis.log'), 'a');
      const [program, ...rest] = [...this.place.enter, server(), ...this.args];
      this.#child = spawn(program as string, rest, { stdio: ['ignore', log, log], detached: true, cwd: this.folder });
      closeSync(log);
      this.#child.unref();
      this.#ended = once(this.#child, 'exit');
    }
    const until = this.clock.monotonic() + START_LIMIT_MS;
    while (!(await this.#answers())) {
      if (!this.runs || this.clock.monotonic() > until) throw new Error(`redis-server at port ${this.port} ${this.runs ? 'does not answer' : 'has ended'}: ${this.#lastWords()}`);
      await this.clock.sleep(POLL_MS, never);
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.runs) return;
    this.#child?.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    // Who waits for its end must not end before.
    this.#child?.ref();
    await this.#ended;
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await this.kill('SIGKILL');
      await this.guardian?.sweep();
    })();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.command('PING')) === 'PONG';
    } catch {
      return false;
    }
  }

  #lastWords(): string {
    return readFileSync(join(this.folder, 'redis.log'), 'utf8').slice(-2_000);
  }
}

const FIRST_PORT = 10_100;
const LAST_PORT = 20_000;
/** Spread over processes, so that tests side by side do not ask for the same ones. */
let next = FIRST_PORT + ((process.pid * 151) % (LAST_PORT - FIRST_PORT));

/** A port at which nobody listens, below those that connections are given, so that none takes it while the server is down. */
export async function freePort(): Promise<number> {
  for (;;) {
    next = next >= LAST_PORT ? FIRST_PORT : next + 1;
    if (await bindable(next)) return next;
  }
}

async function bindable(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
