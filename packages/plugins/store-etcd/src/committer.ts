import type { CommitResult } from '@orrery/core';
import { type Change, type CommitPlan, planCommit, readAnswer, type SlotUse, withSlot } from './commit-plan.js';
import type { CommitSlots, Slot } from './commit-slots.js';
import { type EtcdClient, outcomeUnknown } from './etcd-client.js';
import { EtcdFailure, toOrreryError } from './failure.js';
import type { Layout } from './layout.js';

/** What became of an attempt whose answer was lost. */
type Fate = { readonly kind: 'done'; readonly revision: number } | { readonly kind: 'never' } | { readonly kind: 'unknown' };

/**
 * Commits, each exactly once. When an answer is lost, the slot that the commit was to write is overwritten: if that succeeds, the commit has not happened and
 * never will, and it is tried again; else the slot says that it happened, and when.
 */
export class Committer {
  constructor(
    private readonly client: EtcdClient,
    private readonly layout: Layout,
    private readonly slots: CommitSlots,
    private readonly maxValueBytes: number,
  ) {}

  /** See `Store.commit`; the change has been checked. */
  async commit(change: Change): Promise<CommitResult> {
    const plan = planCommit(this.layout, change, this.maxValueBytes);
    const deadline = this.client.deadline();
    if (plan.success.length === 0) return this.#ask(plan);
    if (!plan.slotFits) return this.#unmarked(plan, deadline);
    for (let tries = 0; ; tries += 1) {
      const result = await this.#inSlot(plan, deadline);
      if (result !== undefined) return result;
      // The session was over before anything happened; the next one has new slots.
      if (tries > 2 || !(await this.client.pause(tries, deadline))) throw outcomeUnknown(new Error('the session of the store ended again and again'));
    }
  }

  /** Guards alone change nothing, so they may be asked for twice. */
  async #ask(plan: CommitPlan): Promise<CommitResult> {
    const answer = readAnswer(this.layout, plan, undefined, await this.client.persist(() => this.client.txn(withSlot(plan, undefined))));
    // Without a slot every refusal names its guard.
    if (answer.kind !== 'result') throw outcomeUnknown(new Error('etcd refused a transaction whose guards hold'));
    return answer.result;
  }

  /** A commit too large for a slot: a lost answer stays lost. */
  async #unmarked(plan: CommitPlan, deadline: number): Promise<CommitResult> {
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = readAnswer(this.layout, plan, undefined, await this.client.txn(withSlot(plan, undefined)));
        if (answer.kind === 'result') return answer.result;
        throw outcomeUnknown(new Error('etcd refused a transaction whose guards hold'));
      } catch (error) {
        if (!(error instanceof EtcdFailure)) throw error;
        if (error.effect === 'unknown') throw outcomeUnknown(error);
        if (!error.passing || !(await this.client.pause(tries, deadline))) throw toOrreryError(error);
      }
    }
  }

  /** Undefined when the session of the slot is over and nothing was written. */
  async #inSlot(plan: CommitPlan, deadline: number): Promise<CommitResult | undefined> {
    const slot = await this.slots.take();
    let kept = false;
    const keep = (revision: number): void => {
      slot.revision = revision;
      kept = true;
    };
    try {
      slot.sequence += 1;
      const value = Buffer.from(String(slot.sequence));
      // Set once an attempt was lost: then a slot that is gone no longer tells that nothing happened.
      let doubtful = false;
      for (let tries = 0; ; tries += 1) {
        const use = useOf(slot, value);
        try {
          const answer = readAnswer(this.layout, plan, use, await this.client.txn(withSlot(plan, use)));
          if (answer.kind === 'slot-lost') {
            this.slots.end(slot.session);
            if (doubtful) throw outcomeUnknown(new Error('the session of the store ended while a commit was under way'));
            return undefined;
          }
          if (answer.kind === 'done') {
            keep(answer.revision);
            return { ok: true, revision: answer.revision };
          }
          keep(answer.result.ok ? answer.result.revision : slot.revision);
          return answer.result;
        } catch (error) {
          if (!(error instanceof EtcdFailure)) throw error;
          if (error.effect === 'unknown') {
            const fate = await this.#fate(slot, value, deadline);
            if (fate.kind === 'unknown') throw outcomeUnknown(error);
            kept = true;
            if (fate.kind === 'done') return { ok: true, revision: fate.revision };
            doubtful = true;
          } else if (error.leaseGone) {
            this.slots.end(slot.session);
            return undefined;
          } else {
            kept = true;
            if (!error.passing) throw toOrreryError(error);
          }
          if (!(await this.client.pause(tries, deadline))) throw toOrreryError(error);
          kept = false;
        }
      }
    } finally {
      if (kept) this.slots.give(slot);
      else this.slots.drop();
    }
  }

  /** Learns what became of a lost attempt, and makes sure that it never happens later. */
  async #fate(slot: Slot, value: Buffer, deadline: number): Promise<Fate> {
    const fence = Buffer.from(`not ${value.toString()}`);
    for (let tries = 0; await this.client.pause(tries, deadline); tries += 1) {
      const { key, revision, lease } = useOf(slot, fence);
      try {
        const { succeeded, header, responses } = await this.client.txn({
          compare: [{ target: 'MOD', key, modRevision: revision }],
          success: [{ requestPut: { key, value: fence, lease } }],
          failure: [{ requestRange: { key } }],
        });
        const found = responses[0]?.responseRange?.kvs[0];
        if (!succeeded && found === undefined) return { kind: 'unknown' };
        slot.revision = found?.modRevision ?? header.revision;
        if (succeeded || found?.value.equals(fence) === true) return { kind: 'never' };
        return found?.value.equals(value) === true ? { kind: 'done', revision: slot.revision } : { kind: 'unknown' };
      } catch (error) {
        if (!(error instanceof EtcdFailure)) throw error;
        // Whatever refuses this, the space being full for one, leaves the question open.
        if (!error.passing) return { kind: 'unknown' };
      }
    }
    return { kind: 'unknown' };
  }
}

function useOf(slot: Slot, value: Buffer): SlotUse {
  return { key: slot.key, revision: slot.revision, lease: slot.session.lease, value };
}
