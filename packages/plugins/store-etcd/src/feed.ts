import { errorMessage, expired, longLived, OrreryError, revisionAhead, type WatchWindow } from '@orrery/core';
import type { OpenStream } from './connection.js';
import { deferred } from './deferred.js';
import type { EtcdClient } from './etcd-client.js';
import { EtcdFailure, STATUS, toOrreryError } from './failure.js';
import type { Layout } from './layout.js';
import type { WatchResponse } from './messages.js';
import { eventsOf, WatchResponses } from './watch-responses.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
const PASS_POLL_MS = 5;
const never = longLived(new AbortController()).signal;
/** How often the watch is brought up to etcd's revision when only others have written, so that their compactions do not overtake it. */
const PROGRESS_MS = 60_000;

/**
 * The one upstream watch of a store instance: everything that happens to its keys, in order, into the window. Begins with the first watcher. Goes on behind
 * the last revision after a disconnection; where it cannot (compacted, other history), the watchers' places are lost and they are told so.
 *
 * How far the watch has come is learnt by writing a mark and seeing it come: etcd's own manual progress requests can overtake events (before 3.4.25 and 3.5.8).
 */
export class Feed {
  readonly #abort = longLived(new AbortController());
  #started = false;
  /** What the watchers will be told when the feed starts over; undefined while it can go on. */
  #cut: OrreryError | undefined = new OrreryError('UNAVAILABLE', 'The watch of etcd has not begun.');
  #ready = gate();
  #live = false;
  #stream: OpenStream | undefined;
  #lastFailure: unknown;
  /** Ends the stream that is open, so that another is opened. */
  #interrupt: (error: Error) => void = () => {};

  constructor(
    private readonly client: EtcdClient,
    private readonly layout: Layout,
    private readonly window: WatchWindow,
    private readonly warn: (message: string, error: unknown) => void,
  ) {}

  /** Whether the stream is open, as far as can be told. */
  get live(): boolean {
    return this.#live;
  }

  /** Begins if it has not, and waits until watchers can be served. Throws `UNAVAILABLE` after the client's patience; returns when the signal aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    if (!this.#started) this.#start();
    if (this.#ready.open || signal.aborted) return;
    const patience = new AbortController();
    const late = this.client.clock.sleep(Math.max(0, this.client.deadline() - this.client.clock.monotonic()), patience.signal);
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true, signal: patience.signal }));
    try {
      await Promise.race([this.#ready.passed, aborted, late.then(() => Promise.reject(this.#unavailable()))]);
    } finally {
      late.catch(() => patience /* it was in time */);
      patience.abort();
    }
  }

  /** Brings the watch up to a revision that is about to be compacted, so that it can be resumed although only others have written up to there. */
  async pass(revision: number): Promise<void> {
    if (!this.#live || this.window.last >= revision) return;
    const mark = await this.#mark();
    const deadline = this.client.deadline();
    while (this.#live && this.window.last < mark && this.client.clock.monotonic() < deadline) await this.client.clock.sleep(PASS_POLL_MS, never);
  }

  /** The history went another way: everything known of it is void. */
  lost(revision: number): void {
    this.#restart(revisionAhead(this.window.last, revision));
    this.window.reset(revision, revisionAhead(this.window.last, revision));
    this.#interrupt(new Error('the history was lost'));
  }

  /** A member was given up: if the stream goes there, it goes elsewhere from now on. */
  moved(member: number): void {
    if (this.#stream?.member === member) this.#interrupt(new EtcdFailure(STATUS.UNAVAILABLE, 'the member was given up', 'etcd'));
  }

  stop(): void {
    this.#abort.abort();
    this.#live = false;
    this.#interrupt(new Error('stopped'));
    this.#ready.pass();
  }

  #start(): void {
    this.#started = true;
    const { signal } = this.#abort;
    const removeListener = this.client.connection.onMoved((member) => this.moved(member));
    signal.addEventListener('abort', removeListener, { once: true });
    const ended = (error: unknown): void => {
      if (!signal.aborted) this.warn('the watch of etcd ended', error);
    };
    this.#run(signal).catch(ended);
    this.#progress(signal).catch(ended);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#position();
        const since = this.window.last;
        await this.#follow(since + 1, () => {
          failures = 0;
        });
      } catch (error) {
        this.#live = false;
        if (signal.aborted) return;
        this.#lastFailure = error;
        if (OrreryError.is(error) && error.code !== 'UNAVAILABLE') this.#restart(error);
        else if (failures === 1) this.warn('the watch of etcd was interrupted; trying again', error);
      }
      failures += 1;
      if (failures > 1) await this.client.clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), signal);
    }
  }

  /** Makes sure that the window's last revision is one of the history that etcd has; begins anew at a mark where it is not. */
  async #position(): Promise<void> {
    if (this.#cut === undefined) await this.client.kept(this.layout.mark, this.window.last);
    while (this.#cut !== undefined) {
      const cut = this.#cut;
      const mark = await this.#mark();
      // What was before the mark is in etcd, see CatchUp.
      this.window.reset(mark, cut);
      if (this.#cut === cut) this.#cut = undefined;
    }
  }

  /** Writes the mark; gives its revision, at which the upstream watch has or will have an event. */
  async #mark(): Promise<number> {
    const put = { compare: [], success: [{ requestPut: { key: this.layout.mark, value: Buffer.from('{}') } }], failure: [] };
    return (await this.client.persist(() => this.client.txn(put))).header.revision;
  }

  /** Takes a stream's changes until it ends, and throws why. */
  async #follow(startRevision: number, established: () => void): Promise<never> {
    const ended = deferred<never>();
    const take = this.#checkedTake(startRevision - 1, established, ended.reject);
    this.#interrupt = ended.reject;
    const create = { ...this.layout.watched, startRevision, progressNotify: true, prevKv: true, fragment: true };
    const stream = await this.client.connection.stream('Watch/Watch', { createRequest: create }, {
      ended: ended.reject,
      data: (response) => {
        try {
          take(response);
        } catch (error) {
          ended.reject(error);
        }
      },
    });
    this.#stream = stream;
    try {
      return await ended.promise;
    } finally {
      this.#stream = undefined;
      stream.cancel();
    }
  }

  /** Takes a stream's responses in order; the first changes only after it is certain that none of those before them was compacted when etcd read them. */
  #checkedTake(since: number, established: () => void, fail: (error: unknown) => void): (response: WatchResponse) => void {
    const responses = new WatchResponses();
    let certain = false;
    let held: WatchResponse[] | undefined;
    const release = (): void => {
      certain = true;
      for (const response of held ?? []) this.#take(response, responses, established);
    };
    return (response) => {
      if (certain || response.created || response.canceled) this.#take(response, responses, established);
      else if (held !== undefined) held.push(response);
      else {
        held = [response];
        this.client.kept(this.layout.mark, since, this.#abort.signal).then(release).catch(fail);
      }
    };
  }

  #take(response: WatchResponse, responses: WatchResponses, established: () => void): void {
    refuseCanceled(response, this.window.last, this.client);
    if (response.created) {
      established();
      this.#live = true;
      this.#ready.pass();
    } else if (response.events.length === 0 && !response.fragment) {
      this.window.advance(response.header.revision);
    }
    for (const { revision, events } of responses.take(response)) {
      // A server that repeats itself (etcd has had such bugs) is not believed twice.
      if (revision > this.window.last) this.window.push(revision, eventsOf(this.layout, events));
    }
  }

  async #progress(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.client.clock.sleep(PROGRESS_MS, signal);
      try {
        const { header } = await this.client.range({ key: this.layout.mark, keysOnly: true }, signal);
        if (this.#live && header.revision > this.window.last) await this.#mark();
      } catch (error) {
        if (signal.aborted) return;
        this.warn('the progress of the watch of etcd could not be learnt; trying again in a minute', error);
      }
    }
  }

  #restart(cut: OrreryError): void {
    this.#cut = cut;
    this.#live = false;
    if (this.#ready.open) this.#ready = gate();
  }

  #unavailable(): OrreryError {
    const error = this.#lastFailure;
    if (error instanceof EtcdFailure) return toOrreryError(error);
    return new OrreryError('UNAVAILABLE', `etcd cannot be watched now: ${errorMessage(error ?? 'no answer')}`, {}, error);
  }
}

/** Throws why etcd ended a watch, if it did: `EXPIRED` when the revisions that it was to tell are compacted. */
export function refuseCanceled({ canceled, compactRevision, cancelReason, header }: WatchResponse, since: number, { connection }: EtcdClient): void {
  if (!canceled) return;
  if (compactRevision > 0) throw expired(since + 1, compactRevision);
  // A token that has run out is told like this.
  if (cancelReason.includes('permission denied') || cancelReason.includes('auth token')) connection.forgetToken();
  throw new EtcdFailure(STATUS.UNAVAILABLE, `etcd ended the watch: ${cancelReason}`, `member ${header.memberId}`);
}

interface Gate {
  readonly passed: Promise<void>;
  readonly open: boolean;
  pass(): void;
}

function gate(): Gate {
  const { promise, resolve } = deferred<void>();
  let open = false;
  return {
    passed: promise,
    get open() {
      return open;
    },
    pass() {
      open = true;
      resolve();
    },
  };
}
