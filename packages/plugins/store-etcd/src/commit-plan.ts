import type { CommitResult, Guard, Write } from '@orrery/core';
import { encodeValue, type Layout, tagOf, taggedMark, toEntry } from './layout.js';
import type { Compare, KeyValue, RequestOp, TxnRequest, TxnResponse } from './messages.js';

/** A commit as the store is asked for it. */
export interface Change {
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

/** Operations of one kind in a transaction at most (etcd's default --max-txn-ops). */
const MAX_OPS = 128;

/** A commit in etcd's words, without its fence. */
export interface CommitPlan {
  readonly guards: readonly Guard[];
  readonly request: TxnRequest;
  /** What it writes is told by; see `layout.ts`. */
  readonly tag: string;
  /** Whether the fence fits in: a commit with as many guards as allowed leaves no room for it. */
  readonly fenced: boolean;
}

/** Translates a commit that has been checked. Throws `INVALID` for a value that is too large. */
export function planCommit(layout: Layout, { guards, writes }: Change, tag: string, maxValueBytes: number): CommitPlan {
  const compare = guards.map((guard): Compare => {
    if ('lease' in guard) return { target: 'MOD', key: layout.lease(guard.lease), modRevision: guard.epoch };
    return { target: 'MOD', key: layout.key(guard.key), modRevision: guard.modRevision };
  });
  const success = writes.map((write): RequestOp => {
    const key = layout.key(write.key);
    return 'delete' in write ? { requestDeleteRange: { key } } : { requestPut: { key, value: encodeValue(write.key, write.value, tag, maxValueBytes) } };
  });
  const failure = compare.map(({ key }): RequestOp => ({ requestRange: { key } }));
  // A delete carries no tag, so the mark does.
  const untagged = writes.length > 0 && writes.every((write) => 'delete' in write);
  const marked = untagged && success.length < MAX_OPS;
  if (marked) success.push({ requestPut: { key: layout.mark, value: taggedMark(tag) } });
  return { guards, request: { compare, success, failure }, tag, fenced: compare.length < MAX_OPS && success.length > 0 && (marked || !untagged) };
}

/** The transaction, which cannot happen once the fence is raised. */
export function behindFence({ compare, success, failure }: TxnRequest, fence: Buffer): TxnRequest {
  return { compare: [...compare, { target: 'MOD', key: fence, modRevision: 0 }], success, failure };
}

/** What an answer means; undefined when all guards hold, so that it must have been the fence. */
export function readAnswer(layout: Layout, { guards, tag }: CommitPlan, { succeeded, header, responses }: TxnResponse): CommitResult | undefined {
  if (succeeded) return { ok: true, revision: header.revision };
  const found = (i: number): KeyValue | undefined => responses[i]?.responseRange?.kvs[0];
  for (const [i, guard] of guards.entries()) {
    const kv = found(i);
    if ((kv?.modRevision ?? 0) === ('lease' in guard ? guard.epoch : guard.modRevision)) continue;
    // Its own writing is in its way: the request reached etcd twice.
    if (kv !== undefined && tagOf(kv.value) === tag) return { ok: true, revision: kv.modRevision };
    return kv === undefined || 'lease' in guard ? { ok: false, guard } : { ok: false, guard, found: toEntry(layout, kv) };
  }
  return undefined;
}
