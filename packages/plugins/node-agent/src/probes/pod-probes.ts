import type { ContainerStatus, Pod } from '@orrery/core';
import type { PodWorkerOptions } from '../pod/options.js';
import type { ContainerHealth } from '../pod/plan.js';
import { latest, type PodView } from '../pod/view.js';
import { ContainerProbes } from './container-probes.js';

/** The probes of one pod: they run for exactly the containers that run. */
export class PodProbes {
  readonly #byContainer = new Map<string, ContainerProbes>();

  /**
   * @param pod the pod as it is now
   * @param changed called when the health of a container changed
   */
  constructor(
    private readonly options: Pick<PodWorkerOptions, 'clock' | 'prober' | 'events' | 'runtime' | 'hostIP'>,
    private readonly pod: () => Pod,
    private readonly changed: () => void,
  ) {}

  /** What is known of each running container, by id. */
  health(): ReadonlyMap<string, ContainerHealth> {
    return new Map([...this.#byContainer].map(([id, probes]) => [id, probes.health]));
  }

  /** Ends the probes of containers that have ended; begins those of containers that have started, if `begin` says so. */
  async tend(view: PodView, begin: boolean): Promise<void> {
    const running = new Set(view.containers.filter(({ state }) => state === 'running').map(({ id }) => id));
    for (const [id, probes] of this.#byContainer) {
      if (running.has(id)) continue;
      this.#byContainer.delete(id);
      await probes.stop();
    }
    if (!begin) return;
    const { spec } = this.pod();
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      const status = latest(view, container.name);
      if (status?.state === 'running' && !this.#byContainer.has(status.id)) this.#byContainer.set(status.id, this.#probesOf(container, status, view));
    }
  }

  /** Ends all of them. Safe to call twice. */
  async stop(): Promise<void> {
    const all = [...this.#byContainer.values()];
    this.#byContainer.clear();
    await Promise.all(all.map((probes) => probes.stop()));
  }

  #probesOf(container: Pod['spec']['containers'][number], status: PodView['containers'][number], view: PodView): ContainerProbes {
    const { clock, prober, events, runtime, hostIP } = this.options;
    const ranFor = Math.max(0, clock.now() - (status.startedAt ?? clock.now()));
    const { containerStatuses = [], initContainerStatuses = [] } = this.pod().status ?? {};
    const before = [...containerStatuses, ...initContainerStatuses].find(({ containerID }: ContainerStatus) => containerID === `${runtime.name}://${status.id}`);
    const podIP = view.sandboxes[0]?.ips[0] ?? hostIP;
    return new ContainerProbes({
      container,
      target: () => ({ pod: this.pod(), container, containerId: status.id, podIP }),
      prober,
      clock,
      startedAt: clock.monotonic() - ranFor,
      before,
      changed: this.changed,
      failed: (kind, message) => events.event(this.pod(), 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`),
    });
  }
}
