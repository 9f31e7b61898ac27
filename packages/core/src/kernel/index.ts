/** How software is assembled, timed and stopped; knows nothing of pods. */
export * from './abort.js';
export * from './backoff.js';
export * from './claim.js';
export * from './clock.js';
export * from './errors.js';
export { defineHook, HookSet, type HookShape, type HookToken, type Tap, type TapResult } from './hooks.js';
export * from './logger.js';
export * from './platform.js';
export * from './plugin.js';
export { type Phase, type Runnable, startOrder } from './runnable.js';
export * from './scope.js';
export * from './tokens.js';
export * from './version.js';
export { within } from './within.js';
export * from './work-queue.js';
