import { seat } from '../kernel/tokens.js';
import type { Service } from '../model/kinds/service.js';

/**
 * The network seat: addresses and node ports of Services.
 * The server asks before it commits a Service and tells after one is gone; what exists at start is told through {@link Network.adopt}.
 */
export interface Network {
  /**
   * Fills in `clusterIP`, `clusterIPs`, `ipFamilies` and node ports where the Service needs and lacks them. Mutates the draft.
   * Explicit requests are honoured. Throws `ApiError` Invalid when an address is outside the range or taken, and `EXHAUSTED` when none is left.
   * The reservation lasts until `release`, or until `commit` failed and the returned undo is called.
   */
  allocate(draft: Service, old: Service | undefined): () => void;
  /** Marks what an existing Service uses. Safe to call twice. */
  adopt(service: Service): void;
  /** Gives back what a Service used. Safe to call twice. */
  release(service: Service): void;
}

/** Addresses of Services. One, or none: then Services get no address. */
export const Network = seat<Network>('Network');
