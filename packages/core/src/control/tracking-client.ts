import type { Client, KindClient } from '../contracts/client.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';

/** The newest revision written, by kind. */
export type WrittenRevisions = Map<KindDefinition<never>, number>;

/** A client that notes the revision of each write, so that the next look at the same thing can wait until the caches show it. */
export function trackingClient(client: Client, written: WrittenRevisions): Client {
  const note = <T extends KubeObject>(kind: KindDefinition<T>, object: KubeObject): void => {
    const revision = Number(object.metadata.resourceVersion ?? 0);
    const key = kind as unknown as KindDefinition<never>;
    if (revision > (written.get(key) ?? 0)) written.set(key, revision);
  };
  const track = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> => {
    const noting = async (writing: Promise<T>): Promise<T> => {
      const object = await writing;
      note(verbs.kind, object);
      return object;
    };
    return {
      kind: verbs.kind,
      get: (ref) => verbs.get(ref),
      find: (ref) => verbs.find(ref),
      list: (options) => verbs.list(options),
      watch: (options, signal) => verbs.watch(options, signal),
      watchChunks: (options, signal) => verbs.watchChunks(options, signal),
      scale: (ref, replicas) => verbs.scale(ref, replicas),
      deleteCollection: (options) => verbs.deleteCollection(options),
      create: (object, options) => noting(verbs.create(object, options)),
      update: (object, options) => noting(verbs.update(object, options)),
      updateStatus: (object, options) => noting(verbs.updateStatus(object, options)),
      patch: (ref, type, body, options) => noting(verbs.patch(ref, type, body, options)),
      delete: (ref, options) => noting(verbs.delete(ref, options)),
    };
  };
  return {
    kind: (kind) => track(client.kind(kind)),
    apply: (manifests, options) => client.apply(manifests, options),
    bind: (pod, node) => client.bind(pod, node),
  };
}
