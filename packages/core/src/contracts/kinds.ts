import { list } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';

/** Kinds that are served, beyond the built-in ones. */
export const Kinds = list<KindDefinition>('Kind');
