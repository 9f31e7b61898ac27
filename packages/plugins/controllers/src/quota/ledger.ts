import { type Amounts, ApiError, type Client, type Lister, ResourceQuota } from '@orrery/core';
import { planCharge } from './plan.js';

/** One request that a namespace's quotas are asked to bear. */
export interface Charge {
  /** What each quota is to bear; undefined: it is not concerned. Throws `ApiError` to refuse the request. */
  amounts(quota: ResourceQuota): Amounts | undefined;
  /** Says no with the reason. */
  refuse(why: string): ApiError;
  readonly dryRun: boolean;
}

interface Waiting {
  readonly charge: Charge;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Tries to write a quota that others write, too. */
const ATTEMPTS = 10;

/**
 * Charges the quotas of namespaces in the store, under compare-and-set, so that what is used never exceeds them whoever writes. Requests that come while one is being
 * written are charged together with the next write. What is charged for a write that fails later is given back when the quota is counted again.
 */
export class QuotaLedger {
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(
    private readonly client: Client,
    private readonly quotas: Lister<ResourceQuota>,
  ) {}

  /** Resolves when it is charged. Throws `ApiError` Forbidden when a quota has no room, InternalError when others kept writing it. */
  charge(namespace: string, charge: Charge): Promise<void> {
    return new Promise((done, failed) => {
      const queue = this.#waiting.get(namespace);
      if (queue !== undefined) {
        queue.push({ charge, done, failed });
        return;
      }
      this.#waiting.set(namespace, [{ charge, done, failed }]);
      // Ends when the queue is empty; never rejects.
      void this.#drain(namespace);
    });
  }

  async #drain(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      this.#waiting.set(namespace, []);
      await this.#settle(namespace, batch).catch((error: unknown) => {
        for (const { failed } of batch) failed(error);
      });
    }
  }

  /** Of the first attempt the cache tells the quotas; one that was behind shows in the write. */
  async #settle(namespace: string, batch: readonly Waiting[]): Promise<void> {
    const verbs = this.client.kind(ResourceQuota);
    let quotas = this.quotas.list(namespace);
    /** Quotas that have been written for the whole batch. */
    const written = new Set<string>();
    let open = batch;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const tally = planBatch(quotas.filter(({ metadata }) => !written.has(metadata.uid ?? '')), open);
      for (const [{ failed }, error] of tally.refused) failed(error);
      open = open.filter((one) => !tally.refused.has(one));
      const conflicts = await this.#write(verbs, tally.changed, written);
      if (conflicts === 0) {
        for (const { done } of open) done();
        return;
      }
      quotas = (await verbs.list({ namespace })).items;
    }
    const error = new ApiError('InternalError', 'the quotas of the namespace were written by others all the time; try again');
    for (const { failed } of open) failed(error);
  }

  async #write(verbs: ReturnType<Client['kind']>, changed: readonly ResourceQuota[], written: Set<string>): Promise<number> {
    let conflicts = 0;
    for (const quota of changed) {
      try {
        await verbs.updateStatus(quota);
        written.add(quota.metadata.uid ?? '');
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) continue;
        if (!ApiError.is(error, 'Conflict')) throw error;
        conflicts += 1;
      }
    }
    return conflicts;
  }
}

/** What a batch comes to: the quotas with everything in it that has room, and who is refused. Each request is borne by all quotas or by none. Pure but for the charges' own judgement. */
export function planBatch<T extends { readonly charge: Charge }>(quotas: readonly ResourceQuota[], batch: readonly T[]): { readonly changed: readonly ResourceQuota[]; readonly refused: ReadonlyMap<T, unknown> } {
  const state = new Map(quotas.map((quota) => [quota, quota]));
  const refused = new Map<T, unknown>();
  for (const one of batch) {
    try {
      const next = new Map<ResourceQuota, ResourceQuota>();
      for (const [original, quota] of state) {
        const amounts = one.charge.amounts(quota);
        const decision = amounts === undefined ? 'not concerned' : planCharge(quota, amounts);
        if (decision === 'not concerned') continue;
        if ('refused' in decision) throw one.charge.refuse(decision.refused);
        next.set(original, decision.quota);
      }
      if (!one.charge.dryRun) for (const [original, quota] of next) state.set(original, quota);
    } catch (error) {
      refused.set(one, error);
    }
  }
  return { changed: [...state].flatMap(([original, quota]) => (quota === original ? [] : [quota])), refused };
}
