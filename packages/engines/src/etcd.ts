import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, longLived, systemClock } from '@orrery/core';
import { type EtcdPki, makePki } from './etcd-pki.js';
import { startGuardian } from './guardian.js';
import { missingParts, programPath } from './missing.js';
import type { Place } from './network.js';
import { freePorts } from './ports.js';

/** How an etcd is started. */
export interface EtcdOptions {
  /** Members of the cluster; default 1. */
  readonly members?: number;
  /** Clients speak TLS and show a certificate; see {@link Etcd.pki}. Default false. */
  readonly tls?: boolean;
  /** More arguments for every member, e.g. `--quota-backend-bytes=…`. */
  readonly args?: readonly string[];
  /** Where the members run, one each; default: all on the loopback. */
  readonly places?: readonly Place[];
  readonly clock?: Clock;
}

/** One member: the same ports and data in all its lives. */
export interface EtcdMember {
  /** For clients: `http://127.0.0.1:port`, another address in another place, or https. */
  readonly endpoint: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly dataDir: string;
  /** Sends a signal; resolves when the process has ended, for SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again if it has ended; does not wait until it answers. */
  start(): void;
}

/** An etcd cluster of this process's own, on the loopback. */
export interface Etcd extends AsyncDisposable {
  readonly folder: string;
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  /** With `tls`. */
  readonly pki?: EtcdPki;
  /** Runs etcdctl (API 3) against all members; gives what it prints. `--user` and the like go among the arguments. Throws when it fails. */
  ctl(...args: readonly string[]): Promise<string>;
  /** Waits until the cluster has a leader that takes writes. */
  ready(): Promise<void>;
  /** The member that leads. Throws when there is none. */
  leader(): Promise<EtcdMember>;
  /** Ends it and removes everything. A second call waits for the first. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const POLL_MS = 30;
const never = longLived(new AbortController()).signal;
const run = promisify(execFile);

/** Starts an etcd cluster on free ports, and waits until it takes writes. Throws with the end of a log when it does not come up. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const missing = missingParts(options.tls === true ? ['etcd', 'etcdctl', 'openssl'] : ['etcd', 'etcdctl']);
  if (missing !== undefined) throw new Error(`An etcd cannot be started: ${missing}.`);
  const folder = mkdtempSync(join(tmpdir(), 'oe-'));
  const cluster = new Cluster(folder, await freePorts(2 * (options.members ?? 1)), options);
  try {
    for (const member of cluster.members) member.start();
    await cluster.ready();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

class Cluster implements Etcd {
  readonly members: readonly Member[];
  readonly pki?: EtcdPki;
  readonly #clock: Clock;
  readonly #guardian;
  #stopping: Promise<void> | undefined;

  constructor(readonly folder: string, ports: readonly number[], { tls = false, args = [], places = [], clock = systemClock }: EtcdOptions) {
    this.#clock = clock;
    this.#guardian = startGuardian(folder);
    if (tls) this.pki = makePki(join(folder, 'pki'));
    const scheme = tls ? 'https' : 'http';
    const count = ports.length / 2;
    const peers = ports.slice(count).map((port, i) => `http://${places[i]?.address ?? '127.0.0.1'}:${port}`);
    const initial = peers.map((peer, i) => `m${i}=${peer}`).join(',');
    const secured = this.pki === undefined ? [] : ['--cert-file', this.pki.files.serverCert, '--key-file', this.pki.files.serverKey, '--trusted-ca-file', this.pki.files.ca, '--client-cert-auth'];
    this.members = ports.slice(0, count).map((port, i) => {
      const endpoint = `${scheme}://${places[i]?.address ?? '127.0.0.1'}:${port}`;
      const peer = peers[i] as string;
      return new Member(join(folder, `m${i}`), endpoint, [
        '--name', `m${i}`, '--listen-client-urls', endpoint, '--advertise-client-urls', endpoint, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer,
        '--initial-cluster', initial, '--initial-cluster-token', folder, '--log-level', 'warn', '--logger', 'zap', ...secured, ...args,
      ], places[i]?.enter ?? []);
    });
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  async ctl(...args: readonly string[]): Promise<string> {
    return this.#ctl(['--endpoints', this.endpoints.join(','), ...args]);
  }

  async ready(): Promise<void> {
    const until = this.#clock.monotonic() + START_LIMIT_MS;
    // An answer by consensus shows a leader, whatever it says: with auth on, it is that a user is missing.
    for (const { endpoint } of this.members) {
      for (;;) {
        const said = await this.#ctl(['--endpoints', endpoint, '--command-timeout=1s', 'get', 'orrery-ready']).catch((error: unknown) => String(error));
        if (!said.includes('Error') || /user name is empty|permission denied/.test(said)) break;
        const ended = this.members.find((member) => member.ended);
        if (ended !== undefined || this.#clock.monotonic() > until) throw new Error(`etcd does not come up: ${said}\n${(ended ?? (this.members[0] as Member)).lastWords()}`);
        await this.#clock.sleep(POLL_MS, never);
      }
    }
  }

  async leader(): Promise<EtcdMember> {
    for (const member of this.members) {
      const text = await this.#ctl(['--endpoints', member.endpoint, '--command-timeout=1s', 'endpoint', 'status', '--write-out=json']).catch(() => '[]' /* it does not run */);
      const [status] = JSON.parse(text) as readonly { readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number } }[];
      if (status !== undefined && status.Status.leader === status.Status.header.member_id) return member;
    }
    throw new Error('no member of the etcd cluster says that it leads');
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill('SIGKILL')));
    await this.#guardian.sweep();
  }

  async #ctl(args: readonly string[]): Promise<string> {
    const { files } = this.pki ?? {};
    const secured = files === undefined ? [] : ['--cacert', files.ca, '--cert', files.clientCert, '--key', files.clientKey];
    const { stdout } = await run(programPath('etcdctl') as string, [...secured, ...args], { env: { ...process.env, ETCDCTL_API: '3' } });
    return stdout;
  }
}

class Member implements EtcdMember {
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(readonly dataDir: string, readonly endpoint: string, private readonly args: readonly string[], private readonly enter: readonly string[]) {}

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** It ran and does no more. */
  get ended(): boolean {
    return this.#child !== undefined && !this.#runs;
  }

  get #runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    if (this.#runs) return;
    const log = openSync(`${this.dataDir}.log`, 'a');
    const [program, ...rest] = [...this.enter, programPath('etcd') as string, '--data-dir', this.dataDir, ...this.args];
    this.#child = spawn(program as string, rest, { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.#child.unref();
    this.#ended = once(this.#child, 'exit');
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.#runs) return;
    this.#child?.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    // Who waits for its end must not end before.
    this.#child?.ref();
    await this.#ended;
  }

  lastWords(): string {
    return readFileSync(`${this.dataDir}.log`, 'utf8').slice(-2_000);
  }
}
