import type { Clock } from '@orrery/core';
import type { Registry } from 'prom-client';
import { tooBusy } from '../refusal.js';
import { FairQueue, type FairQueueBounds, type Ticket } from './fair-queue.js';
import { FlowMetrics, type RejectReason } from './flow-metrics.js';
import type { Classified } from './flow-schema.js';
import { EXEMPT, PRIORITY_LEVELS } from './priority-levels.js';
import { Turn } from './turn.js';

/** What sharing seats is made from. */
export interface FlowControlOptions extends FairQueueBounds {
  readonly clock: Clock;
  /** Milliseconds a request waits for its seats at most. */
  readonly queueMs: number;
  /** Where what is counted goes. */
  readonly registry: Registry;
}

/** Gives the seats back; safe to call twice. */
export type GiveBack = () => void;

interface Waiting {
  readonly classified: Classified;
  begin(): void;
}

const NOTHING: GiveBack = () => {};

/** Lets requests begin as {@link FairQueue} says. */
export class FlowControl {
  readonly #queue: FairQueue<Waiting>;
  readonly #metrics: FlowMetrics;
  readonly #turn: Turn;

  constructor(private readonly options: FlowControlOptions) {
    this.#queue = new FairQueue(PRIORITY_LEVELS, options);
    this.#turn = new Turn(options.clock, () => this.#begin());
    this.#metrics = new FlowMetrics(options.registry, () => this.#queue.states());
  }

  /** Resolves when the request may begin, with what gives its seats back. Rejects with TooManyRequests when too many wait already, or it waited for too long. One whose client leaves does not wait any more, and must not begin. */
  async take(classified: Classified, width: number, gone: AbortSignal): Promise<GiveBack> {
    const { level, flow } = classified;
    if (level === EXEMPT) return NOTHING;
    const { clock, queueMs } = this.options;
    const arrived = clock.monotonic();
    let begun = (): void => {};
    let isBegun = false;
    const begin = (): void => {
      isBegun = true;
      begun();
    };
    const ticket = this.#queue.arrive(level, flow, width, { classified, begin });
    const refuse = (reason: RejectReason): never => {
      this.#metrics.rejected(classified, reason, (clock.monotonic() - arrived) / 1000);
      throw tooBusy('too many requests, please try again later');
    };
    if (ticket === undefined) return refuse(level === 'catch-all' ? 'concurrency-limit' : 'queue-full');
    this.#begin();
    if (!isBegun) {
      const reason = await new Promise<RejectReason | undefined>((resolve) => {
        const over = (why?: RejectReason): void => {
          cancel();
          gone.removeEventListener('abort', left);
          resolve(why);
        };
        const giveUp = (why: RejectReason): void => {
          if (!this.#queue.leave(ticket)) return;
          over(why);
          // One that took many seats may have been in the way.
          this.#begin();
        };
        const left = (): void => giveUp('cancelled');
        begun = () => over();
        const cancel = clock.timer(queueMs, () => giveUp('time-out'));
        gone.addEventListener('abort', left, { once: true });
        if (gone.aborted) left();
      });
      if (reason !== undefined) return refuse(reason);
    }
    const began = clock.monotonic();
    this.#metrics.dispatched(classified, (began - arrived) / 1000);
    return () => this.#end(ticket, began);
  }

  /** Flows that are remembered. */
  get flows(): number {
    return this.#queue.flows;
  }

  #end(ticket: Ticket<Waiting>, began: number): void {
    const milliseconds = this.options.clock.monotonic() - began;
    if (this.#queue.end(ticket, milliseconds)) {
      this.#metrics.executed(ticket.item.classified, milliseconds / 1000);
      this.#turn.ended(ticket.width);
    }
    this.#begin();
  }

  #begin(): void {
    while (this.#turn.hasRoom) {
      const ticket = this.#queue.next();
      if (ticket === undefined) return;
      this.#turn.began(ticket.width);
      ticket.item.begin();
    }
  }
}
