import { OrreryError } from '@orrery/core';

/** What is known of a call that failed. */
export type Effect =
  /** It was surely not executed: it never left, or etcd refused it. */
  | 'none'
  /** It may have been executed, or may yet be. */
  | 'unknown';

/** gRPC's status codes, those that matter here. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** With these etcd says that it did nothing. */
const REFUSALS: ReadonlySet<number> = new Set([
  STATUS.INVALID_ARGUMENT, STATUS.NOT_FOUND, STATUS.PERMISSION_DENIED, STATUS.FAILED_PRECONDITION, STATUS.OUT_OF_RANGE, STATUS.UNAUTHENTICATED,
]);
/** grpc-js says so of a call for which there was no connection. */
const NEVER_LEFT = /^(No connection established|No addresses resolved|Name resolution failed)/;
/** Our own token is not good any more; another one may be. */
const STALE_TOKEN = /invalid auth token|revision of auth store is old/;

/** A call to etcd that did not succeed, before it is known what that means to the caller. */
export class EtcdFailure extends Error {
  override readonly name = 'EtcdFailure';

  /** @param status gRPC's code @param details etcd's or grpc-js's words @param endpoint who said so */
  constructor(
    readonly status: number,
    readonly details: string,
    readonly endpoint: string,
  ) {
    super(`${endpoint}: ${details}`);
  }

  /** Whether what was asked for may have happened. */
  get effect(): Effect {
    if (REFUSALS.has(this.status)) return 'none';
    // Refused by etcd for its own reasons (space, load); grpc-js uses the same code for an answer that is too large to be read.
    if (this.status === STATUS.RESOURCE_EXHAUSTED) return this.details.startsWith('etcdserver:') ? 'none' : 'unknown';
    return this.status === STATUS.UNAVAILABLE && NEVER_LEFT.test(this.details) ? 'none' : 'unknown';
  }

  /** Whether another try, perhaps at another member, may succeed at once. */
  get passing(): boolean {
    return this.effect === 'unknown' ? this.status !== STATUS.DATA_LOSS : this.status === STATUS.UNAVAILABLE || this.details.includes('too many requests');
  }

  get staleToken(): boolean {
    return STALE_TOKEN.test(this.details);
  }

  get leaseGone(): boolean {
    return this.details.includes('lease not found');
  }

  get compacted(): boolean {
    return this.details.includes('has been compacted');
  }

  get future(): boolean {
    return this.details.includes('future revision');
  }
}

/** What a failed read or refused write means to the caller, in words for an operator. Compaction is the caller's: it knows what was asked. */
export function toOrreryError(failure: EtcdFailure): OrreryError {
  const { details, endpoint } = failure;
  const about = { endpoint, etcd: details };
  if (details.includes('database space exceeded')) {
    const todo = 'Compact and defragment (etcdctl compact, etcdctl defrag) or raise --quota-backend-bytes, then etcdctl alarm disarm; until then it only reads.';
    return new OrreryError('UNAVAILABLE', `etcd is out of space. ${todo}`, about, failure);
  }
  if (details.includes('request is too large') || details.includes('message larger than max')) {
    return new OrreryError('INVALID', 'The commit is larger than etcd takes at once (--max-request-bytes, by default 1.5 MiB).', about, failure);
  }
  if (details.includes('too many operations')) {
    return new OrreryError('INVALID', 'The commit has more operations than this etcd allows; start it with --max-txn-ops=128 or more.', about, failure);
  }
  if (failure.status === STATUS.PERMISSION_DENIED) {
    return new OrreryError('UNAVAILABLE', 'etcd denies permission: the user needs a role with readwrite on the prefix of the store.', about, failure);
  }
  if (/authentication failed|user name is empty|password/.test(details) || failure.status === STATUS.UNAUTHENTICATED) {
    return new OrreryError('UNAVAILABLE', 'etcd does not accept the user or the password of this store, or asks for them and none are given.', about, failure);
  }
  return new OrreryError('UNAVAILABLE', `etcd cannot be used now: ${failure.message}.`, about, failure);
}
