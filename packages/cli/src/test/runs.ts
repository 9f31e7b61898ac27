import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, vi } from 'vitest';

/** The program as it is installed. */
const PROGRAM = new URL('../../lib/main.js', import.meta.url).pathname;
const LIMIT_MS = 20_000;

/** A program that was begun, and what it says. */
export class Run {
  out = '';
  /** Its exit code; null: a signal ended it. */
  readonly ended: Promise<number | null>;

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.out += chunk.toString()));
    this.ended = once(child, 'exit').then(([code]) => code as number | null);
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves with what was found when it has said so. Rejects when it ends without, or takes too long. */
  async said(what: RegExp): Promise<readonly string[]> {
    await vi.waitFor(() => expect(this.out).toMatch(this.isOver && !what.test(this.out) ? /^it ended without saying so/ : what), { timeout: LIMIT_MS, interval: 20 });
    return what.exec(this.out) ?? [];
  }

  /** Tells it to end, and resolves with its exit code. One that is over is left alone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.isOver) this.child.kill(signal);
    return this.ended;
  }
}

/** The programs that a test began. */
export class Runs {
  readonly all: Run[] = [];

  /** @param home where they think to be at home */
  constructor(private readonly home: string) {}

  /** Throws when the program has not been built. */
  static check(): void {
    if (!existsSync(PROGRAM)) throw new Error('run `npm run build` first: lib/main.js is not there');
  }

  begin(command: string, args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): Run {
    const run = new Run(spawn(command, [...args], { env: { PATH: process.env.PATH, HOME: this.home }, stdio: [stdin, 'pipe', 'pipe'] }));
    this.all.push(run);
    return run;
  }

  /** @param within a command that runs it, with its arguments */
  orrery(args: readonly string[], within: readonly string[] = []): Run {
    const [command = '', ...rest] = [...within, process.execPath, PROGRAM, ...args];
    return this.begin(command, rest);
  }

  /** How machines join the cluster of a kubeconfig: the arguments, by a new token. */
  async joining(kubeconfig: string): Promise<string[]> {
    const [, args = ''] = await this.orrery(['token', '--kubeconfig', kubeconfig]).said(/orrery agent (--join \S+ --token \S+ --ca-hash \S+)/);
    return args.split(' ');
  }

  /** Ends them, the last first: agents before their control plane, so that they remove their containers. */
  async stop(): Promise<void> {
    for (const run of this.all.splice(0).reverse()) {
      run.child.kill('SIGCONT');
      await run.stop();
    }
  }
}
