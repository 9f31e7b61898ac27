import { ApiError, errorMessage, fieldError, type Logger, longLived, type Random, type WatchRequest } from '@orrery/core';
import { wantedOf } from './accept.js';
import type { Exchange } from './exchange.js';
import { type ObjectRequest, type ObjectsContext, timely } from './objects.js';
import { includeOf, type Query, selectionOf } from './query.js';
import { type EncodedObjects, streamWatch, type WatchProgress } from './watch-stream.js';

/** A watch without a time of its own ends after 30 to 60 minutes, as kube-apiserver's: so that clients spread over servers. */
const TIMEOUT_SECONDS = 1_800;

/** What watches need. */
export interface WatchesContext extends ObjectsContext {
  readonly random: Random;
  readonly log: Logger;
  readonly encoded: EncodedObjects;
  /** Aborts when the server stops: watches then end, as at a time-out. */
  readonly stopping: AbortSignal;
}

/** Answers a watch. */
export async function answerWatch(exchange: Exchange, asked: Omit<ObjectRequest, 'verb'>, context: WatchesContext, told: WatchProgress): Promise<void> {
  const { request, query, clock, gone } = exchange;
  const { kind, ref, user } = asked;
  const { encoding, as } = wantedOf(request.headers.accept);
  if (encoding !== 'json') throw new ApiError('NotAcceptable', 'watches are written as application/json only');
  const include = includeOf(query);
  const seconds = query.count('timeoutSeconds') || TIMEOUT_SECONDS + context.random.int(TIMEOUT_SECONDS);
  const [since, marksInitialEvents] = await sinceOf(asked, query, context);
  const over = longLived(new AbortController());
  const end = (): void => over.abort();
  // Timers of the platform hold 2^31 ms.
  const cancel = clock.timer(Math.min(seconds, 86_400) * 1000, end);
  for (const signal of [gone, context.stopping]) {
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }
  try {
    const bookmarks = query.flag('allowWatchBookmarks') ?? false;
    const watch: WatchRequest = { ref, user, ...selectionOf(query), ...(since !== undefined && { resourceVersion: since }), allowWatchBookmarks: bookmarks };
    const failed = (error: unknown): void => context.log.warn('a watch failed', { audit: exchange.id, user: user.name, error: errorMessage(error) });
    const options = { kind, shape: { as, include }, clock, backlog: context.limits.watchBacklog, marksInitialEvents: marksInitialEvents && bookmarks, encoded: context.encoded, failed, told };
    await streamWatch(exchange, context.transport.watch(watch, over.signal), options);
  } finally {
    cancel();
    for (const signal of [gone, context.stopping]) signal.removeEventListener('abort', end);
    end();
  }
}

/** From which version on, and whether the end of the initial events is to be marked (the rules of ValidateListOptions for watches). */
async function sinceOf(asked: Omit<ObjectRequest, 'verb'>, query: Query, context: ObjectsContext): Promise<[since: string | undefined, marks: boolean]> {
  const [version, initial, match] = [query.text('resourceVersion'), query.flag('sendInitialEvents'), query.oneOf('resourceVersionMatch', ['Exact', 'NotOlderThan'] as const, 'ListOptions')];
  if (initial === undefined) {
    if (match !== undefined) throw forbiddenOption('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    return [version, false];
  }
  if (match !== 'NotOlderThan') throw forbiddenOption('sendInitialEvents', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  const isAny = version === undefined || version === '0';
  if (!initial && !isAny) return [version, false];
  // The state now is not older than the version, or the list is refused.
  const { ref, user } = asked;
  const now = await timely(context, context.transport.request({ verb: 'list', ref, user, limit: 1, ...(!isAny && { resourceVersion: version, resourceVersionMatch: match }) }));
  return initial ? [undefined, true] : [now.metadata.resourceVersion, false];
}

const forbiddenOption = (field: string, why: string): ApiError => ApiError.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [fieldError.forbidden(field, why)]);
