import type { CancelTimer, Clock } from '../kernel/clock.js';
import { sleepOn } from '../kernel/platform.js';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
  cancel: CancelTimer;
}

/**
 * One process's view of a clock that several processes share. `stopped` (as by SIGSTOP) time goes on, and what came due meanwhile fires when it goes on. `frozen` (as a virtual machine that is
 * suspended) time stands still for it, and its monotonic clock stays behind for ever; the clock on its wall is set right afterwards.
 */
export class ProcessClock implements Clock {
  #state: 'running' | 'stopped' | 'frozen' = 'running';
  #lag = 0;
  #frozenAt = 0;
  #thawedAt = Number.NEGATIVE_INFINITY;
  readonly #timers = new Set<Timer>();
  readonly #due: Timer[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(private readonly shared: Clock) {}

  /** Whether it runs. */
  get running(): boolean {
    return this.#state === 'running';
  }

  /** Milliseconds that it has been frozen, all together. */
  get lagMs(): number {
    return this.#lag;
  }

  /** When it last went on after being frozen, on the shared monotonic clock; minus infinity if it never was. */
  get thawedAt(): number {
    return this.#thawedAt;
  }

  now(): number {
    return this.#state === 'frozen' ? this.shared.now() - (this.shared.monotonic() - this.#lag - this.#frozenAt) : this.shared.now();
  }

  monotonic(): number {
    return this.#state === 'frozen' ? this.#frozenAt : this.shared.monotonic() - this.#lag;
  }

  timer(delayMs: number, fire: () => void): CancelTimer {
    const timer: Timer = { at: this.monotonic() + Math.max(0, delayMs), fire, cancel: () => {} };
    this.#timers.add(timer);
    if (this.#state !== 'frozen') this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Nothing of the process runs until {@link resume}, while time goes on. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** Nothing of the process runs until {@link resume}, and it will not know that time went on. */
  freeze(): void {
    if (this.#state !== 'running') return;
    this.#frozenAt = this.monotonic();
    this.#state = 'frozen';
    for (const timer of this.#timers) timer.cancel();
  }

  /** It goes on. */
  resume(): void {
    const was = this.#state;
    if (was === 'running') return;
    if (was === 'frozen') {
      this.#thawedAt = this.shared.monotonic();
      this.#lag = this.#thawedAt - this.#frozenAt;
    }
    this.#state = 'running';
    if (was === 'frozen') for (const timer of this.#timers) this.#arm(timer);
    for (const timer of this.#due.splice(0)) if (this.#timers.delete(timer)) timer.fire();
    for (const wake of [...this.#waiting]) wake();
    this.#waiting.clear();
  }

  /** Resolves when the process runs: what comes from outside waits for that. */
  async awake(): Promise<void> {
    while (!this.running) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #arm(timer: Timer): void {
    timer.cancel = this.shared.timer(timer.at - this.monotonic(), () => {
      if (this.#state === 'stopped') this.#due.push(timer);
      else if (this.#timers.delete(timer)) timer.fire();
    });
  }
}
