import type { WatchEvent, WatchRequest } from '../contracts/transport.js';
import type { KubeObject } from '../model/object.js';
import { list, parseResourceVersion } from './list.js';
import type { Resource } from './resource.js';
import { compileSelection } from './selection.js';

/** Changes of a kind; without a resourceVersion (or with '0') first an ADDED for each object that exists. */
export async function* watch(resource: Resource, request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[], void, undefined> {
  const selection = compileSelection(resource.kind, request);
  const { namespace } = request.ref;
  const inNamespace = namespace === undefined || namespace === '' ? undefined : (object: KubeObject): boolean => object.metadata.namespace === namespace;
  const matches = (object: KubeObject): boolean => (inNamespace?.(object) ?? true) && (selection.matches?.(object) ?? true);
  let since = parseResourceVersion(request.resourceVersion);
  const isCaughtUp = since === 0;
  if (isCaughtUp) {
    const { labelSelector, fieldSelector, ref } = request;
    const initial = await list(resource, { ref, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) });
    since = Number(initial.metadata.resourceVersion);
    const events: WatchEvent[] = initial.items.map((object) => ({ type: 'ADDED', object }));
    // The list is all there is at its revision, which the cache may learn of only when something else happens.
    if (request.allowWatchBookmarks === true) events.push({ type: 'BOOKMARK', object: { metadata: { resourceVersion: initial.metadata.resourceVersion ?? '' } } });
    if (events.length > 0) yield events;
  }
  const { trigger } = selection;
  const watcher = resource.cache.watch(since, { matches, bookmarks: request.allowWatchBookmarks ?? false, isCaughtUp, ...(trigger && { trigger }) });
  const stop = (): void => watcher.end();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let next = await watcher.next(); next.done !== true; next = await watcher.next()) yield next.value;
  } finally {
    signal.removeEventListener('abort', stop);
    await watcher.return();
  }
}
