import { list, seat } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';

/** Kinds that are served, beyond the built-in ones. */
export const Kinds = list<KindDefinition>('Kind');

/** All kinds that are served: the built-in ones, those of plugins, and those added while running. */
export interface ServedKinds {
  /** Those that are served now, in the order in which they were added. */
  list(): readonly KindDefinition[];
  /** Told of each kind that is served from now on. Must not throw. Returns its removal. */
  onAnnounced(listener: (kind: KindDefinition) => void): () => void;
}
/** All kinds that are served. */
export const ServedKinds = seat<ServedKinds>('ServedKinds');
