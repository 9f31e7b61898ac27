import { seat } from '../kernel/tokens.js';
import type { Service } from '../model/kinds/service.js';

/**
 * The network seat: addresses and node ports of Services.
 * The server asks before it commits a Service. What a Service holds is written beside it in the same commit, one claim a name, so that several servers on one store never give the same
 * out twice; the network is told of every claim, whoever made it.
 */
export interface Network {
  /**
   * Fills in `clusterIP`, `clusterIPs`, `ipFamilies` and node ports where the Service needs and lacks them, and takes them. Mutates the draft.
   * Explicit requests are honoured. Throws `ApiError` Invalid when an address is outside the range or taken, and `EXHAUSTED` when none is left.
   * Returns the undo, which is called when nothing was written.
   */
  allocate(draft: Service, old: Service | undefined): () => void;
  /** What a Service holds of what only one may hold, as unique names of printable ASCII without spaces, e.g. `ip/10.96.0.7` and `port/30080`. Pure. */
  holds(service: Service): readonly string[];
  /** These are somebody's. Names outside what this network gives out are left alone. Safe to call twice. */
  take(names: readonly string[]): void;
  /** These are nobody's any more. Safe to call twice. */
  free(names: readonly string[]): void;
}

/** Addresses of Services. One, or none: then Services get no address. */
export const Network = seat<Network>('Network');
