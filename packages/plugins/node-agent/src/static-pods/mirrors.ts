import { ApiError, type Client, type Clock, equalJson, errorMessage, type Logger, Node, Pod } from '@orrery/core';
import { Bell } from '../node/bell.js';
import { mirrorOf, planMirror } from './static-pod.js';

/** What keeping mirrors needs. */
export interface MirrorsOptions {
  /** Name of the node. */
  readonly node: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** The static pod that is to be shown under a key; undefined: none. */
  wanted(key: string): Pod | undefined;
}

/** Until what failed is tried again. */
const RETRY_MS = 10_000;
/** Delete, create, status; one more in case somebody interferes. */
const MOST_STEPS = 4;

/** `namespace/name`. */
export const keyOf = ({ metadata }: Pick<Pod, 'metadata'>): string => `${metadata.namespace ?? 'default'}/${metadata.name ?? ''}`;

/** Shows static pods in the API, as far as that can be reached: nothing that runs waits for it. */
export class Mirrors {
  readonly #due = new Set<string>();
  readonly #foreign = new Set<string>();
  readonly #bell = new Bell();

  constructor(private readonly options: MirrorsOptions) {}

  /** The pod of a key, or its mirror, may have changed. */
  look(key: string): void {
    this.#due.add(key);
    this.#bell.ring();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.options;
    while (!signal.aborted) {
      for (const key of [...this.#due]) {
        this.#due.delete(key);
        try {
          await this.#sync(key, signal);
        } catch (error) {
          this.#due.add(key);
          if (!signal.aborted) log.debug('the mirror of a static pod could not be kept', { pod: key, error: errorMessage(error) });
        }
      }
      await this.#bell.wait(clock, this.#due.size > 0 ? RETRY_MS : undefined, signal);
    }
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const { client, wanted, log } = this.options;
    const pods = client.kind(Pod);
    const [namespace = '', name = ''] = key.split('/');
    for (let step = 0; step < MOST_STEPS && !signal.aborted; step += 1) {
      const found = await pods.find({ namespace, name });
      const pod = wanted(key);
      switch (planMirror(pod, found, equalJson)) {
        case 'nothing':
          this.#foreign.delete(key);
          return;
        case 'foreign':
          if (!this.#foreign.has(key)) log.warn('the name of a static pod is taken by another pod in the API', { pod: key });
          this.#foreign.add(key);
          return;
        case 'create':
          await pods.create(mirrorOf(pod as Pod, await client.kind(Node).get({ name: this.options.node })));
          break;
        case 'delete':
          await pods.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid: found?.metadata.uid ?? '' } }).catch(unlessGone);
          break;
        case 'status': {
          const status = pod?.status;
          await pods.updateStatus({ ...(found as Pod), ...(status !== undefined && { status }) });
          break;
        }
      }
    }
  }
}

function unlessGone(error: unknown): void {
  if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
}
