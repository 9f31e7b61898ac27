import { list, seat } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';
import type { ResourceName } from '../model/registry.js';

/** Kinds that are served, beyond the built-in ones. */
export const Kinds = list<KindDefinition>('Kind');

/** All kinds that are served: the built-in ones, those of plugins, and those added while running. */
export interface ServedKinds {
  /** Those that are served now, in the order in which they were added. The same list until something changes. */
  list(): readonly KindDefinition[];
  /** Told of each resource that is served from now on, by its preferred version. Must not throw. Returns its removal. */
  onAnnounced(listener: (kind: KindDefinition) => void): () => void;
  /** Told of each version of a resource that is served no more. Must not throw. Returns its removal. */
  onWithdrawn(listener: (kind: KindDefinition) => void): () => void;
}
/** All kinds that are served. */
export const ServedKinds = seat<ServedKinds>('ServedKinds');

/** Serves kinds that come, change and go while it runs, such as those of CustomResourceDefinitions. */
export interface KindServing {
  /**
   * From now on these are the versions of a resource, the preferred one first; none: it is served no more. Watches of what was served in another way end, and clients list again.
   * What is stored stays. Resolves when all of them can be used. Throws `ALREADY_EXISTS` when names are taken, `CLOSED` when the server has stopped.
   */
  offer(at: ResourceName, kinds: readonly KindDefinition[]): Promise<void>;
}
/** Serves kinds that come and go. Only with a server in this process. */
export const KindServing = seat<KindServing>('KindServing');
