import { seat } from './tokens.js';

/** Cancels a timer. Safe to call more than once, and after the timer has fired. */
export type CancelTimer = () => void;

/**
 * The only source of time. Production code never asks the platform; that is what lets the shipped code run in virtual time.
 * Times are milliseconds.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump; for timestamps only. */
  now(): number;
  /** Monotonic time in milliseconds from an arbitrary start. Never goes back; for durations and deadlines. */
  monotonic(): number;
  /**
   * Calls `fire` once after at least `delayMs` (negative counts as 0), never before this call returns.
   * A pending timer keeps a real process alive, as a server does; whoever starts one cancels it on stop.
   */
  timer(delayMs: number, fire: () => void): CancelTimer;
  /**
   * Resolves after at least `delayMs`. Rejects with `ABORTED` as soon as `signal` aborts (at once if it already has),
   * and then leaves no timer behind.
   */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * The only source of chance. A seeded one makes a whole run repeatable.
 * Not for secrets: those come from the platform's cryptographic source through {@link Random.bytes} of the system implementation.
 */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** A whole number in [0, below). `below` must be a positive integer. */
  int(below: number): number;
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** `length` random bytes; cryptographically strong in the system implementation. */
  bytes(length: number): Uint8Array;
}

/** The clock of an orchestrator: the machine's, or a virtual one. */
export const Clock = seat<Clock>('Clock');
/** The chance of an orchestrator: the machine's, or a seeded one. */
export const Random = seat<Random>('Random');
