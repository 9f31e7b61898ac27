import type { Random } from '@orrery/core';
import type { EtcdClient } from './etcd-client.js';
import type { Layout } from './layout.js';
import type { LeaseCalls } from './lease-calls.js';

/** How long a raised fence stands: a request that is older reaches etcd nowhere. */
const STANDS_MS = 3_600_000;

/**
 * A key that does not exist, on which every commit of an instance depends. Once it is written, no commit that depends on it can happen any more: that is how a
 * commit whose answer was lost is kept from happening later. Then the next fence is used.
 */
export interface Fence {
  readonly key: Buffer;
  /** Set once somebody has begun to raise it: the revision at which it stood. */
  raised: Promise<number> | undefined;
}

/** The fences and the tags of one instance. Nothing is written as long as no answer is lost. */
export class Fences {
  readonly #instance: string;
  #made = 0;
  #tags = 0;
  #current: Fence;

  constructor(
    private readonly client: EtcdClient,
    private readonly layout: Layout,
    private readonly leases: LeaseCalls,
    random: Random,
  ) {
    this.#instance = Buffer.from(random.bytes(8)).toString('hex');
    this.#current = this.#next();
  }

  /** The one that commits depend on now. */
  get current(): Fence {
    return this.#current;
  }

  /** Never the same twice, anywhere: what a commit writes is told by it. */
  tag(): string {
    this.#tags += 1;
    return `${this.#instance}.${this.#tags.toString(36)}`;
  }

  /** Raises a fence, once for all who ask; gives a revision after which nothing that depends on it happens, and at which the store's mark was written. */
  raise(fence: Fence): Promise<number> {
    if (fence === this.#current) this.#current = this.#next();
    fence.raised ??= this.#write(fence).catch((error: unknown) => {
      fence.raised = undefined;
      throw error;
    });
    return fence.raised;
  }

  async #write({ key }: Fence): Promise<number> {
    const lease = await this.leases.grant(STANDS_MS);
    const puts = [{ requestPut: { key, value: Buffer.from('{}'), lease } }, { requestPut: { key: this.layout.mark, value: Buffer.from('{}') } }];
    return (await this.client.persist(() => this.client.txn({ compare: [], success: puts, failure: [] }))).header.revision;
  }

  #next(): Fence {
    this.#made += 1;
    return { key: this.layout.fence(`${this.#instance}.${this.#made}`), raised: undefined };
  }
}
