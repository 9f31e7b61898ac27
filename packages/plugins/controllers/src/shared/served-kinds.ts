import { type Get, type KindDefinition, ServedKinds } from '@orrery/core';

/** The kinds that are served now: the built-in ones, those of plugins, and those added while running. */
export const servedKinds = (get: Get): readonly KindDefinition[] => get(ServedKinds).list();
