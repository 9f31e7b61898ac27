import { list } from '../kernel/tokens.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject, ObjectKey } from '../model/object.js';
import type { BackoffPolicy } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import type { Logger } from '../kernel/logger.js';
import type { Client, EventRecorder, Informer, InformerOptions } from './client.js';

/** Which changes of which kind make which keys worth reconciling. */
export interface ControllerWatch<T extends KubeObject = KubeObject> {
  readonly kind: KindDefinition<T>;
  /** Indexes and selection of the informer. Watches of one kind with equal options share a cache. */
  readonly informer?: InformerOptions<T>;
  /**
   * The keys to look at after this change; `old` is given for updates, `deleted` tells a deletion.
   * Pure and quick: it runs for every event. It may read listers.
   */
  keys(object: T, old: T | undefined, deleted: boolean): readonly ObjectKey[];
}

/** What a reconciler is given besides the key. */
export interface ReconcileContext {
  /** Writes through it are remembered: the next reconcile of the same key sees them in the informers it reads. */
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Nothing more to do until something changes, or look again after a while. Throwing means: try again with back-off. */
export type ReconcileResult = void | { readonly againAfterMs: number };

/**
 * Keeps one kind of object as declared. Level-triggered: it gets a key, never an event, and works from what the caches show now.
 * `reconcile` is never run for the same key twice at once, may be run any number of times, and must then do nothing new.
 * It throws to be retried with exponential back-off; an error made by `terminal(error)` is reported and not retried until something changes.
 */
export interface Controller {
  /** Unique, e.g. `replicaset`. Also the field manager and the source of events. */
  readonly name: string;
  /** Keys reconciled at the same time; default 1. */
  readonly workers?: number;
  /** How long a key that keeps failing waits for its next look; default 5 ms doubling to 1,000 s, as in client-go. */
  readonly backoff?: BackoffPolicy;
  /** Called before the first reconcile of each time of leading, with access to informers; returns what to watch and the reconciler. What it remembers must not outlive that. */
  start(setup: ControllerSetup): ControllerParts;
}

/** What a controller may use while it is put together. */
export interface ControllerSetup {
  /** The shared cache of a kind. Reading it in reconcile is the normal way; declare it in `watches` or here. */
  informer<T extends KubeObject>(kind: KindDefinition<T>, options?: InformerOptions<T>): Informer<T>;
  /** One more watch from now on, until this time of leading is over; for kinds that are added while running. Its informer's objects lead to looks when its first list is there. */
  watch(watch: ControllerWatch<never>): void;
  /** Undone when this time of leading is over. */
  defer(undo: () => void): void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What a controller consists of. */
export interface ControllerParts {
  readonly watches: readonly ControllerWatch<never>[];
  reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult>;
}

/** Types a watch so that it fits a list of watches of different kinds. */
export function watching<T extends KubeObject>(watch: ControllerWatch<T>): ControllerWatch<never> {
  return watch as unknown as ControllerWatch<never>;
}

const TERMINAL = Symbol.for('orrery.terminal');

/** Marks an error as not worth retrying until something changes (bad spec). */
export function terminal<E extends Error>(error: E): E {
  Object.defineProperty(error, TERMINAL, { value: true });
  return error;
}

/** Whether an error was marked by {@link terminal}. */
export function isTerminal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && TERMINAL in error;
}

/** Controllers; they run while the orchestrator leads. */
export const Controllers = list<Controller>('Controller');
