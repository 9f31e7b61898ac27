import type { History, Interval, Recorded } from '../history.js';
import { overlaps, type Truth } from '../truth.js';

/** Clocks of a server and its client may go differently by so much within one lease, milliseconds. */
const TOLERANCE_MS = 100;

/** Epochs grow with every holder, no commit counts under an older epoch after one under a newer, and nobody gets a lease before the time of the one before is over. */
export function checkLeases(calls: History['calls'], truth: Truth, risky: readonly Interval[]): string[] {
  return [...epochs(calls), ...fences(calls, truth), ...exclusion(calls, risky)];
}

interface Holding {
  readonly client: string;
  readonly lease: string;
  readonly epoch: number;
  readonly calledAt: number;
  readonly at: number;
}

function holdingsOf(calls: History['calls']): Holding[] {
  return calls.flatMap(({ call, answer }) =>
    call.kind === 'acquire' && answer?.kind === 'held' ? [{ client: call.client, lease: call.lease, epoch: answer.epoch, calledAt: call.calledAt, at: answer.at }] : [],
  );
}

function epochs(calls: History['calls']): string[] {
  const violations: string[] = [];
  const holdings = holdingsOf(calls);
  const answered = [...holdings].sort((a, b) => a.at - b.at);
  let highest = 0;
  let next = 0;
  for (const { client, epoch, calledAt } of [...holdings].sort((a, b) => a.calledAt - b.calledAt)) {
    for (let before = answered[next]; before !== undefined && before.at < calledAt; before = answered[(next += 1)]) highest = Math.max(highest, before.epoch);
    if (epoch <= highest) violations.push(`${client} was given epoch ${epoch} after epoch ${highest} had been given`);
  }
  const holders = new Map<number, string>();
  for (const { client, epoch } of holdings) {
    const other = holders.get(epoch);
    if (other !== undefined && other !== client) violations.push(`epoch ${epoch} was given to ${other} and to ${client}`);
    holders.set(epoch, client);
  }
  return violations;
}

function fences(calls: History['calls'], truth: Truth): string[] {
  const fenced = calls.flatMap(({ call }) => {
    const revision = call.kind === 'commit' && call.epoch !== undefined ? truth.revisionOf(call.id) : undefined;
    return revision === undefined || call.kind !== 'commit' ? [] : [{ id: call.id, epoch: call.epoch as number, revision }];
  });
  fenced.sort((a, b) => a.revision - b.revision);
  let highest = 0;
  return fenced.flatMap(({ id, epoch, revision }) => {
    const stale = epoch < highest;
    highest = Math.max(highest, epoch);
    return stale ? [`${id} was accepted at revision ${revision} under epoch ${epoch}, after epoch ${highest} had been used`] : [];
  });
}

/** A lease is held at least from the call that took or prolonged it for its time, unless its holder gave it up or nobody knows whether it did. */
function exclusion(calls: History['calls'], risky: readonly Interval[]): string[] {
  const holdings = holdingsOf(calls);
  const ttls = new Map(calls.flatMap(({ call }) => (call.kind === 'acquire' ? [[call.lease, call.ttlMs] as const] : [])));
  const until = new Map<number, number>();
  const givenUp = new Map<number, number>();
  for (const { call, answer } of calls) {
    const epoch = epochOf({ call, ...(answer !== undefined && { answer }) });
    if (epoch === undefined) continue;
    if (call.kind === 'release') givenUp.set(epoch, call.calledAt);
    else if (answer !== undefined && 'lease' in call) until.set(epoch, Math.max(until.get(epoch) ?? 0, call.calledAt + (ttls.get(call.lease) ?? 0)));
  }
  const byTime = [...holdings].sort((a, b) => a.epoch - b.epoch);
  return byTime.flatMap((now, i) => {
    const before = byTime[i - 1];
    if (before === undefined || before.client === now.client || overlaps(risky, before.calledAt, now.at)) return [];
    const free = Math.min(givenUp.get(before.epoch) ?? Number.POSITIVE_INFINITY, (until.get(before.epoch) ?? 0) - TOLERANCE_MS);
    return now.at < free ? [`${now.client} was given the lease ${Math.round(free - now.at)} ms before the time of ${before.client} (epoch ${before.epoch}) was over`] : [];
  });
}

function epochOf({ call, answer }: Recorded): number | undefined {
  if (call.kind === 'acquire') return answer?.kind === 'held' ? answer.epoch : undefined;
  if (call.kind === 'renew') return answer?.kind === 'ok' ? call.epoch : undefined;
  return call.kind === 'release' ? call.epoch : undefined;
}
