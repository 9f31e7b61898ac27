import { type ClusterSnapshot, type Node, type NodeInfo, type Pod, keyOf } from '@orrery/core';
import { ChangeLog } from './change-log.js';
import { NodeState } from './node-state.js';
import { sameForScheduling } from './node-change.js';

/** What identifies a pod for the scheduler: its uid, so that a later pod of the same name is another one. */
export const podId = (pod: Pod): string => pod.metadata.uid ?? keyOf(pod);

/** Whether a pod has ended and so takes no room any more. */
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

interface Placement {
  readonly state: NodeState;
  /** Decided by us and not yet seen from the API. */
  assumed: boolean;
}

/**
 * All nodes with what is bound to or assumed on them, kept incrementally. Nodes sit in slots: small whole numbers that stay the same while
 * a node exists and are reused afterwards, so that others can keep arrays over them.
 */
export class ClusterState implements ClusterSnapshot {
  /** What changed, by slot. */
  readonly changes = new ChangeLog();
  /** By slot; undefined where no node is. */
  readonly slots: (NodeState | undefined)[] = [];
  readonly #byName = new Map<string, NodeState>();
  readonly #pods = new Map<string, Placement>();
  readonly #free: number[] = [];
  #list: readonly NodeInfo[] | undefined;
  #nodesVersion = 0;

  /** Grows when a node comes, goes or changes in a way that plugins may care about; not when pods are placed. */
  get nodesVersion(): number {
    return this.#nodesVersion;
  }

  /** All nodes that exist, in the order of their slots. */
  get nodes(): readonly NodeInfo[] {
    return (this.#list ??= this.slots.filter((state) => state !== undefined));
  }

  /** How many nodes exist. */
  get nodeCount(): number {
    return this.slots.length - this.#free.length;
  }

  node(name: string): NodeState | undefined {
    const state = this.#byName.get(name);
    return state === undefined || state.slot < 0 ? undefined : state;
  }

  /** Takes over a node object. Answers whether anything changed that could matter to a pod. */
  setNode(node: Node): boolean {
    const state = this.#state(node.metadata.name ?? '');
    const old = state.object;
    if (old !== undefined && sameForScheduling(old, node)) return false;
    if (state.slot < 0) {
      state.slot = this.#free.pop() ?? this.slots.length;
      this.slots[state.slot] = state;
      this.#list = undefined;
    }
    state.setNode(node);
    this.#nodesVersion++;
    this.#note(state, 0);
    return true;
  }

  /** Forgets a node object. Its pods stay counted, should it come back. */
  removeNode(name: string): void {
    const state = this.#byName.get(name);
    if (state === undefined || state.slot < 0) return;
    state.setNode(undefined);
    this.slots[state.slot] = undefined;
    this.#free.push(state.slot);
    this.#list = undefined;
    this.#nodesVersion++;
    this.#note(state, 0);
    state.slot = -1;
    this.#dropIfEmpty(state);
  }

  /** The API shows this pod on `spec.nodeName`: counts it there, confirming an assumption or correcting it. A finished one is not counted. */
  setPod(pod: Pod): void {
    const id = podId(pod);
    if (this.#confirm(id, pod)) return;
    this.removePod(id);
    if (isFinished(pod) || !pod.spec.nodeName) return;
    this.#place(id, pod, pod.spec.nodeName, false);
  }

  /** The bind that was assumed has come: nothing is new but that it is so. Most changes of pods are of this kind, and nobody has to look again. */
  #confirm(id: string, pod: Pod): boolean {
    const placement = this.#pods.get(id);
    if (placement?.assumed !== true || placement.state.name !== pod.spec.nodeName || isFinished(pod)) return false;
    if (!placement.state.replace(id, pod)) return false;
    placement.assumed = false;
    return true;
  }

  /** Counts a pod on a node before the API shows it there. */
  assume(pod: Pod, node: string): void {
    const id = podId(pod);
    this.removePod(id);
    this.#place(id, pod, node, true);
  }

  /** Takes back an assumption; does nothing once the API has shown where the pod is. */
  forget(id: string): void {
    if (this.isAssumed(id)) this.removePod(id);
  }

  /** Whether a pod is counted only because it was assumed. */
  isAssumed(id: string): boolean {
    return this.#pods.get(id)?.assumed === true;
  }

  /** Where a pod is counted. */
  placeOf(id: string): string | undefined {
    return this.#pods.get(id)?.state.name;
  }

  /** Stops counting a pod. Answers whether it was counted. */
  removePod(id: string): boolean {
    const placement = this.#pods.get(id);
    if (placement === undefined) return false;
    this.#pods.delete(id);
    const pod = placement.state.take(id);
    this.#note(placement.state, -1, pod);
    this.#dropIfEmpty(placement.state);
    return true;
  }

  #place(id: string, pod: Pod, node: string, assumed: boolean): void {
    const state = this.#state(node);
    this.#pods.set(id, { state, assumed });
    state.place(id, pod);
    this.#note(state, 1, pod);
  }

  #state(name: string): NodeState {
    let state = this.#byName.get(name);
    if (state === undefined) this.#byName.set(name, (state = new NodeState(name)));
    return state;
  }

  #note(state: NodeState, delta: 1 | -1 | 0, pod?: Pod): void {
    if (state.slot >= 0) this.changes.add({ slot: state.slot, delta, pod });
  }

  #dropIfEmpty(state: NodeState): void {
    if (state.isEmpty) this.#byName.delete(state.name);
  }
}
