import type { RouteState } from './route-state.js';

/** A socket that clients of a route reach. */
export interface Listener {
  /** Resolves when it listens. Throws the platform's error. Call once. */
  open(): Promise<void>;
  /** Serves this route from now on, or serves it as it has become; the socket stays. */
  follow(state: RouteState): void;
  /** Listens no more when this returns; established TCP connections go on. Safe to call twice. */
  close(): void;
}
