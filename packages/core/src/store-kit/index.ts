/**
 * What every store needs besides its engine: the rules of keys and commits, and the watch window. For authors of store plugins; and the store that keeps values encoded.
 */
export { checkChange, checkKey, checkLeaseName, checkPrefix, expired, leaseLost, revisionAhead, storeClosed } from './rules.js';
export { type RevisionEvents } from './change-ring.js';
export { WatchWindow, type WatchWindowOptions } from './watch-window.js';
export { CodedStore } from './coded-store.js';
