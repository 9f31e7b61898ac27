import type { ObservedCommit } from './faulty-store.js';
import type { Node } from '../../model/kinds/node.js';
import type { Pod } from '../../model/kinds/pod.js';
import { type Amounts, amountsOf, hostPortsOf, podAmounts } from './pod-amounts.js';

/** How an oracle judges. */
export interface ClusterOracleOptions {
  /** Monotonic virtual milliseconds. */
  readonly now: () => number;
  /** So long a scheduler may still go by what a node had before it shrank. */
  readonly staleMs: number;
  /** Told of each broken promise. */
  readonly violated: (what: string) => void;
}

interface Placed {
  readonly node: string;
  readonly amounts: Amounts;
  readonly ports: readonly string[];
}

interface NodeAccount {
  /** What it has, and what it had until a while ago. */
  readonly offers: { readonly amounts: Amounts; until: number }[];
  readonly used: Map<string, number>;
  readonly ports: Map<string, string>;
}

const PODS = '/registry/core/pods/';
const NODES = '/registry/core/nodes/';

/**
 * Looks at every commit as it happens and holds the cluster to its promises: revisions without gaps; a pod is bound once, to one node, for ever;
 * no bind takes a node beyond its cpu, memory, pods, extended resources or host ports; what has ended stays ended, and what is being deleted stays so;
 * a pod that runs is not forgotten without having been told to end.
 * Knows nothing of the server's code: it reads the stored values.
 */
export class ClusterOracle {
  /** Everything stored now, by key. */
  readonly objects = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #placed = new Map<string, Placed>();
  readonly #nodes = new Map<string, NodeAccount>();
  #revision = 0;
  #binds = 0;

  constructor(private readonly options: ClusterOracleOptions) {}

  /** The last revision. */
  get revision(): number {
    return this.#revision;
  }

  /** Binds seen. */
  get binds(): number {
    return this.#binds;
  }

  /** All objects of a kind, by the prefix of their keys. */
  *under<T>(prefix: string): Generator<T> {
    for (const [key, value] of this.objects) if (key.startsWith(prefix)) yield value as T;
  }

  /** Takes in one commit. */
  committed({ revision, writes }: ObservedCommit): void {
    if (revision !== this.#revision + 1) this.options.violated(`revision ${revision} follows revision ${this.#revision}`);
    this.#revision = revision;
    for (const write of writes) {
      const old = this.objects.get(write.key);
      if ('delete' in write) this.objects.delete(write.key);
      else this.objects.set(write.key, write.value);
      const now = 'delete' in write ? undefined : write.value;
      if (write.key.startsWith(PODS)) this.#pod(write.key.slice(PODS.length), old as Pod | undefined, now as Pod | undefined);
      else if (write.key.startsWith(NODES)) this.#node(write.key.slice(NODES.length), now as Node | undefined);
    }
  }

  #pod(key: string, old: Pod | undefined, now: Pod | undefined): void {
    if (old !== undefined && now !== undefined) this.#compare(key, old, now);
    if (now === undefined) {
      if (old !== undefined) this.#forgotten(key, old);
      return this.#take(key);
    }
    const node = now.spec.nodeName ?? '';
    const ended = now.status?.phase === 'Succeeded' || now.status?.phase === 'Failed';
    if (node === '' || ended) return this.#take(key);
    if (this.#placed.has(key)) return;
    this.#place(key, now, node);
  }

  /** Only its node's agent, or who force-deletes it after it was told to end, may forget a bound pod. */
  #forgotten(key: string, { metadata, spec, status }: Pod): void {
    const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    if ((spec.nodeName ?? '') === '' || ended || metadata.deletionTimestamp !== undefined) return;
    this.options.violated(`pod ${key} on ${spec.nodeName} was forgotten without having been told to end`);
  }

  #compare(key: string, old: Pod, now: Pod): void {
    const { violated } = this.options;
    if (old.metadata.uid !== now.metadata.uid) violated(`pod ${key} was replaced by another one without being deleted`);
    const [from, to] = [old.spec.nodeName ?? '', now.spec.nodeName ?? ''];
    if (from !== '' && to !== from) violated(to === '' ? `pod ${key} was unbound from ${from}` : `pod ${key} was bound to ${from} and then to ${to}`);
    const phase = old.status?.phase;
    if ((phase === 'Succeeded' || phase === 'Failed') && now.status?.phase !== phase) violated(`pod ${key} had ${phase} and then was ${now.status?.phase}`);
    if (old.metadata.deletionTimestamp !== undefined && now.metadata.deletionTimestamp === undefined) violated(`pod ${key} is no longer being deleted`);
    if (from === '' && to !== '' && old.metadata.deletionTimestamp !== undefined) violated(`pod ${key} was bound while it was being deleted`);
  }

  #place(key: string, pod: Pod, name: string): void {
    this.#binds += 1;
    const account = this.#account(name);
    const placed: Placed = { node: name, amounts: podAmounts(pod), ports: hostPortsOf(pod) };
    this.#placed.set(key, placed);
    for (const [resource, amount] of placed.amounts) account.used.set(resource, (account.used.get(resource) ?? 0) + amount);
    for (const port of placed.ports) {
      const other = account.ports.get(port);
      if (other !== undefined) this.options.violated(`pods ${other} and ${key} on node ${name} both have host port ${port}`);
      account.ports.set(port, key);
    }
    const now = this.options.now();
    const offers = account.offers.filter(({ until }) => until >= now);
    const problems = offers.map(({ amounts }) => excess(account.used, placed.amounts, amounts));
    if (!problems.includes(undefined)) this.options.violated(`binding pod ${key} oversubscribes node ${name}: ${problems[0] ?? 'there is no such node'}`);
  }

  #take(key: string): void {
    const placed = this.#placed.get(key);
    if (placed === undefined) return;
    this.#placed.delete(key);
    const account = this.#account(placed.node);
    for (const [resource, amount] of placed.amounts) account.used.set(resource, (account.used.get(resource) ?? 0) - amount);
    for (const port of placed.ports) if (account.ports.get(port) === key) account.ports.delete(port);
  }

  #node(name: string, node: Node | undefined): void {
    const account = this.#account(name);
    const amounts = amountsOf(node?.status?.allocatable ?? {});
    const current = account.offers[0];
    if (node !== undefined && current?.until === Number.POSITIVE_INFINITY && sameAmounts(current.amounts, amounts)) return;
    const now = this.options.now();
    for (const offer of account.offers) offer.until = Math.min(offer.until, now + this.options.staleMs);
    const kept = account.offers.filter(({ until }) => until >= now);
    account.offers.splice(0, account.offers.length, ...(node === undefined ? [] : [{ amounts, until: Number.POSITIVE_INFINITY }]), ...kept);
  }

  #account(name: string): NodeAccount {
    let account = this.#nodes.get(name);
    if (account === undefined) this.#nodes.set(name, (account = { offers: [], used: new Map(), ports: new Map() }));
    return account;
  }
}

/** The first wanted resource of which more is used than there is. */
function excess(used: Amounts, wanted: Amounts, offered: Amounts): string | undefined {
  for (const [resource, amount] of wanted) {
    const [has, takes] = [offered.get(resource) ?? 0, used.get(resource) ?? 0];
    if (amount > 0 && takes > has) return `${resource}: ${takes} of ${has}`;
  }
  return undefined;
}

const sameAmounts = (a: Amounts, b: Amounts): boolean => a.size === b.size && [...a].every(([resource, amount]) => b.get(resource) === amount);
