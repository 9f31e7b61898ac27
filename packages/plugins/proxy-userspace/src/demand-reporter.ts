import { ApiError, type CancelTimer, type Client, type Clock, demandLease, errorMessage, Lease, type Logger } from '@orrery/core';
import type { UsedService, UseListener } from './use.js';

/** What a reporter works with. */
export interface DemandReporterOptions {
  /** Asked for when there is something to tell. */
  client(): Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who reports; at most one Lease per Service and holder. */
  readonly holder: string;
  /** How often it is said that a Service is still in use. */
  readonly renewMs: number;
}

/** A Lease outlives so many renewals that do not come. */
const RENEWALS = 3;
/** After a write that failed. */
const RETRY_MS = 1_000;

interface Use {
  readonly service: UsedService;
  connections: number;
  /** Milliseconds since the epoch. */
  lastUse: number;
  /** `lastUse` as it was last written. */
  written: number;
  /** Monotonic; when it was last written. */
  writtenAt: number;
  writing: boolean;
  /** The last write failed, which was told. */
  failing: boolean;
  cancel: CancelTimer | undefined;
}

/**
 * Keeps a Lease of demand for each Service that is in use: written at once when its use begins, renewed while it goes on, written a last time after it ended,
 * and otherwise left alone. A write that fails is tried again while there is something to tell: until the use is over for longer than a Lease would tell of it.
 */
export class DemandReporter implements UseListener {
  readonly #uses = new Map<string, Use>();
  #closed = false;

  constructor(private readonly options: DemandReporterOptions) {}

  began(service: UsedService): void {
    const key = `${service.namespace}/${service.name}/${service.uid}`;
    let use = this.#uses.get(key);
    if (use === undefined) this.#uses.set(key, (use = { service, connections: 0, lastUse: 0, written: 0, writtenAt: -Infinity, writing: false, failing: false, cancel: undefined }));
    use.connections += 1;
    this.#seen(use);
  }

  ended({ namespace, name, uid }: UsedService): void {
    const use = this.#uses.get(`${namespace}/${name}/${uid}`);
    if (use === undefined) return;
    use.connections -= 1;
    this.#seen(use);
  }

  /** Tells nothing any more. */
  close(): void {
    this.#closed = true;
    for (const use of this.#uses.values()) use.cancel?.();
    this.#uses.clear();
  }

  #seen(use: Use): void {
    use.lastUse = this.options.clock.now();
    this.#plan(use, use.writtenAt + this.options.renewMs - this.options.clock.monotonic());
  }

  /** Writes now or later; the earlier plan stands. */
  #plan(use: Use, delayMs: number): void {
    if (this.#closed || use.writing || use.cancel !== undefined) return;
    if (delayMs <= 0) void this.#write(use);
    else use.cancel = this.options.clock.timer(delayMs, () => void this.#write(use));
  }

  async #write(use: Use): Promise<void> {
    const { clock, log, holder, renewMs } = this.options;
    use.cancel = undefined;
    if (use.connections > 0) use.lastUse = clock.now();
    const { service, lastUse } = use;
    const leaseMs = RENEWALS * renewMs;
    use.writing = true;
    try {
      await this.#put(demandLease({ service, holder, lastUse, leaseSeconds: leaseMs / 1000 }));
      use.written = lastUse;
      use.failing = false;
    } catch (error) {
      // Told once: each Service in use fails when the server cannot be reached, every second.
      if (!this.#closed) log[use.failing ? 'debug' : 'warn']('the use of a Service could not be told; trying again', { service: `${service.namespace}/${service.name}`, error: errorMessage(error) });
      use.failing = true;
    }
    use.writtenAt = clock.monotonic();
    use.writing = false;
    const isOver = use.connections === 0 && use.failing && clock.now() - use.lastUse > leaseMs;
    if (!isOver && (use.connections > 0 || use.lastUse > use.written)) this.#plan(use, use.failing ? RETRY_MS : renewMs);
    else this.#uses.delete(`${service.namespace}/${service.name}/${service.uid}`);
  }

  async #put(lease: Lease): Promise<void> {
    const leases = this.options.client().kind(Lease);
    const { namespace, name = '' } = lease.metadata;
    try {
      await leases.patch({ namespace, name }, 'merge', { metadata: { ownerReferences: lease.metadata.ownerReferences }, spec: lease.spec });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      await leases.create(lease);
    }
  }
}
