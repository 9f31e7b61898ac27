import { type Client, type Informer, type Informers, type KindDefinition, type KubeObject, Node, Pod, Secret, ServiceAccount } from '@orrery/core';
import type { Binding, Named } from './claims.js';

/** How long a token outlives the moment from which what it is bound to is being deleted, milliseconds: a pod may need it to end (kube-apiserver's leeway). */
const LEEWAY_MS = 60_000;

/** Says whether what tokens are bound to is still there. */
export class Living {
  readonly #accounts: Informer<ServiceAccount>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;

  constructor(
    informers: Informers,
    private readonly client: Client,
  ) {
    this.#accounts = informers.get(ServiceAccount);
    this.#pods = informers.get(Pod);
    this.#nodes = informers.get(Node);
  }

  /** Resolves when the caches are there. */
  async ready(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.#accounts, this.#pods, this.#nodes].map((informer) => informer.synced(signal)));
  }

  /** Throws an error that names what is gone. `now` in milliseconds. */
  async check({ namespace, account, pod, secret, node }: Binding, now: number): Promise<void> {
    const alive = <T extends KubeObject>(kind: KindDefinition<T>, named: Named, of: string | undefined, cache?: Informer<T>): Promise<void> => this.#check(kind, named, of, now, cache);
    await alive(ServiceAccount, account, namespace, this.#accounts);
    if (pod !== undefined) await alive(Pod, pod, namespace, this.#pods);
    // Few tokens are bound to one, and caching all Secrets for them is not worth it.
    if (secret !== undefined) await alive(Secret, secret, namespace);
    // That of a pod's token only says where the pod runs.
    if (node !== undefined && pod === undefined && secret === undefined) await alive(Node, { name: node.name, uid: node.uid ?? '' }, undefined, this.#nodes);
  }

  async #check<T extends KubeObject>(kind: KindDefinition<T>, { name, uid }: Named, namespace: string | undefined, now: number, cache: Informer<T> | undefined): Promise<void> {
    const isSame = (object: T | undefined): object is T => object?.metadata.uid === uid;
    const cached = cache?.lister.get(namespace === undefined ? name : `${namespace}/${name}`);
    // A cache may be behind: what it does not have is looked for.
    const object = isSame(cached) ? cached : await this.client.kind(kind).find({ name, namespace });
    const what = `${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    if (!isSame(object)) throw new Error(`the token is bound to ${what}, which is gone`);
    const { deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + LEEWAY_MS < now) throw new Error(`the token is bound to ${what}, which has been deleted`);
  }
}
