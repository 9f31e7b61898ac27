import { expired, longLived, OrreryError, type StoreEvent, type WatchBatch } from '@orrery/core';
import { deferred } from './deferred.js';
import type { EtcdClient } from './etcd-client.js';
import { EtcdFailure, STATUS, toOrreryError } from './failure.js';
import { refuseCanceled } from './feed.js';
import type { Layout } from './layout.js';
import type { WatchResponse, WireEvent } from './messages.js';
import { eventsOf, WatchResponses } from './watch-responses.js';

/** Which part of the history is read: after `since`, up to and including `through`, at which something was written. */
export interface Stretch {
  readonly since: number;
  readonly through: number;
  /** On the monotonic clock. */
  readonly deadline: number;
  /** Whether the values before each change are wanted. */
  readonly previous: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads a stretch of etcd's history by a short watch of all keys of the store, one revision at a time in order, until `visit` says that it has seen enough.
 * Resolves with the last revision that was visited, or `through`. Throws `EXPIRED`, `UNAVAILABLE`, `ABORTED`, `CLOSED`, and what `visit` throws.
 */
export async function readHistory(
  client: EtcdClient,
  layout: Layout,
  { since, through, deadline, previous, signal }: Stretch,
  visit: (events: readonly WireEvent[], revision: number) => boolean,
): Promise<number> {
  const responses = new WatchResponses();
  const done = deferred<number>();
  const take = (response: WatchResponse): void => {
    refuseCanceled(response, since, client);
    for (const { revision, events } of responses.take(response)) {
      if (revision > through) return done.resolve(through);
      if (visit(events, revision) || revision === through) return done.resolve(revision);
    }
  };
  const inTime = longLived(new AbortController());
  const late = client.clock.sleep(Math.max(0, deadline - client.clock.monotonic()), inTime.signal);
  late.then(() => done.reject(new EtcdFailure(STATUS.DEADLINE_EXCEEDED, 'the history was not told in time', 'etcd')), () => inTime);
  const abort = (): void => done.reject(new OrreryError('ABORTED', 'The watch was aborted.'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const createRequest = { ...layout.watched, startRevision: since + 1, prevKv: previous, fragment: true };
    const stream = await client.connection.stream('Watch/Watch', { createRequest }, {
      ended: done.reject,
      data(response) {
        try {
          take(response);
        } catch (error) {
          done.reject(error);
        }
      },
    });
    try {
      const revision = await done.promise;
      // Asked after it was read: whatever was compacted until then may have been left out.
      await client.kept(layout.mark, since, signal);
      return revision;
    } finally {
      stream.cancel();
    }
  } catch (error) {
    throw error instanceof EtcdFailure ? toOrreryError(error) : error;
  } finally {
    inTime.abort();
    signal?.removeEventListener('abort', abort);
  }
}

/** Events handed to a watcher at once at most, and a little more: a revision is not split. */
const EVENTS = 1_000;

/** What a watcher missed that the window no longer holds; see `WatchWindowOptions.older`. */
export async function catchUp(client: EtcdClient, layout: Layout, prefix: string, since: number, through: number, signal: AbortSignal): Promise<WatchBatch> {
  const events: StoreEvent[] = [];
  const revision = await readHistory(client, layout, { since, through, deadline: client.deadline(), previous: true, signal }, (wire) => {
    for (const event of eventsOf(layout, wire)) if (event.key.startsWith(prefix)) events.push(event);
    return events.length >= EVENTS;
  });
  if (revision <= since) throw expired(since + 1, through);
  return { revision, events };
}
