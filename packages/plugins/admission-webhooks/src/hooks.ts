import { type Informer, type KubeObject, unlessAborted } from '@orrery/core';
import type { Webhook } from './kinds/forms.js';
import { type Hook, hookOf } from './matching/invocation.js';

type Configuration = KubeObject & { readonly webhooks?: readonly Webhook[] | undefined };

/** All webhooks of one kind of configurations as they are now, in the order in which they are asked: by the name of the configuration, then as they stand in it. */
export class Hooks {
  #hooks: readonly Hook[] | undefined;
  #isSynced = false;
  readonly #synced: Promise<void>;
  readonly #unsubscribe: () => void;

  constructor(
    private readonly informer: Informer<Configuration>,
    signal: AbortSignal,
  ) {
    const changed = (): void => (this.#hooks = undefined);
    this.#unsubscribe = informer.subscribe({ added: changed, updated: changed, deleted: changed });
    this.#synced = informer.synced(signal).then(() => void (this.#isSynced = true));
    // Who waits for it is told; who does not need not be.
    this.#synced.catch(() => undefined);
  }

  /** Whether all configurations are known. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Resolves when all configurations are known. */
  async synced(signal?: AbortSignal): Promise<void> {
    await (signal === undefined ? this.#synced : unlessAborted(this.#synced, signal));
  }

  list(): readonly Hook[] {
    this.#hooks ??= [...this.informer.lister.list()]
      .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
      .flatMap(({ metadata, webhooks = [] }) => webhooks.map((webhook, i) => hookOf(webhook, metadata.name ?? '', i)));
    return this.#hooks;
  }

  close(): void {
    this.#unsubscribe();
  }
}
