import { ApiError, backoffDelay, type Client, type Clock, errorMessage, type Informer, type KindDefinition, type Logger, type ServedKinds } from '@orrery/core';
import { APIService } from '../kind/api-service.js';
import { planLocal } from './plan.js';

const BACKOFF = { baseMs: 100, maxMs: 30_000 } as const;
/** Another server of the same cluster may serve other kinds, and undo what this one does: neither is quicker than that. */
const SETTLE_MS = 1_000;

/** What {@link LocalRegistration} works with. */
export interface RegistrationOptions {
  readonly kinds: ServedKinds;
  readonly informer: Informer<APIService>;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Writes what else other servers are to know of this one. Called until it has succeeded once. */
  publish(): Promise<void>;
}

/** Keeps an APIService for each version of a group that is served here: looks when kinds come or go, and when an APIService changes. */
export class LocalRegistration {
  #isDue = true;
  #isPublished = false;
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
        let waitMs = 0;
        try {
          if (await this.#once()) waitMs = SETTLE_MS;
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          failures += 1;
          this.#isDue = true;
          log.warn('the APIServices of this server could not be written; trying again', { error: errorMessage(error) });
          waitMs = backoffDelay(BACKOFF, failures - 1);
        }
        ready();
        // Rejects only when it is told to end, which the loop looks at.
        if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
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

  /** Whether something was written. What cannot be written does not keep the rest from it. */
  async #once(): Promise<boolean> {
    const { kinds, informer, client, publish } = this.options;
    this.#isDue = false;
    const served = new Map<string, Pick<KindDefinition, 'group' | 'version'>>(kinds.list().map(({ group, version }) => [`${group}/${version}`, { group, version }]));
    const verbs = client.kind(APIService);
    const plan = planLocal([...served.values()], informer.lister.list());
    const writes: (() => Promise<unknown>)[] = [
      ...(this.#isPublished ? [] : [async () => void (this.#isPublished = await publish().then(() => true))]),
      ...plan.create.map((one) => () => verbs.create(one).catch(unless('AlreadyExists'))),
      ...plan.update.map((one) => () => verbs.update(one)),
      ...plan.remove.map(({ metadata }) => () => verbs.delete({ name: metadata.name ?? '' }, { preconditions: { uid: metadata.uid ?? '' } }).catch(unless('NotFound'))),
    ];
    const failures: unknown[] = [];
    for (const write of writes) await write().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
    return writes.length > 0;
  }
}

function unless(reason: 'AlreadyExists' | 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!ApiError.is(error, reason)) throw error;
  };
}
