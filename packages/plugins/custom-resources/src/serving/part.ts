import { ApiError, type Client, type Clock, equalJson, errorMessage, type Informer, type Informers, type KindDefinition, type KindServing, type Logger, type Random, type ServedKinds, WorkQueue } from '@orrery/core';
import { type ConversionParts, webhookConversion } from '../conversion/webhook.js';
import { CLEANUP, type CustomResourceDefinition as Definition } from '../definition/form.js';
import { CustomResourceDefinition } from '../definition/kind.js';
import { kindsOf } from '../served/kind-of.js';
import { planNames } from './names.js';
import { isEstablished, planStatus, planTerminating } from './status.js';

/** What serving definitions needs. */
export interface ServingOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly served: ServedKinds;
  readonly serving: KindServing;
  /** Asks webhooks of conversion. */
  readonly webhooks: ConversionParts['client'];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How often objects that take their time to go are looked at. */
const CLEANUP_MS = 500;
const BACKOFF = { baseMs: 20, maxMs: 30_000 } as const;

/** A definition as it is served. */
interface Served {
  /** What its kinds were made from. */
  readonly from: unknown;
  readonly group: string;
  readonly plural: string;
  readonly kinds: readonly KindDefinition[];
}

/** Serves a kind for each definition, as it is now, and says in its status that it does. Runs in every process: each has its own server. */
export class DefinitionServing {
  readonly #served = new Map<string, Served>();
  readonly #queue: WorkQueue<string>;
  readonly #definitions: Informer<Definition>;

  constructor(private readonly options: ServingOptions) {
    const { clock, random, informers } = options;
    this.#queue = new WorkQueue<string>({ clock, random, backoff: BACKOFF });
    this.#definitions = informers.get(CustomResourceDefinition);
  }

  /** Runs until the signal aborts. Ready when all definitions that there are already are served. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const wake = ({ metadata: { name = '' } }: Definition): void => this.#queue.add(name);
    const unsubscribe = this.#definitions.subscribe({ added: wake, updated: wake, deleted: wake });
    const stop = (): void => this.#queue.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#definitions.synced(signal);
      for (const { metadata } of this.#definitions.lister.list()) await this.#attempt(metadata.name ?? '');
      if (signal.aborted) return;
      ready();
      for (let name = await this.#queue.take(); name !== undefined; name = await this.#queue.take()) {
        await this.#attempt(name);
        this.#queue.done(name);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      unsubscribe();
      this.#queue.close();
    }
  }

  async #attempt(name: string): Promise<void> {
    try {
      await this.#look(name);
      this.#queue.forget(name);
    } catch (error) {
      // Somebody else wrote it meanwhile: what they wrote leads to another look.
      if (!ApiError.is(error, 'Conflict') && !ApiError.is(error, 'NotFound')) this.options.log.warn('a definition cannot be served as it should be; trying again', { name, error: errorMessage(error) });
      this.#queue.addRateLimited(name);
    }
  }

  async #look(name: string): Promise<void> {
    const definition = this.#definitions.lister.get(name);
    if (definition === undefined) return this.#withdraw(name);
    if (definition.metadata.deletionTimestamp !== undefined) return this.#end(definition);
    const plan = planNames(definition, this.#others(definition), this.#besides(name));
    if (plan.conflict === undefined || isEstablished(definition)) await this.#serve(name, { ...definition, spec: { ...definition.spec, names: plan.accepted } });
    await this.#writeStatus(definition, planStatus(definition, plan, this.options.clock.now()));
  }

  async #serve(name: string, definition: Definition): Promise<void> {
    const { group, names } = definition.spec;
    const from = { spec: definition.spec, ending: definition.metadata.deletionTimestamp !== undefined };
    const before = this.#served.get(name);
    if (before !== undefined && equalJson(before.from, from)) return;
    const kinds = kindsOf(definition, webhookConversion(definition, { client: this.options.webhooks, random: this.options.random }));
    // Told first: what is one of ours is no foreign kind.
    this.#served.set(name, { from, group, plural: names.plural, kinds });
    try {
      await this.options.serving.offer({ group, plural: names.plural }, kinds);
    } catch (error) {
      if (before === undefined) this.#served.delete(name);
      else this.#served.set(name, before);
      throw error;
    }
  }

  async #withdraw(name: string): Promise<void> {
    const served = this.#served.get(name);
    if (served === undefined) return;
    await this.options.serving.offer(served, []);
    this.#served.delete(name);
    // Names have become free.
    for (const { metadata, spec } of this.#definitions.lister.list()) if (spec.group === served.group) this.#queue.add(metadata.name ?? '');
  }

  /** The objects go first, then what they are called. */
  async #end(definition: Definition): Promise<void> {
    const { name = '', finalizers = [] } = definition.metadata;
    if (!finalizers.includes(CLEANUP)) return;
    const definitions = this.options.client.kind(CustomResourceDefinition);
    if (!isEstablished(definition)) return void (await definitions.update({ ...definition, metadata: { ...definition.metadata, finalizers: finalizers.filter((one) => one !== CLEANUP) } }));
    await this.#serve(name, { ...definition, spec: { ...definition.spec, names: definition.status?.acceptedNames ?? definition.spec.names } });
    await this.#writeStatus(definition, planTerminating(definition, this.options.clock.now()));
    const [kind] = this.#served.get(name)?.kinds ?? [];
    if (kind !== undefined && (await this.#deleteObjects(kind)) > 0) return this.#queue.addAfter(name, CLEANUP_MS);
    const current = await definitions.get({ name });
    await definitions.update({ ...current, metadata: { ...current.metadata, finalizers: (current.metadata.finalizers ?? []).filter((one) => one !== CLEANUP) } });
  }

  /** Asks for the deletion of all objects of a kind; answers how many there are still. */
  async #deleteObjects(kind: KindDefinition): Promise<number> {
    const objects = this.options.client.kind(kind);
    for (const { metadata } of (await objects.list()).items) {
      if (metadata.deletionTimestamp !== undefined) continue;
      await objects.delete({ namespace: metadata.namespace, name: metadata.name ?? '' }).catch((error: unknown) => {
        if (!ApiError.is(error, 'NotFound')) throw error;
      });
    }
    return (await objects.list()).items.length;
  }

  async #writeStatus(definition: Definition, status: NonNullable<Definition['status']>): Promise<void> {
    if (equalJson(status, definition.status)) return;
    await this.options.client.kind(CustomResourceDefinition).updateStatus({ ...definition, status });
  }

  #others(definition: Definition): readonly Definition[] {
    return this.#definitions.lister.list().filter(({ metadata }) => metadata.name !== definition.metadata.name);
  }

  /** Kinds that are served and are not this definition's: also those of definitions whose status is not seen yet. */
  #besides(name: string): readonly KindDefinition[] {
    const own = this.#served.get(name)?.kinds ?? [];
    return this.options.served.list().filter((kind) => !own.includes(kind));
  }
}
