import { type DaemonSet, equalJson, keyOf, type Lister, type Node, type ObjectKey, type Pod } from '@orrery/core';
import { CONTROLLER_INDEX } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { FailedPodsBackOff } from './back-off.js';
import { NodeLedger } from './ledger.js';
import { judgeNode, type Measure } from './node-state.js';
import { daemonPlacement } from './placement.js';
import { DAEMON_NODE_INDEX, onNode, targetNode } from './pods.js';

/** The caches a DaemonSet is judged from. */
export interface DaemonCaches {
  readonly sets: Lister<DaemonSet>;
  readonly nodes: Lister<Node>;
  /** With the indexes `CONTROLLER_INDEX` and `DAEMON_NODE_INDEX`. */
  readonly pods: Lister<Pod>;
}

/** What is remembered of a DaemonSet between two looks at it. */
interface Entry {
  readonly uid: string;
  readonly generation: number;
  readonly hash: string;
  readonly ledger: NodeLedger;
  readonly backOff: FailedPodsBackOff;
  /** Nodes of which something changed since they were judged. */
  readonly changed: Set<string>;
}

/** What a look at a DaemonSet finds. */
export interface Findings {
  readonly ledger: NodeLedger;
  readonly measure: Measure;
  /** A failed pod on the node is replaced now: the next one has to wait. */
  replacesFailed(node: string): void;
  /** Pods of the set that its selector does not match any more. */
  readonly strays: readonly Pod[];
}

/**
 * Remembers how every node stands with every DaemonSet, so that an event costs what it touches: a node, or a pod of one. It is only a memory; what
 * it holds can be made from the caches at any time, and is whenever the set changes.
 */
export class DaemonMemory {
  readonly #entries = new Map<ObjectKey, Entry>();

  /** Something changed about the pods of a set on a node. */
  podChanged(key: ObjectKey, pod: Pod, old: Pod | undefined): void {
    const { changed } = this.#entries.get(key) ?? {};
    for (const one of [pod, old]) {
      const node = one === undefined ? undefined : targetNode(one);
      if (node !== undefined) changed?.add(node);
    }
  }

  /** A node came, changed, or went (`node` is undefined): the sets that care (addNode, updateNode). */
  nodeChanged(name: string, node: Node | undefined, old: Node | undefined, sets: Lister<DaemonSet>): ObjectKey[] {
    if (node !== undefined && old !== undefined && equalJson(node.metadata.labels, old.metadata.labels) && equalJson(node.spec?.taints, old.spec?.taints)) return [];
    const keys: ObjectKey[] = [];
    for (const [key, { ledger, changed }] of this.#entries) {
      const set = sets.get(key);
      if (set === undefined || !this.#cares(set, ledger, name, node, old)) continue;
      changed.add(name);
      keys.push(key);
    }
    return keys;
  }

  #cares(set: DaemonSet, ledger: NodeLedger, name: string, node: Node | undefined, old: Node | undefined): boolean {
    if (node === undefined) return ledger.get(name) !== undefined;
    const { template } = set.spec;
    const now = daemonPlacement(template, node);
    if (old === undefined) return now.shouldRun || ledger.get(name) !== undefined;
    const before = daemonPlacement(template, old);
    return now.shouldRun !== before.shouldRun || now.shouldContinueRunning !== before.shouldContinueRunning;
  }

  /** Brings the ledger of a set up to date with the caches. `now` in milliseconds since the epoch. */
  refresh(set: DaemonSet, hash: string, caches: DaemonCaches, now: number): Findings {
    const key = keyOf(set);
    const { uid = '', generation = 0 } = set.metadata;
    const known = this.#entries.get(key);
    const fits = known?.uid === uid && known.generation === generation && known.hash === hash;
    const entry: Entry = fits ? known : { uid, generation, hash, ledger: new NodeLedger(), backOff: backOffOf(known, uid, generation), changed: new Set() };
    this.#entries.set(key, entry);
    const { ledger, backOff, changed } = entry;
    const names = fits ? new Set([...changed, ...ledger.dueBy(now)]) : everyNode(uid, caches);
    changed.clear();
    const measure: Measure = { set, hash, now, pausedUntil: (node) => backOff.until(node, now) };
    const strays: Pod[] = [];
    const matcher = selectorOf(set);
    for (const name of names) {
      const node = caches.nodes.get(name);
      if (node === undefined) backOff.forget(name);
      const pods: Pod[] = [];
      for (const pod of caches.pods.byIndex(DAEMON_NODE_INDEX, onNode(uid, name))) (matcher.matches(pod.metadata.labels) ? pods : strays).push(pod);
      ledger.put(name, judgeNode(measure, name, node, pods));
    }
    const replacesFailed = (node: string): void => {
      backOff.note(node, now);
      changed.add(node);
    };
    return { ledger, measure, replacesFailed, strays };
  }

  /** The set is gone. */
  forget(key: ObjectKey): void {
    this.#entries.delete(key);
  }
}

/** Pauses outlive a new template of the same generation only; a change of the set deserves another try. */
const backOffOf = (known: Entry | undefined, uid: string, generation: number): FailedPodsBackOff => (known?.uid === uid && known.generation === generation ? known.backOff : new FailedPodsBackOff());

function everyNode(uid: string, { nodes, pods }: DaemonCaches): Set<string> {
  const names = new Set(nodes.list().map(({ metadata }) => metadata.name ?? ''));
  for (const pod of pods.byIndex(CONTROLLER_INDEX, uid)) {
    const node = targetNode(pod);
    if (node !== undefined) names.add(node);
  }
  return names;
}
