import type { Client, KindClient } from '../contracts/client.js';
import { ApiError } from '../model/api-error.js';
import type { KubeObject } from '../model/object.js';

/** The newest revision written, by kind (see {@link kindId}). */
export type WrittenRevisions = Map<string, number>;

/** What names a kind: objects say it of themselves. */
export const kindId = ({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string => `${apiVersion} ${kind}`;

/**
 * A client that notes the revision of each write, so that the next look at the same thing can wait until the caches show it.
 * After a write of unknown outcome it notes the present revision: if it was made, it is not newer. Bindings and evictions answer no revision and are not noted.
 */
export function trackingClient(client: Client, written: WrittenRevisions): Client {
  const note = (id: string, version: string | undefined): void => {
    const revision = Number(version ?? 0);
    if (revision > (written.get(id) ?? 0)) written.set(id, revision);
  };
  const track = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> => {
    const id = kindId(verbs.kind);
    const noting = async (writing: Promise<T>): Promise<T> => {
      try {
        const object = await writing;
        note(id, object.metadata.resourceVersion);
        return object;
      } catch (error) {
        if (ApiError.is(error, 'Timeout')) note(id, (await verbs.list({ limit: 1 })).metadata.resourceVersion);
        throw error;
      }
    };
    return {
      kind: verbs.kind,
      get: (ref) => verbs.get(ref),
      find: (ref) => verbs.find(ref),
      list: (options) => verbs.list(options),
      watch: (options, signal) => verbs.watch(options, signal),
      createSubresource: (ref, subresource, body) => verbs.createSubresource(ref, subresource, body),
      watchChunks: (options, signal) => verbs.watchChunks(options, signal),
      scale: async (ref, replicas, { resourceVersion } = {}) =>
        void (await noting(verbs.patch(ref, 'merge', { ...(resourceVersion !== undefined && { metadata: { resourceVersion } }), spec: { replicas } }, { subresource: 'scale' }))),
      deleteCollection: async (options) => {
        const gone = await verbs.deleteCollection(options);
        for (const { metadata } of gone.items) note(id, metadata.resourceVersion);
        return gone;
      },
      create: (object, options) => noting(verbs.create(object, options)),
      update: (object, options) => noting(verbs.update(object, options)),
      updateStatus: (object, options) => noting(verbs.updateStatus(object, options)),
      apply: (object, options) => noting(verbs.apply(object, options)),
      patch: (ref, type, body, options) => noting(verbs.patch(ref, type, body, options)),
      delete: (ref, options) => noting(verbs.delete(ref, options)),
    };
  };
  return {
    kind: (kind) => track(client.kind(kind)),
    apply: async (manifests, options) => {
      const results = await client.apply(manifests, options);
      for (const { object } of results) note(kindId(object), object.metadata.resourceVersion);
      return results;
    },
    bind: (pod, node, options) => client.bind(pod, node, options),
    evict: (pod, options) => client.evict(pod, options),
  };
}
