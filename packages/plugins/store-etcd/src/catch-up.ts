import { expired, longLived, OrreryError, type StoreEvent, type WatchBatch } from '@orrery/core';
import { deferred } from './deferred.js';
import type { EtcdClient } from './etcd-client.js';
import { EtcdFailure, STATUS, toOrreryError } from './failure.js';
import { refuseCanceled } from './feed.js';
import type { Layout } from './layout.js';
import { WatchResponses } from './watch-responses.js';

/** Events read at once at most, and a little more: a revision is not split. */
const EVENTS = 1_000;

/**
 * Reads from etcd what the window no longer holds, by a short watch. It sees all keys of the store, so that it meets the revision that ends it: `through` is one at
 * which something was written (the window begins at a mark, and gives up whole revisions).
 */
export async function catchUp(client: EtcdClient, layout: Layout, prefix: string, since: number, through: number, signal: AbortSignal): Promise<WatchBatch> {
  const responses = new WatchResponses(layout);
  const events: StoreEvent[] = [];
  const done = deferred<WatchBatch>();
  const take = (response: Parameters<WatchResponses['take']>[0]): void => {
    for (const item of responses.take(response)) {
      if (item.revision > through) {
        done.resolve({ revision: through, events });
        return;
      }
      for (const event of item.events) if (event.key.startsWith(prefix)) events.push(event);
      if (item.revision === through || events.length >= EVENTS) {
        done.resolve({ revision: item.revision, events: events.slice() });
        return;
      }
    }
  };
  const quiet = longLived(new AbortController());
  const idle = client.clock.sleep(client.deadline() - client.clock.monotonic(), quiet.signal);
  idle.then(() => done.reject(new EtcdFailure(STATUS.DEADLINE_EXCEEDED, 'no answer to a watch of the past', 'etcd')), () => quiet /* it was in time */);
  const abort = (): void => done.reject(new OrreryError('ABORTED', 'The watch was aborted.'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const createRequest = { ...layout.watched, startRevision: since + 1, prevKv: true, fragment: true };
    const stream = await client.connection.stream('Watch/Watch', { createRequest }, {
      ended: done.reject,
      data(response) {
        try {
          refuseCanceled(response, since, client);
          take(response);
        } catch (error) {
          done.reject(OrreryError.is(error, 'EXPIRED') ? expired(since + 1, Math.max(since + 1, response.compactRevision)) : error);
        }
      },
    });
    try {
      return await done.promise;
    } finally {
      stream.cancel();
    }
  } catch (error) {
    throw error instanceof EtcdFailure ? toOrreryError(error) : error;
  } finally {
    quiet.abort();
    signal.removeEventListener('abort', abort);
  }
}
