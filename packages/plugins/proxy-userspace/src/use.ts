import type { ServicePortRoute } from '@orrery/core';

/** A Service whose use is told. */
export type UsedService = ServicePortRoute['service'];

/** Told of connections to Services that hold requests, whether they wait or are served. Must not throw. */
export interface UseListener {
  /** A connection came. */
  began(service: UsedService): void;
  /** A connection ended. */
  ended(service: UsedService): void;
}
