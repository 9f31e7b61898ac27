/**
 * What every store needs besides its engine: the rules of keys and commits, the table of entries, and the watch window. For authors of store plugins; and the stores over a store: one that keeps
 * values encoded, one that answers reads from memory.
 */
export { checkChange, checkKey, checkLeaseName, checkPrefix, expired, leaseLost, revisionAhead, storeClosed } from './rules.js';
export { type RevisionEvents } from './change-ring.js';
export { EntryTable, type PageQuery } from './entry-table.js';
export { WatchWindow, type WatchWindowOptions } from './watch-window.js';
export { CachedStore, type CachedStoreOptions } from './cached-store.js';
export { CodedStore } from './coded-store.js';
