import type { Runtime, RuntimeEvent } from '@orrery/core';
import { EMPTY_VIEW, type PodView, sandboxIds } from './view.js';

/** What is known of what the runtime has of one pod, and what of that has to be asked for again. */
export class Observation {
  view: PodView;
  /** Sandboxes in which something of the pod was found that is not in the view. */
  #suspects: readonly string[] = [];
  #stale: 'nothing' | 'containers' | 'all' = 'nothing';
  /** Containers that are said to have been started, by id. What the pod's worker starts it sees without being told. */
  readonly #started = new Set<string>();

  /** @param adopted what the runtime has of the pod already */
  constructor(
    private readonly runtime: Pick<Runtime, 'listSandboxes' | 'listContainers'>,
    private readonly uid: string,
    adopted: PodView | undefined,
  ) {
    this.view = adopted ?? EMPTY_VIEW;
  }

  /** The runtime hinted at a change. */
  hint({ type, containerId }: Pick<RuntimeEvent, 'type' | 'containerId'>): void {
    if (type === 'containerStarted' && containerId !== undefined) this.#started.add(containerId);
    else if (type === 'sandboxChanged') this.doubt();
    else if (this.#stale === 'nothing') this.#stale = 'containers';
  }

  /** Everything has to be asked for again. */
  doubt(): void {
    this.#stale = 'all';
  }

  /** Whether what was found in the runtime is something else than what is known; then it is asked for again. */
  differs(found: PodView): boolean {
    const mark = ({ sandboxes, containers }: PodView): string => [...sandboxes, ...containers].map(({ id, state }) => `${id} ${state}`).sort().join();
    if (mark(found) === mark(this.view)) return false;
    this.doubt();
    this.#suspects = sandboxIds(found);
    return true;
  }

  /** Asks for what has to be asked for. A hint at what is known already is none. */
  async refresh(signal: AbortSignal): Promise<void> {
    const running = new Set(this.view.containers.flatMap(({ id, state }) => (state === 'running' ? [id] : [])));
    if (this.#stale === 'nothing' && [...this.#started].some((id) => !running.has(id))) this.#stale = 'containers';
    this.#started.clear();
    if (this.#stale !== 'nothing') await this.#ask(signal);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const all = this.#stale === 'all';
    this.#stale = 'nothing';
    try {
      const sandboxes = all ? [...(await this.runtime.listSandboxes(signal, this.uid))].sort((a, b) => b.attempt - a.attempt) : this.view.sandboxes;
      const ids = new Set([...sandboxIds({ sandboxes, containers: this.view.containers }), ...(all ? this.#suspects : [])]);
      const containers = (await Promise.all([...ids].map((id) => this.runtime.listContainers(signal, id)))).flat();
      this.view = { sandboxes, containers };
      if (all) this.#suspects = [];
    } catch (error) {
      this.doubt();
      throw error;
    }
  }
}
