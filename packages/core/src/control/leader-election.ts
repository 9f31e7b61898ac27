import type { Store, StoreLease } from '../contracts/store.js';
import { longLived } from '../kernel/abort.js';
import type { Clock, Random } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { within } from '../kernel/within.js';

/** How leaders are chosen. */
export interface LeaderElectionOptions {
  readonly store: Pick<Store, 'acquireLease'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Those who campaign for the same lease on the same store elect one. */
  readonly lease: string;
  /** Who this is: unique among them. */
  readonly holder: string;
  /** How long a leader that is not heard of stays leader; the others take over after that. */
  readonly ttlMs: number;
  /** Between renewals; well below the time to live. */
  readonly renewMs: number;
  /** Between attempts of who waits; a fifth more or less by chance. */
  readonly retryMs: number;
  /** Told of each change. Must not throw. */
  changed?(state: Leadership): void;
}

/** What a process knows about its leadership. */
export interface Leadership {
  readonly leading: boolean;
  /** Of the present term, or of the last one; 0 before the first. */
  readonly epoch: number;
}

/** One time of being leader. */
export interface Term {
  /** The fencing token: writes that carry it are refused by the store once the term is over. */
  readonly fence: { readonly lease: string; readonly epoch: number };
  /** Aborts when the term is over. */
  readonly over: AbortSignal;
  /**
   * False as soon as the time to live has passed since the last renewal began, whether or not anybody noticed: a process that stood still for so long (a blocked event loop,
   * a paused machine) does not lead any more when it goes on.
   */
  holds(): boolean;
  /** The store refused the fence: the term is over. */
  refused(): void;
}

/**
 * Campaigns for a lease of the store and keeps it. Leading is only a hint; what makes it safe is the fence that each write of a leader carries (client-go's
 * leader election says of itself that it has none). Times by default as client-go's, shortened: see `createOrchestrator`.
 */
export class LeaderElection {
  #term: (Term & { end(why: string): void }) | undefined;
  #epoch = 0;
  /** The newest epoch that came too late and was given back. */
  #givenBack = 0;
  #decided = false;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly options: LeaderElectionOptions) {}

  /** The present term; undefined while another leads, or nobody is known to. */
  get term(): Term | undefined {
    return this.#term?.holds() === true ? this.#term : undefined;
  }

  /** It is known whether this process leads. */
  get decided(): boolean {
    return this.#decided;
  }

  /** What is known now. */
  get leadership(): Leadership {
    return { leading: this.term !== undefined, epoch: this.#epoch };
  }

  /** Resolves when {@link term} or {@link decided} may have changed, or the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Campaigns until the signal aborts, then gives the lease up so that another can lead at once. Throws `CLOSED` when the store was closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, lease: name, retryMs, random } = this.options;
    while (!signal.aborted) {
      try {
        const asked = clock.monotonic();
        const lease = await this.#acquire(signal);
        this.#decide();
        if (lease !== undefined) await this.#lead(lease, asked, signal);
      } catch (error) {
        if (signal.aborted) break;
        if (OrreryError.is(error, 'CLOSED')) throw error;
        log.warn('the election cannot be asked for; trying again', { lease: name, error: errorMessage(error) });
      }
      await clock.sleep(retryMs * (0.8 + 0.4 * random.float()), signal).catch(() => signal);
    }
  }

  /** Takes the lease if it is free. One that comes after the signal aborted is given back. */
  async #acquire(signal: AbortSignal): Promise<StoreLease | undefined> {
    const { store, lease, holder, ttlMs, clock } = this.options;
    const asking = store.acquireLease(lease, { holder, ttlMs });
    try {
      return await within(asking, clock, ttlMs, () => new OrreryError('TIMEOUT', `The store did not answer within ${ttlMs} ms.`), signal);
    } catch (error) {
      void asking.then((late) => late && this.#giveBack(late)).catch((also: unknown) => this.options.log.debug('a lease that came too late was not given back', { lease, error: errorMessage(also) }));
      throw error;
    }
  }

  /** What came of a question that nobody waits for any more. If it was answered after a later one, it has put an end to the term that the later one began: that is over before another can lead. */
  async #giveBack(late: StoreLease): Promise<void> {
    const term = this.#term;
    this.#givenBack = Math.max(this.#givenBack, late.epoch);
    if (term !== undefined && term.fence.epoch < late.epoch) term.end('an earlier question for the lease was answered after a later one');
    await late.release();
  }

  /** Keeps the lease until it is lost or the signal aborts. */
  async #lead(lease: StoreLease, asked: number, signal: AbortSignal): Promise<void> {
    const { clock, log, ttlMs, renewMs } = this.options;
    const over = longLived(new AbortController());
    let validUntil = asked + ttlMs;
    const holds = (): boolean => !over.signal.aborted && clock.monotonic() < validUntil;
    const end = (why: string): void => {
      if (over.signal.aborted) return;
      over.abort(new OrreryError('LEASE_LOST', `Leadership by "${lease.name}" (epoch ${lease.epoch}) is over: ${why}.`, { lease: lease.name, epoch: lease.epoch }));
      this.#term = undefined;
      log.info('no longer leading', { lease: lease.name, epoch: lease.epoch, why });
      this.#announce();
    };
    // Its time is over already, or a later epoch has taken its place and was given back.
    if (clock.monotonic() >= validUntil || lease.epoch < this.#givenBack) return;
    this.#epoch = lease.epoch;
    this.#term = { fence: { lease: lease.name, epoch: lease.epoch }, over: over.signal, holds, end, refused: () => end('the store refused its fence') };
    log.info('leading', { lease: lease.name, epoch: lease.epoch });
    this.#announce();
    const stop = (): void => end('it was told to stop');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (holds()) {
        await clock.sleep(Math.min(renewMs, Math.max(0, validUntil - clock.monotonic())), over.signal).catch(() => over.signal);
        if (!holds()) break;
        const began = clock.monotonic();
        try {
          const left = validUntil - began;
          await within(lease.renew(over.signal), clock, left, () => new OrreryError('TIMEOUT', `The store did not renew within ${Math.round(left)} ms.`), over.signal);
          validUntil = began + ttlMs;
        } catch (error) {
          if (OrreryError.is(error, 'CLOSED')) throw error;
          if (OrreryError.is(error, 'LEASE_LOST')) end('the lease is lost');
          else if (!over.signal.aborted) log.warn('the lease could not be renewed; trying again while it lasts', { lease: lease.name, error: errorMessage(error) });
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      end('it was not renewed in time');
      await this.#giveUp(lease);
    }
  }

  /** Its time ends by itself if this fails. */
  async #giveUp(lease: StoreLease): Promise<void> {
    const { clock, log, ttlMs } = this.options;
    await within(lease.release(), clock, ttlMs, () => new OrreryError('TIMEOUT', `The store did not answer within ${ttlMs} ms.`)).catch((error: unknown) => {
      log.warn('the lease was not given up; it ends by itself', { lease: lease.name, error: errorMessage(error) });
    });
  }

  #decide(): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#wake();
  }

  #announce(): void {
    this.options.changed?.({ leading: this.#term !== undefined, epoch: this.#epoch });
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
