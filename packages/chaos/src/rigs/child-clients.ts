import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { Answer, Tape } from '../history.js';
import type { Line } from '../client-child.js';
import { type Clients, type ClientsPart, pass } from './rig.js';

/** Tests run the sources, a child process what was built of them. */
const PROGRAM = fileURLToPath(new URL('../../dist/client-child.js', import.meta.url));
const RESTART_MS = 100;

interface Child {
  readonly process: ChildProcess;
  /** Resolves when it has ended and everything it said was heard. */
  readonly heard: Promise<unknown>;
}

/** Clients in processes of their own, which tell what they do line by line. */
export class ChildClients {
  readonly count = 4;
  readonly #children = new Map<number, Child>();
  #part: { readonly tape: Tape; readonly random: SeededRandom } | undefined;
  #lives = 0;
  #ending = false;

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  start(part: ClientsPart): Promise<Clients> {
    this.#part = part;
    for (let n = 0; n < this.count; n += 1) this.spawn(n);
    return Promise.resolve({ stop: () => this.#stop() });
  }

  /** Starts a process, unless it runs. */
  spawn(n: number): void {
    const part = this.#part;
    if (part === undefined || this.#ending || this.#children.has(n)) return;
    const { tape, random } = part;
    const life = (this.#lives += 1);
    const child = spawn(process.execPath, [PROGRAM, this.path, String(n), String(life), String(random.int(2 ** 31))], { stdio: ['ignore', 'pipe', 'pipe'] });
    const answers = new Map<number, (answer: Answer) => void>();
    createInterface({ input: child.stdout }).on('line', (line) => hear(line, tape, answers));
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-1_000)));
    const heard = once(child, 'close').then(([code, signal]) => {
      this.#children.delete(n);
      // Before it listens, SIGTERM ends it, too.
      if (code !== 0 && signal !== 'SIGKILL' && signal !== 'SIGTERM') tape.irregular(`client process ${n} ended with ${code ?? signal}: ${words}`);
    });
    this.#children.set(n, { process: child, heard });
  }

  /** Sends a signal; resolves when it has ended, for SIGSTOP and SIGCONT at once. */
  async signal(n: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(n);
    child?.process.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await child?.heard;
  }

  /** Wakes up and starts again what does not run. */
  resume(): void {
    for (let n = 0; n < this.count; n += 1) {
      this.#children.get(n)?.process.kill('SIGCONT');
      this.spawn(n);
    }
  }

  async kill(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#children.keys()].map((n) => this.signal(n, 'SIGKILL')));
  }

  async #stop(): Promise<void> {
    this.#ending = true;
    await pass(this.clock, RESTART_MS);
    await Promise.all([...this.#children.keys()].map((n) => this.signal(n, 'SIGTERM')));
  }
}

/** A line is whole, or its process was killed while writing it: then it is as if it had not been said. */
function hear(text: string, tape: Tape, answers: Map<number, (answer: Answer) => void>): void {
  let line: Line;
  try {
    line = JSON.parse(text) as Line;
  } catch {
    return;
  }
  if ('call' in line) answers.set(line.n, tape.call(line.call));
  else if ('answer' in line) answers.get(line.n)?.(line.answer);
  else if ('loss' in line) tape.loss(line.loss);
  else tape.irregular(line.irregular);
}
