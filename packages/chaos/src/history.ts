/** What a client wanted to change: every value it writes carries the commit's own id. */
export interface ChangeWanted {
  readonly key: string;
  readonly delete: boolean;
}

/** A key as a client saw it: the id in its value, and the revision. 0: it does not exist. */
export interface Seen {
  readonly id: string | undefined;
  readonly modRevision: number;
}

/** A call, told when it is made. Times are milliseconds of the machine's monotonic clock, the same for all its processes. */
export type Call = { readonly client: string; readonly handle: string; readonly calledAt: number } & (
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'range'; readonly prefix: string; readonly limit?: number }
  | {
      readonly kind: 'commit';
      /** Unique among all commits. */
      readonly id: string;
      readonly changes: readonly ChangeWanted[];
      readonly guards: readonly { readonly key: string; readonly modRevision: number }[];
      /** Committed under the lease with this epoch. */
      readonly epoch?: number;
    }
  | { readonly kind: 'acquire'; readonly lease: string; readonly ttlMs: number }
  | { readonly kind: 'renew' | 'release'; readonly lease: string; readonly epoch: number }
);

/** What a call was answered. */
export type Answer = { readonly at: number } & (
  | { readonly kind: 'seen'; readonly seen: Seen }
  | { readonly kind: 'page'; readonly revision: number; readonly more: boolean; readonly entries: readonly (Seen & { readonly key: string })[] }
  | { readonly kind: 'done'; readonly revision: number }
  /** Refused. `key`: of the guard that did not hold; absent: the lease. */
  | { readonly kind: 'conflict'; readonly key?: string; readonly seen: Seen }
  | { readonly kind: 'held'; readonly epoch: number }
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused' }
  /** Certainly without effect. */
  | { readonly kind: 'failed'; readonly code: string }
  /** Nobody knows whether it had an effect. */
  | { readonly kind: 'unknown' }
);

/** A change as a watcher was told. */
export interface Told {
  readonly revision: number;
  readonly key: string;
  /** Undefined: a delete. */
  readonly id: string | undefined;
  /** Of the value before; 0: the key was created. */
  readonly previousRevision: number;
}

/** One watch from its start to its end. */
export interface Session {
  readonly watcher: string;
  readonly handle: string;
  readonly prefix: string;
  readonly since: number;
  readonly startedAt: number;
  /** Batches in their order. */
  readonly batches: readonly { readonly revision: number; readonly events: readonly Told[] }[];
  /** The code it ended with; absent: it was aborted. */
  readonly end?: string;
}

/** A loss that a store declared. */
export interface DeclaredLoss {
  readonly handle: string;
  readonly at: number;
  readonly lastCommon: number;
  readonly seen: number;
  readonly reason: string;
}

/** A call and its answer; without one when its process was killed, or the outcome is not known. */
export interface Recorded {
  readonly call: Call;
  readonly answer?: Answer;
}

/** A stretch of time. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Everything that was recorded in one run. */
export interface History {
  readonly calls: readonly Recorded[];
  readonly sessions: readonly Session[];
  readonly losses: readonly DeclaredLoss[];
  /** Faults after which acknowledged writes may be gone, from their start until all is settled. */
  readonly risky: readonly Interval[];
  /** All changes of the history that counts at the end, by revision, as a watcher that followed all along was told. */
  readonly changes: readonly Told[];
  /** What is there at the end. */
  readonly final: { readonly revision: number; readonly entries: readonly (Seen & { readonly key: string })[] };
  /** What went wrong in recording it, or in the store beyond its contract (unexpected errors). */
  readonly irregular: readonly string[];
}

/** What a client tells while it works: in its own process directly, from a child line by line. */
export interface Tape {
  /** Told before the call is made; what it gives takes the answer. */
  call(call: Call): (answer: Answer) => void;
  loss(loss: DeclaredLoss): void;
  irregular(what: string): void;
}

/** A tape in memory. */
export class Recording implements Tape {
  readonly calls: Recorded[] = [];
  readonly losses: DeclaredLoss[] = [];
  readonly irregularities: string[] = [];

  call(call: Call): (answer: Answer) => void {
    const place = this.calls.push({ call }) - 1;
    return (answer) => {
      if (answer.kind !== 'unknown') this.calls[place] = { call, answer };
    };
  }

  loss(loss: DeclaredLoss): void {
    this.losses.push(loss);
  }

  irregular(what: string): void {
    this.irregularities.push(what);
  }
}
