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
  if (since === 0) {
    const { labelSelector, fieldSelector, ref } = request;
    const initial = await list(resource, { ref, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) });
    since = Number(initial.metadata.resourceVersion);
    if (initial.items.length > 0) yield initial.items.map((object) => ({ type: 'ADDED', object }));
  }
  const { trigger } = selection;
  const watcher = resource.cache.watch(since, { matches, bookmarks: request.allowWatchBookmarks ?? false, ...(trigger && { trigger }) });
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
