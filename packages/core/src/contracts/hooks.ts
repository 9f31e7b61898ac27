import { defineHook, type HookSet } from '../kernel/hooks.js';
import { seat } from '../kernel/tokens.js';
import type { Pod } from '../model/kinds/pod.js';
import type { ContainerConfig } from './runtime.js';
import type { HistoryLoss } from './store.js';

/** The hooks of an orchestrator, for parts that call them. */
export const Hooks = seat<HookSet>('Hooks');

/** Every hook, in one table: the moment, what a tap may do, and what a failure does. */
export const hooks = {
  /** All parts are ready. A failing tap stops the orchestrator. */
  started: defineHook<[], 'series'>('started', 'series', []),
  /** Parts are about to stop, last first. A failing tap is reported by `stop()`; stopping goes on. */
  stopping: defineHook<[], 'series'>('stopping', 'series', []),
  /** This orchestrator became leader, or no longer is. A failing tap is logged. */
  leadership: defineHook<[state: { readonly leading: boolean; readonly epoch: number }], 'series'>('leadership', 'series', ['state']),
  /** The store lost history that it had acknowledged; nothing is bound until the nodes have told what they run. A failing tap is logged. */
  historyLost: defineHook<[loss: HistoryLoss], 'series'>('historyLost', 'series', ['loss']),
  /** A plugin was exchanged while running. */
  replaced: defineHook<[change: { readonly old: string; readonly next: string }], 'series'>('replaced', 'series', ['change']),
  /** A container is about to be created; a tap may return a changed config. A failing tap fails the start, which is retried with back-off. */
  containerConfig: defineHook<[config: ContainerConfig, pod: Pod], 'waterfall'>('containerConfig', 'waterfall', ['config', 'pod']),
} as const;
