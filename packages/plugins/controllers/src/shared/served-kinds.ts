import { builtinKinds, type Get, type KindDefinition, Kinds } from '@orrery/core';

/** The kinds that are served: the built-in ones and those that plugins add. Kinds added while running are not among them. */
export const servedKinds = (get: Get): readonly KindDefinition[] => [...builtinKinds, ...get(Kinds).items()];
