import type { RouteDelta, ServicePortRoute } from '../contracts/proxy.js';

type Changes = Pick<RouteDelta, 'upserts' | 'removes'>;

/** Changes of routes that wait to be given to a proxy; of several changes of one route the newest counts. */
export class DeltaBuffer {
  readonly #upserts = new Map<string, ServicePortRoute>();
  readonly #removes = new Set<string>();

  /** Nothing waits. */
  get empty(): boolean {
    return this.#upserts.size === 0 && this.#removes.size === 0;
  }

  /** Adds changes that are newer than what waits. */
  add({ upserts, removes }: Changes): void {
    for (const id of removes) {
      this.#upserts.delete(id);
      this.#removes.add(id);
    }
    for (const route of upserts) {
      this.#removes.delete(route.id);
      this.#upserts.set(route.id, route);
    }
  }

  /** Puts back changes that were taken and are older than what waits. */
  putBack({ upserts, removes }: Changes): void {
    const newer = this.take();
    this.add({ upserts, removes });
    this.add(newer);
  }

  /** Takes all that waits. */
  take(): Changes {
    const changes = { upserts: [...this.#upserts.values()], removes: [...this.#removes] };
    this.#upserts.clear();
    this.#removes.clear();
    return changes;
  }
}
