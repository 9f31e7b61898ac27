import type { CommitResult, Guard, StoreEntry, Write } from '@orrery/core';
import { encodeValue, type Layout, toEntry } from './layout.js';
import type { Compare, KeyValue, RequestOp, TxnRequest, TxnResponse } from './messages.js';

/** A commit as the store is asked for it. */
export interface Change {
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

/** Operations of one kind in a transaction at most (etcd's default --max-txn-ops). */
const MAX_OPS = 128;

/** A commit in etcd's words, without its slot. */
export interface CommitPlan {
  readonly guards: readonly Guard[];
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  /** Reads what the guards are about, in their order. */
  readonly failure: readonly RequestOp[];
  /** Whether a slot fits in: a commit as large as allowed leaves no room for one. */
  readonly slotFits: boolean;
}

/** The part of a slot that a transaction needs. */
export interface SlotUse {
  readonly key: Buffer;
  readonly revision: number;
  readonly lease: number;
  readonly value: Buffer;
}

/** Translates a commit that has been checked. Throws `INVALID` for a value that is too large. */
export function planCommit(layout: Layout, { guards, writes }: Change, maxValueBytes: number): CommitPlan {
  const compare = guards.map((guard): Compare => {
    if ('lease' in guard) return { target: 'MOD', key: layout.lease(guard.lease), modRevision: guard.epoch };
    return { target: 'MOD', key: layout.key(guard.key), modRevision: guard.modRevision };
  });
  const success = writes.map((write): RequestOp => {
    const key = layout.key(write.key);
    return 'delete' in write ? { requestDeleteRange: { key } } : { requestPut: { key, value: encodeValue(write.key, write.value, maxValueBytes) } };
  });
  const failure = compare.map(({ key }): RequestOp => ({ requestRange: { key } }));
  return { guards, compare, success, failure, slotFits: success.length > 0 && success.length < MAX_OPS && compare.length < MAX_OPS };
}

/** The transaction: with a slot it happens only once, and leaves its mark. */
export function withSlot({ compare, success, failure }: CommitPlan, slot: SlotUse | undefined): TxnRequest {
  if (slot === undefined) return { compare, success, failure };
  return {
    compare: [...compare, { target: 'MOD', key: slot.key, modRevision: slot.revision }],
    success: [...success, { requestPut: { key: slot.key, value: slot.value, lease: slot.lease } }],
    failure: [...failure, { requestRange: { key: slot.key } }],
  };
}

/** What an answer means. */
export type CommitAnswer =
  | { readonly kind: 'result'; readonly result: CommitResult }
  /** It was executed before, at this revision: the request reached etcd twice. */
  | { readonly kind: 'done'; readonly revision: number }
  /** All guards hold, but the slot is not as it was left. */
  | { readonly kind: 'slot-lost' };

/** Reads the answer to {@link withSlot}. Throws `INVALID` when what a conflict found cannot be read. */
export function readAnswer(layout: Layout, { guards }: CommitPlan, slot: SlotUse | undefined, { succeeded, header, responses }: TxnResponse): CommitAnswer {
  if (succeeded) return { kind: 'result', result: { ok: true, revision: header.revision } };
  const found = (i: number): KeyValue | undefined => responses[i]?.responseRange?.kvs[0];
  const inSlot = found(guards.length);
  if (slot !== undefined && inSlot !== undefined && inSlot.value.equals(slot.value)) return { kind: 'done', revision: inSlot.modRevision };
  const failed = guards.findIndex((guard, i) => (found(i)?.modRevision ?? 0) !== ('lease' in guard ? guard.epoch : guard.modRevision));
  if (failed < 0) return { kind: 'slot-lost' };
  return { kind: 'result', result: conflict(guards[failed] as Guard, foundEntry(layout, guards[failed] as Guard, found(failed))) };
}

function foundEntry(layout: Layout, guard: Guard, found: KeyValue | undefined): StoreEntry | undefined {
  return found === undefined || 'lease' in guard ? undefined : toEntry(layout, found);
}

const conflict = (guard: Guard, found: StoreEntry | undefined): CommitResult => (found === undefined ? { ok: false, guard } : { ok: false, guard, found });
