import type { Informer, InformerOptions, Informers } from '../contracts/client.js';
import { longLived } from '../kernel/abort.js';
import { OrreryError } from '../kernel/errors.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { type ReflectorOptions, SharedInformer } from './informer.js';

/** The informers of one orchestrator: shared by kind and options, started when first asked for, ended by {@link SharedInformers.close}. */
export class SharedInformers implements Informers, AsyncDisposable {
  readonly #informers = new Map<string, unknown>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = longLived(new AbortController());

  constructor(private readonly options: ReflectorOptions) {}

  get<T extends KubeObject>(kind: KindDefinition<T>, options: InformerOptions<T> = {}): Informer<T> {
    if (this.#abort.signal.aborted) throw new OrreryError('CLOSED', 'The informers are closed.');
    const id = [kind.group, kind.plural, options.namespace, options.labelSelector, options.fieldSelector].map((part) => part ?? '').join('\n');
    const shared = this.#informers.get(id) as SharedInformer<T> | undefined;
    if (shared !== undefined) {
      shared.addIndexes(options.indexes);
      return shared;
    }
    const informer = new SharedInformer(kind, options, this.options);
    this.#informers.set(id, informer);
    const running = informer.run(this.#abort.signal);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
    return informer;
  }

  /** All informers, for health reports. */
  all(): readonly Informer<KubeObject>[] {
    return [...this.#informers.values()] as Informer<KubeObject>[];
  }

  /** Ends all of them. Safe to call twice. */
  async close(): Promise<void> {
    this.#abort.abort(new OrreryError('CLOSED', 'The informers are closing.'));
    await Promise.all(this.#running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
