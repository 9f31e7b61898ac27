import { ApiError, backoffDelay, type Client, type Clock, errorMessage, type Informer, type KindDefinition, type Logger, type ServedKinds } from '@orrery/core';
import { APIService } from '../kind/api-service.js';
import { planLocal } from './plan.js';

const BACKOFF = { baseMs: 100, maxMs: 30_000 } as const;

/** What {@link LocalRegistration} works with. */
export interface RegistrationOptions {
  readonly kinds: ServedKinds;
  readonly informer: Informer<APIService>;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps an APIService for each version of a group that is served here: looks when kinds come or go, and when an APIService changes. */
export class LocalRegistration {
  #isDue = true;
  #wake = (): void => {};

  constructor(private readonly options: RegistrationOptions) {}

  /** Works until the signal aborts; `ready` is called when the first look is done or has failed. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { kinds, informer, clock, log } = this.options;
    await informer.synced(signal);
    const ends = [kinds.onAnnounced(this.#look), kinds.onWithdrawn(this.#look), informer.subscribe({ added: this.#look, updated: this.#look, deleted: this.#look })];
    signal.addEventListener('abort', this.#look, { once: true });
    try {
      for (let failures = 0; !signal.aborted; ) {
        try {
          await this.#once();
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          failures += 1;
          this.#isDue = true;
          log.debug('the APIServices of this server could not be written; trying again', { error: errorMessage(error) });
          // Rejects only when it is told to end, which the loop looks at.
          await clock.sleep(backoffDelay(BACKOFF, failures - 1), signal).catch(() => undefined);
        }
        ready();
        await this.#due(signal);
      }
    } finally {
      signal.removeEventListener('abort', this.#look);
      for (const end of ends) end();
    }
  }

  readonly #look = (): void => {
    this.#isDue = true;
    this.#wake();
  };

  async #due(signal: AbortSignal): Promise<void> {
    if (this.#isDue || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async #once(): Promise<void> {
    const { kinds, informer, client } = this.options;
    this.#isDue = false;
    const served = new Map<string, Pick<KindDefinition, 'group' | 'version'>>(kinds.list().map(({ group, version }) => [`${group}/${version}`, { group, version }]));
    const verbs = client.kind(APIService);
    const plan = planLocal([...served.values()], informer.lister.list());
    for (const one of plan.create) await verbs.create(one).catch(unless('AlreadyExists'));
    for (const one of plan.update) await verbs.update(one);
    for (const { metadata } of plan.remove) await verbs.delete({ name: metadata.name ?? '' }, { preconditions: { uid: metadata.uid ?? '' } }).catch(unless('NotFound'));
  }
}

function unless(reason: 'AlreadyExists' | 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!ApiError.is(error, reason)) throw error;
  };
}
