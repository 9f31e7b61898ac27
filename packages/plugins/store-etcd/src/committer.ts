import { type CommitResult, OrreryError } from '@orrery/core';
import { behindFence, type Change, type CommitPlan, planCommit, readAnswer } from './commit-plan.js';
import { type EtcdClient, outcomeUnknown } from './etcd-client.js';
import { EtcdFailure, toOrreryError } from './failure.js';
import type { Fence, Fences } from './fence.js';
import { readHistory } from './history.js';
import { type Layout, tagOf } from './layout.js';

/** What became of an attempt whose answer was lost. */
type Fate = { readonly kind: 'done'; readonly revision: number } | { readonly kind: 'never' } | { readonly kind: 'unknown'; readonly cause: unknown };

/**
 * Commits, each exactly once. When an answer is lost, the fence is raised, so that the commit happens now or never; then etcd's history tells by the commit's tag
 * whether it did, and if not it is tried again.
 */
export class Committer {
  constructor(
    private readonly client: EtcdClient,
    private readonly layout: Layout,
    private readonly fences: Fences,
    private readonly maxValueBytes: number,
  ) {}

  /** See `Store.commit`; the change has been checked. */
  async commit(change: Change): Promise<CommitResult> {
    const plan = planCommit(this.layout, change, this.fences.tag(), this.maxValueBytes);
    if (change.writes.length === 0) return certain(readAnswer(this.layout, plan, await this.client.persist(() => this.client.txn(plan.request))));
    const deadline = this.client.deadline();
    // What happens from here on happens after this revision.
    if (this.client.guard.highest === 0) await this.client.range({ key: this.layout.mark, keysOnly: true });
    const since = this.client.guard.highest;
    for (let tries = 0; ; tries += 1) {
      const fence = this.fences.current;
      let underWay = !this.client.connection.closed;
      try {
        const answer = await this.client.txn(plan.fenced ? behindFence(plan.request, fence.key) : plan.request);
        underWay = false;
        const result = readAnswer(this.layout, plan, answer);
        if (result !== undefined || !plan.fenced) return certain(result);
        // Another commit's answer was lost: its fence was raised in front of this one, which did not happen.
        await this.client.by(deadline, this.fences.raise(fence));
      } catch (error) {
        // Closing cuts off the answer, not the commit.
        if (underWay && OrreryError.is(error, 'CLOSED')) throw outcomeUnknown(error);
        if (!(error instanceof EtcdFailure)) throw error;
        if (error.effect === 'unknown') {
          const fate = await this.#fate(plan, fence, since, deadline);
          if (fate.kind === 'unknown') throw outcomeUnknown(fate.cause ?? error);
          if (fate.kind === 'done') return { ok: true, revision: fate.revision };
        } else if (!error.passing) {
          throw toOrreryError(error);
        }
        if (!(await this.client.pause(tries, deadline))) throw toOrreryError(error);
      }
    }
  }

  /** Learns what became of a lost attempt, and makes sure that it does not happen later. */
  async #fate({ tag, fenced }: CommitPlan, fence: Fence, since: number, deadline: number): Promise<Fate> {
    if (!fenced) return { kind: 'unknown', cause: undefined };
    try {
      const through = await this.client.by(deadline, this.fences.raise(fence));
      if (through <= since) return { kind: 'unknown', cause: new Error('the history was lost meanwhile') };
      let revision = 0;
      await readHistory(this.client, this.layout, { since, through, deadline, previous: false }, (events) => {
        for (const { type, kv } of events) if (type === 'PUT' && tagOf(kv.value) === tag) revision = kv.modRevision;
        return revision > 0;
      });
      return revision > 0 ? { kind: 'done', revision } : { kind: 'never' };
    } catch (error) {
      return { kind: 'unknown', cause: error };
    }
  }
}

/** Without a fence every refusal names its guard. */
function certain(result: CommitResult | undefined): CommitResult {
  if (result === undefined) throw new OrreryError('INTERNAL', 'etcd refused a transaction although all its guards hold.');
  return result;
}
