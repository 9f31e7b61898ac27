import { ApiError, type Client, type Clock, type Logger, Pod, errorMessage, timeOfMillis, keyOf } from '@orrery/core';
import { podId } from '../state/cluster.js';

/** Why a pod is not scheduled, for its PodScheduled condition. */
export interface NotScheduled {
  readonly reason: 'Unschedulable' | 'SchedulerError' | 'SchedulingGated';
  readonly message: string;
}

/** How many conditions are written at the same time. */
const WRITERS = 8;

/**
 * Writes `PodScheduled=False` with its reason to pods, each only when it says something new, some at a time, and never after the pod
 * was given to the binder.
 */
export class ConditionReporter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<string, { readonly pod: Pod; readonly why: NotScheduled }>();
  readonly #writing = new Map<string, Promise<void>>();
  /** What was last said of a pod, until the informer shows it. */
  readonly #said = new Map<string, string>();

  constructor(client: Client, clock: Clock, log: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Says why a pod is not scheduled, if that is news. Answers whether it was. */
  report(pod: Pod, why: NotScheduled): boolean {
    const id = podId(pod);
    const text = `${why.reason}: ${why.message}`;
    const shown = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const last = this.#said.get(id) ?? (shown?.status === 'False' ? `${shown.reason}: ${shown.message}` : undefined);
    if (last === text) return false;
    this.#said.set(id, text);
    this.#waiting.set(id, { pod, why });
    this.#work();
    return true;
  }

  /** Takes back what has not been written about a pod, and waits for what is being written. */
  async withdraw(id: string): Promise<void> {
    this.#waiting.delete(id);
    this.#said.delete(id);
    await this.#writing.get(id);
  }

  /** The pod is gone. */
  forget(id: string): void {
    this.#waiting.delete(id);
    this.#said.delete(id);
  }

  /** Drops what has not been written yet and waits for what is being written. */
  async stop(): Promise<void> {
    this.#waiting.clear();
    await Promise.all(this.#writing.values());
  }

  #work(): void {
    for (const [id, { pod, why }] of this.#waiting) {
      if (this.#writing.size >= WRITERS) return;
      if (this.#writing.has(id)) continue;
      this.#waiting.delete(id);
      const done = this.#write(pod, why).finally(() => {
        this.#writing.delete(id);
        this.#work();
      });
      this.#writing.set(id, done);
    }
  }

  async #write(pod: Pod, { reason, message }: NotScheduled): Promise<void> {
    const { namespace, name = '' } = pod.metadata;
    const old = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const now = timeOfMillis(this.#clock.now());
    const lastTransitionTime = old?.status === 'False' && old.lastTransitionTime ? old.lastTransitionTime : now;
    const condition = { type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime };
    try {
      await this.#client.kind(Pod).patch({ namespace, name }, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
    } catch (error) {
      this.#said.delete(podId(pod));
      if (!ApiError.is(error, 'NotFound')) this.#log.warn('Could not write why a pod is not scheduled.', { pod: keyOf(pod), error: errorMessage(error) });
    }
  }
}
