import type { Clock, RouteEndpoint, ServicePortRoute } from '@orrery/core';
import { eligibleFor, endpointKey, type Origin, type Place } from './plan.js';

/** Clients remembered per route for their affinity; the one unseen for longest is forgotten first. */
const REMEMBERED_CLIENTS = 65_536;

interface Sticky {
  readonly endpoint: string;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/**
 * Chooses endpoints of one route: round robin over those eligible, or the one a client had before while its affinity lasts. Each new connection
 * begins that time anew, as in kube-proxy. Changes of the route take effect with the next choice; the place in the round is kept.
 */
export class Balancer {
  #route: ServicePortRoute;
  #eligible!: Readonly<Record<Origin, readonly RouteEndpoint[]>>;
  readonly #next: Record<Origin, number> = { internal: 0, external: 0 };
  /** Ordered by last use. */
  readonly #sticky = new Map<string, Sticky>();

  constructor(
    route: ServicePortRoute,
    private readonly place: Place,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#route = route;
    this.update(route);
  }

  /** The route as it is now. */
  get route(): ServicePortRoute {
    return this.#route;
  }

  /** Follows a change of the route. Affinity to endpoints that are no longer eligible ends at the client's next connection. */
  update(route: ServicePortRoute): void {
    this.#route = route;
    this.#eligible = { internal: eligibleFor(route, 'internal', this.place), external: eligibleFor(route, 'external', this.place) };
    if (route.sessionAffinity.type === 'None') this.#sticky.clear();
  }

  /** The endpoints that may get new connections of this origin. */
  eligible(origin: Origin): readonly RouteEndpoint[] {
    return this.#eligible[origin];
  }

  /**
   * Where the next connection goes; undefined when there is nowhere.
   * @param client its address is read when the route has affinity
   * @param tried endpoints that just failed and are passed over
   */
  pick(origin: Origin, client: { readonly remoteAddress?: string | undefined }, tried?: ReadonlySet<string>): RouteEndpoint | undefined {
    const { sessionAffinity } = this.#route;
    if (sessionAffinity.type === 'None') return this.#turn(origin, tried);
    const name = client.remoteAddress ?? '';
    const now = this.clock.monotonic();
    const known = this.#sticky.get(name);
    const kept = known !== undefined && known.until > now && tried?.has(known.endpoint) !== true ? this.#eligible[origin].find((one) => endpointKey(one) === known.endpoint) : undefined;
    const endpoint = kept ?? this.#turn(origin, tried);
    if (endpoint !== undefined) this.#remember(name, { endpoint: endpointKey(endpoint), until: now + sessionAffinity.timeoutSeconds * 1000 });
    return endpoint;
  }

  #turn(origin: Origin, tried: ReadonlySet<string> | undefined): RouteEndpoint | undefined {
    const eligible = this.#eligible[origin];
    for (let i = 0; i < eligible.length; i += 1) {
      const at = this.#next[origin] % eligible.length;
      this.#next[origin] = at + 1;
      const endpoint = eligible[at] as RouteEndpoint;
      if (tried?.has(endpointKey(endpoint)) !== true) return endpoint;
    }
    return undefined;
  }

  #remember(client: string, sticky: Sticky): void {
    this.#sticky.delete(client);
    this.#sticky.set(client, sticky);
    if (this.#sticky.size > REMEMBERED_CLIENTS) for (const [oldest] of this.#sticky) return void this.#sticky.delete(oldest);
  }
}
