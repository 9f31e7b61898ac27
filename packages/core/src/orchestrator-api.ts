import type { Client, Informers } from './contracts/client.js';
import type { PlacementExplanation } from './contracts/scheduling.js';
import type { Leadership } from './control/leader-election.js';
import type { LeaderElectionSettings } from './control/leading.js';
import type { Clock, Random } from './kernel/clock.js';
import type { Logger } from './kernel/logger.js';
import type { Get, Plugin } from './kernel/plugin.js';
import type { PartLimits } from './kernel/runnable.js';
import type { KindDefinition } from './model/kind.js';
import type { KubeObject } from './model/object.js';

/** What an orchestrator is assembled from. */
export interface OrchestratorOptions {
  readonly plugins: readonly Plugin[];
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: the machine's chance. */
  readonly random?: Random;
  /** Default: silent. */
  readonly logger?: Logger;
  /**
   * Whether this orchestrator's controllers and scheduler act only while it leads, and how that is decided. Default: as the store says (`Store.shared`), since several orchestrators on one store
   * must not act at once; over a remote API yes, where there are controllers or a scheduler. Agents and proxies run in all of them.
   */
  readonly leaderElection?: boolean | LeaderElectionSettings;
  /** Milliseconds a plugin's setup, a part's start and a part's stop may take; default 30,000 each. */
  readonly limits?: Partial<PartLimits & { readonly setupTimeoutMs: number }>;
}

/** An orchestrator inside this process. Two of them never meet: nothing here is global. */
export interface Orchestrator extends AsyncDisposable {
  /** The cluster. Usable after {@link Orchestrator.start}. */
  readonly client: Client;
  /** Shared caches. */
  readonly informers: Informers;
  /** Whether its controllers and scheduler act now, and the epoch of the present or last term (0 without an election). */
  readonly leadership: Leadership;
  /** What takes a seat, a list or a named seat. */
  readonly get: Get;
  /**
   * Starts all parts in the order of their phases. When one fails or hangs, what had started is stopped again and the error names plugin and part.
   * Call once.
   */
  start(): Promise<void>;
  /**
   * Stops all parts in the reverse order, bounded in time, and leaves no timer, socket or child behind. Safe to call at any time and twice: a `start` that is
   * under way ends with `ABORTED`, a replacement is finished first. Rejects with what failed.
   */
  stop(): Promise<void>;
  /** Resolves when the orchestrator has stopped; rejects with the failure of the part that stopped it. */
  finished(): Promise<void>;
  /**
   * Exchanges a plugin while running. What both contribute must be replaceable (lists, scheduler profiles); else `SEAT_FIXED` and nothing changed.
   * Readers see the old or the new, never a mixture. When the new one's parts do not start, the old one is put back and the error thrown.
   * When a part of the old one cannot be stopped, or the old one cannot be put back, the orchestrator stops with that error.
   */
  replace(name: string, plugin: Plugin): Promise<void>;
  /** Why a pod is where it is, or nowhere. Throws `SEAT_EMPTY` without a scheduler. */
  explain(pod: { readonly namespace?: string; readonly name: string }): Promise<PlacementExplanation>;
  /** Serves one more kind from now on. */
  addKind<T extends KubeObject>(kind: KindDefinition<T>): Promise<void>;
}
