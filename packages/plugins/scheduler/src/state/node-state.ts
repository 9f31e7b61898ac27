import { type Amounts, amountsOf, hostPorts, noAmounts, type Node, type NodeInfo, type Pod } from '@orrery/core';
import { podLoad, type PodLoad } from '../pods/requests.js';
import { same } from './same.js';

/** What one pod counts for on its node. */
interface Placed {
  readonly pod: Pod;
  readonly load: PodLoad;
  readonly ports: readonly string[];
}

/** A node and what is on it. Changed only by the cluster state; plugins see it as {@link NodeInfo}. */
export class NodeState implements NodeInfo {
  readonly name: string;
  readonly pods = new Map<string, Pod>();
  readonly requested: Amounts = noAmounts();
  readonly nonZeroRequested = { cpu: 0, memory: 0 };
  readonly usedPorts = new Set<string>();
  allocatable: Amounts = noAmounts();
  generation = 0;
  /** Where its entries are in the arrays of the classes; -1 while there is no such node object. */
  slot = -1;
  #node: Node | undefined;
  readonly #placed = new Map<string, Placed>();

  constructor(name: string) {
    this.name = name;
  }

  /** The node object. Only asked for nodes that have a slot. */
  get node(): Node {
    if (this.#node === undefined) throw new TypeError(`Node ${this.name} is not there.`);
    return this.#node;
  }

  /** The node object, if there is one: pods can be bound to a node that has not registered yet. */
  get object(): Node | undefined {
    return this.#node;
  }

  /** Takes over the node object; undefined when it is gone. */
  setNode(node: Node | undefined): void {
    this.#node = node;
    this.allocatable = amountsOf(node?.status?.allocatable);
    this.generation++;
  }

  /** Counts a pod under an id that is not counted yet. */
  place(id: string, pod: Pod): void {
    const placed: Placed = { pod, load: podLoad(pod), ports: hostPorts(pod) };
    this.#placed.set(id, placed);
    this.pods.set(id, pod);
    this.#count(placed, 1);
    for (const port of placed.ports) this.usedPorts.add(port);
    this.generation++;
  }

  /** Shows another version of a pod that differs only in what the bind itself has changed; does nothing and answers false if there is more. */
  replace(id: string, pod: Pod): boolean {
    const placed = this.#placed.get(id);
    if (placed === undefined || !sameButForBind(placed.pod, pod)) return false;
    this.#placed.set(id, { ...placed, pod });
    this.pods.set(id, pod);
    this.generation++;
    return true;
  }

  /** Stops counting a pod; answers it as it was counted. */
  take(id: string): Pod | undefined {
    const placed = this.#placed.get(id);
    if (placed === undefined) return undefined;
    this.#placed.delete(id);
    this.pods.delete(id);
    this.#count(placed, -1);
    if (placed.ports.length > 0) {
      this.usedPorts.clear();
      for (const other of this.#placed.values()) for (const port of other.ports) this.usedPorts.add(port);
    }
    this.generation++;
    return placed.pod;
  }

  /** Nothing is here, and nothing is known of it. */
  get isEmpty(): boolean {
    return this.#node === undefined && this.#placed.size === 0;
  }

  #count({ load }: Placed, sign: 1 | -1): void {
    for (const name in load.requests) this.requested[name] = (this.requested[name] ?? 0) + sign * (load.requests[name] as number);
    this.nonZeroRequested.cpu += sign * load.nonZero.cpu;
    this.nonZeroRequested.memory += sign * load.nonZero.memory;
  }
}

const SET_BY_BIND = new Set(['nodeName']);
const CHANGED_BY_WRITE = new Set(['resourceVersion', 'managedFields', 'generation']);
const CONDITIONS = new Set(['conditions']);

const sameButForBind = (a: Pod, b: Pod): boolean => same(a.metadata, b.metadata, CHANGED_BY_WRITE) && same(a.spec, b.spec, SET_BY_BIND) && same(a.status, b.status, CONDITIONS);

/** A copy of a node's state, with a pod left out if given: what the node would be without it. */
export function copyOf(state: NodeState, without?: string): NodeState {
  const copy = new NodeState(state.name);
  copy.setNode(state.object);
  for (const [id, pod] of state.pods) if (id !== without) copy.place(id, pod);
  copy.slot = state.slot;
  return copy;
}
