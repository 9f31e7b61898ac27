import type { Informer, InformerOptions, Informers } from '../contracts/client.js';
import type { ServedKinds } from '../contracts/kinds.js';
import { longLived } from '../kernel/abort.js';
import { OrreryError } from '../kernel/errors.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { type ReflectorOptions, SharedInformer } from './informer.js';

/** The informers of one orchestrator: shared by kind and options, started when first asked for, ended by {@link SharedInformers.close}. */
export class SharedInformers implements Informers, AsyncDisposable {
  readonly #informers = new Map<string, { readonly informer: unknown; readonly kind: KindDefinition; readonly ending: AbortController }>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = longLived(new AbortController());

  readonly #unfollow: () => void;

  constructor(private readonly options: ReflectorOptions & { readonly kinds?: Pick<ServedKinds, 'onWithdrawn'> }) {
    this.#unfollow = options.kinds?.onWithdrawn((kind) => this.#withdraw(kind)) ?? (() => {});
  }

  get<T extends KubeObject>(kind: KindDefinition<T>, options: InformerOptions<T> = {}): Informer<T> {
    if (this.#abort.signal.aborted) throw new OrreryError('CLOSED', 'The informers are closed.');
    const id = [kind.group, kind.plural, options.namespace, options.labelSelector, options.fieldSelector].map((part) => part ?? '').join('\n');
    const shared = this.#informers.get(id)?.informer as SharedInformer<T> | undefined;
    if (shared !== undefined) {
      shared.addIndexes(options.indexes);
      return shared;
    }
    const informer = new SharedInformer(kind, options, this.options);
    const ending = longLived(new AbortController());
    this.#informers.set(id, { informer, kind: kind as unknown as KindDefinition, ending });
    const running = informer.run(AbortSignal.any([this.#abort.signal, ending.signal]));
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
    return informer;
  }

  /** All informers, for health reports. */
  all(): readonly Informer<KubeObject>[] {
    return [...this.#informers.values()].map(({ informer }) => informer as Informer<KubeObject>);
  }

  /** Ends all of them. Safe to call twice. */
  async close(): Promise<void> {
    this.#unfollow();
    this.#abort.abort(new OrreryError('CLOSED', 'The informers are closing.'));
    await Promise.all(this.#running);
  }

  /** Nobody serves that any more: its informers end, and who asks again gets one of what is served then. */
  #withdraw({ group, plural, version }: KindDefinition): void {
    for (const [id, { informer, kind, ending }] of [...this.#informers]) {
      if (kind.group !== group || kind.plural !== plural || kind.version !== version) continue;
      this.#informers.delete(id);
      ending.abort(new OrreryError('CLOSED', `${plural} are served no more.`));
      (informer as SharedInformer<KubeObject>).empty();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
