import type { Random } from '@orrery/core';
import type { EtcdClient } from './etcd-client.js';
import { EtcdFailure, STATUS } from './failure.js';

/** etcd's own leases: keys attached to one go when it ends. */
export class LeaseCalls {
  constructor(
    private readonly client: EtcdClient,
    private readonly random: Random,
  ) {}

  /** A new lease; gives its id. etcd counts in whole seconds, and raises short times to its minimum (two seconds by default). */
  async grant(ttlMs: number): Promise<number> {
    return this.client.persist(async () => {
      // Our own choice, so that it is exact as a number; one that is in use is refused.
      const ID = Buffer.from(this.random.bytes(6)).readUIntBE(0, 6) + 1;
      await this.client.connection.call('Lease/LeaseGrant', { TTL: Math.max(1, Math.ceil(ttlMs / 1000)), ID });
      return ID;
    });
  }

  /** Prolongs by the lease's time; false when it is over. One try. */
  async keepAlive(id: number, signal?: AbortSignal): Promise<boolean> {
    const { connection, clock } = this.client;
    return new Promise((resolve, reject) => {
      let stream: { cancel(): void } | undefined;
      let done = false;
      const finish = (act: () => void): void => {
        if (done) return;
        done = true;
        cancelTimer();
        signal?.removeEventListener('abort', abort);
        stream?.cancel();
        act();
      };
      const abort = (): void => finish(() => reject(new EtcdFailure(STATUS.CANCELLED, 'aborted', 'etcd')));
      const cancelTimer = clock.timer(KEEP_ALIVE_MS, () => finish(() => reject(new EtcdFailure(STATUS.DEADLINE_EXCEEDED, 'no answer to a keep-alive', 'etcd'))));
      signal?.addEventListener('abort', abort, { once: true });
      connection
        .stream('Lease/LeaseKeepAlive', { ID: id }, { data: ({ TTL }) => finish(() => resolve(TTL > 0)), ended: (failure) => finish(() => reject(failure)) })
        .then((open) => {
          stream = open;
          if (done) open.cancel();
        }, (error: unknown) => finish(() => reject(error as Error)));
    });
  }

  /** Ends a lease and what is attached to it. One that is over already is none. */
  async revoke(id: number): Promise<void> {
    try {
      await this.client.persist(() => this.client.connection.call('Lease/LeaseRevoke', { ID: id }));
    } catch (error) {
      if (!(error instanceof EtcdFailure && error.leaseGone)) throw error;
    }
  }
}

const KEEP_ALIVE_MS = 2_000;
