import { list } from '../kernel/tokens.js';
import type { Taint } from '../model/kinds/node-spec.js';

/** On a Node: the pool it belongs to. The provider sees to it that its nodes register with it. */
export const NODE_POOL_LABEL = 'autoscaling.orrery.dev/node-pool';

/** What a new node of a pool will be like. */
export interface NodeTemplate {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  /** What pods can have, as quantities: `{ cpu: '4', memory: '8Gi', pods: '110', 'example.com/gpu': '1' }`. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * Equal nodes that can be had and given back: virtual machines, racks, agents in other processes.
 * The node autoscaler calls it from one place at a time; each call may take long, and is not repeated while it runs. A call that throws is tried again later.
 */
export interface NodePool {
  /** Unique. Nodes carry it in the label {@link NODE_POOL_LABEL}. */
  readonly name: string;
  /** Never fewer, never more. */
  readonly min: number;
  readonly max: number;
  readonly template: NodeTemplate;
  /** Of two pools whose nodes would do the cheaper one is asked; default 0. */
  readonly price?: number;
  /** The names of all nodes that there are or that are on their way, whether or not they have registered. The truth about the pool's size: it survives restarts of the caller. */
  nodes(signal: AbortSignal): Promise<readonly string[]>;
  /** Orders one more; resolves when it is on its way and `nodes` tells of it. It registers itself in its own time. */
  addNode(signal: AbortSignal): Promise<void>;
  /** Gives one back that was drained. Its Node object is deleted afterwards. Safe to call again for one that is gone. */
  removeNode(name: string, signal: AbortSignal): Promise<void>;
}

/** All pools of nodes. */
export const NodePools = list<NodePool>('NodePool');
