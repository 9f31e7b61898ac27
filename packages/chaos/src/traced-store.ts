import { errorMessage, type Guard, OrreryError, type Store, type StoreEntry, type StoreLease, type Write } from '@orrery/core';
import type { Answer, Call, ChangeWanted, Seen, Tape } from './history.js';

type CallOf<Kind> = Extract<Call, { readonly kind: Kind }>;
type Details<Kind> = Omit<CallOf<Kind>, 'kind' | 'client' | 'handle' | 'calledAt'>;
type AnswerBody = Answer extends infer One ? (One extends Answer ? Omit<One, 'at'> : never) : never;

/** Codes that a call may fail with and that say that it had no effect. */
const HARMLESS: readonly string[] = ['UNAVAILABLE', 'LEASE_LOST'];
/** Codes after which nobody knows. A store is closed under a call only when a run ends early. */
const OPEN: readonly string[] = ['OUTCOME_UNKNOWN', 'CLOSED'];

/** Milliseconds of the machine's monotonic clock, which all its processes share; that of `Clock` begins anew in each process. */
export const machineTime = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/** One client's calls to a store, each put on tape. */
export class TracedStore {
  #commits = 0;

  constructor(
    private readonly store: Store,
    /** Unique among all clients and lives. */
    readonly client: string,
    /** Which store instance it is: clients may share one. */
    private readonly handle: string,
    private readonly tape: Tape,
    /** How long a call may take at most, milliseconds; longer ones are irregular. Default: not judged. */
    private readonly limitMs = Number.POSITIVE_INFINITY,
  ) {}

  /** What a key holds; undefined when the read failed. */
  get(key: string): Promise<Seen | undefined> {
    return this.#trace({ ...this.#now(), kind: 'get', key }, async () => {
      const seen = seenOf(await this.store.get(key));
      return [seen, { kind: 'seen', seen }];
    });
  }

  /** Reads a range. */
  async range({ prefix, limit }: Details<'range'>): Promise<void> {
    const options = limit === undefined ? {} : { limit };
    await this.#trace({ ...this.#now(), kind: 'range', prefix, ...options }, async () => {
      const { entries, revision, more } = await this.store.range(prefix, options);
      return [undefined, { kind: 'page', revision, more, entries: entries.map((entry) => ({ key: entry.key, ...seenOf(entry) })) }];
    });
  }

  /** Commits; `filler` goes into every value. Gives the new revision or what was there instead; undefined when it failed or is not known. */
  commit(changes: readonly ChangeWanted[], guards: Details<'commit'>['guards'], { lease, epoch, filler = '' }: { readonly lease?: string; readonly epoch?: number; readonly filler?: string } = {}): Promise<number | { readonly conflict: Seen } | undefined> {
    const id = `${this.client}:${(this.#commits += 1)}`;
    const call: Call = { ...this.#now(), kind: 'commit', id, changes, guards, ...(epoch !== undefined && { epoch }) };
    const fence: Guard[] = lease === undefined || epoch === undefined ? [] : [{ lease, epoch }];
    const writes = changes.map(({ key, delete: gone }): Write => (gone ? { key, delete: true } : { key, value: { id, filler } }));
    return this.#trace<number | { readonly conflict: Seen }>(call, async () => {
      const result = await this.store.commit({ guards: [...fence, ...guards], writes });
      if (result.ok) return [result.revision, { kind: 'done', revision: result.revision }];
      const seen = seenOf(result.found);
      return [{ conflict: seen }, { kind: 'conflict', seen, ...('key' in result.guard && { key: result.guard.key }) }];
    });
  }

  /** Tries to take a lease. */
  acquire(lease: string, ttlMs: number): Promise<StoreLease | undefined> {
    return this.#trace({ ...this.#now(), kind: 'acquire', lease, ttlMs }, async () => {
      const held = await this.store.acquireLease(lease, { holder: this.client, ttlMs });
      return [held, held === undefined ? { kind: 'refused' } : { kind: 'held', epoch: held.epoch }];
    });
  }

  /** Prolongs a lease; false when that failed or is not known. */
  async renew(held: StoreLease, signal: AbortSignal): Promise<boolean> {
    const done = await this.#trace({ ...this.#now(), kind: 'renew', lease: held.name, epoch: held.epoch }, async () => {
      await held.renew(signal);
      return [true, { kind: 'ok' }];
    });
    return done === true;
  }

  /** Gives a lease up. */
  async release(held: StoreLease): Promise<void> {
    await this.#trace({ ...this.#now(), kind: 'release', lease: held.name, epoch: held.epoch }, async () => {
      await held.release();
      return [undefined, { kind: 'ok' }];
    });
  }

  #now(): { readonly client: string; readonly handle: string; readonly calledAt: number } {
    return { client: this.client, handle: this.handle, calledAt: machineTime() };
  }

  async #trace<T>(call: Call, act: () => Promise<readonly [T, AnswerBody]>): Promise<T | undefined> {
    const answered = this.tape.call(call);
    const answer = (body: AnswerBody): void => answered({ at: machineTime(), ...body } as Answer);
    try {
      const [value, body] = await act();
      answer(body);
      this.#judge(call);
      return value;
    } catch (error) {
      this.#judge(call);
      const code = OrreryError.is(error) ? error.code : 'none';
      // An aborted renewal may still have prolonged.
      if (HARMLESS.includes(code)) answer({ kind: 'failed', code });
      else if (OPEN.includes(code) || code === 'ABORTED') answer({ kind: 'unknown' });
      else this.tape.irregular(`${call.kind} of ${call.client} failed with ${code}: ${errorMessage(error)}`);
      return undefined;
    }
  }

  #judge({ kind, client, calledAt }: Call): void {
    const tookMs = machineTime() - calledAt;
    if (tookMs > this.limitMs) this.tape.irregular(`${kind} of ${client} took ${Math.round(tookMs)} ms, where ${this.limitMs} is the most`);
  }
}

/** The id in an entry, and its revision. */
export function seenOf(entry: StoreEntry | undefined): Seen {
  return entry === undefined ? { id: undefined, modRevision: 0 } : { id: String(entry.value['id']), modRevision: entry.modRevision };
}

/** Puts the losses that a store declares on tape. */
export function tapeLosses(store: Store, handle: string, tape: Pick<Tape, 'loss'>): void {
  store.onHistoryLost?.((loss) => tape.loss({ handle, at: machineTime(), ...loss }));
}
