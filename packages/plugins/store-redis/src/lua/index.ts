import { begin } from './begin.lua.js';
import { commit } from './commit.lua.js';
import { compact, tidy } from './history.lua.js';
import { acquire, release, renew } from './lease.lua.js';
import { get, log, page, state } from './reads.lua.js';
import type { Script } from './script.js';

export type { KeyName, Script } from './script.js';

/** Every script, by its verb. */
export const scripts = { begin, commit, get, page, log, state, compact, tidy, acquire, renew, release } as const satisfies Record<string, Script>;
