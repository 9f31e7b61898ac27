import { list, namedSeat, seat } from '../kernel/tokens.js';
import type { Node } from '../model/kinds/node.js';
import type { Pod } from '../model/kinds/pod.js';

/**
 * The scheduling contracts follow the Kubernetes scheduling framework (KEP-624): a profile names filters and weighted scores; the engine
 * asks them for each pod. Filters and scores are plain functions called in a tight loop: they must be pure, quick, and must not keep or
 * change what they are given.
 */

/**
 * What would make a refusal worth another look. `other-changes`: only what the filter knows from outside ({@link OutsideInput}).
 * A new node, or other labels on a node, are worth one whatever was said.
 */
export type RetryWhen = 'node-changes' | 'pod-changes' | 'other-changes' | 'never';

/** A filter's answer. A refusal says why in Kubernetes' words ("Insufficient cpu") and what would change it. */
export type Verdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** One text per reason, counted over nodes in the summary message. */
      readonly reasons: readonly string[];
      readonly retryWhen: RetryWhen;
      /** Preempting pods cannot help (UnschedulableAndUnresolvable). */
      readonly unresolvable?: boolean;
      /** The numbers behind it, for explanations. */
      readonly numbers?: Readonly<Record<string, number>>;
    };

/** The verdict that lets a node pass. */
export const PASS: Verdict = Object.freeze({ ok: true });

/** Amounts by resource name: `cpu` in milli-units, all others in their own unit (bytes, pieces). */
export type ResourceAmounts = Readonly<Record<string, number>>;

/** A node with what is placed on it, kept incrementally by the engine. Read-only for plugins. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  /** Pods bound to or assumed on the node. */
  readonly pods: ReadonlyMap<string, Pod>;
  readonly allocatable: ResourceAmounts;
  /** Sum of the requests of `pods`. */
  readonly requested: ResourceAmounts;
  /** Like `requested` for cpu and memory, but counting 100m and 200MiB for containers that ask for nothing (for scores). */
  readonly nonZeroRequested: { readonly cpu: number; readonly memory: number };
  /** Host ports in use: `protocol/ip/port`. */
  readonly usedPorts: ReadonlySet<string>;
  /** Grows with every change of this node or of what is on it. */
  readonly generation: number;
}

/** All nodes at one moment. */
export interface ClusterSnapshot {
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
}

/**
 * What a filter's answers depend on besides pods and nodes: objects of other kinds (claims, volumes), a quota, a licence server. Read
 * synchronously by the filter, so kept in memory; a change is told, never waited for.
 */
export interface OutsideInput {
  /**
   * Calls the listener after each change that may change an answer; returns its removal, after which it is not called any more. By then the filter's
   * answers and its `signature` show the change. Waiting pods whose signature changed are tried again.
   */
  changed(listener: () => void): () => void;
  /** Resolves when the input is complete; until then no pod is looked at. May reject when the signal aborts. Default: it is so from the start. */
  synced?(signal: AbortSignal): Promise<void>;
}

/** Decides whether a node can take a pod. */
export interface FilterPlugin<State = unknown> {
  readonly name: string;
  /**
   * Called once for each pod (template) before the nodes: whatever depends only on the pod. Its result is given to every `filter` call.
   * `skip: true` passes all nodes; `nodes` restricts the pod to these.
   */
  preFilter?(pod: Pod, snapshot: ClusterSnapshot): { readonly state?: State; readonly skip?: boolean; readonly nodes?: readonly string[] } | Extract<Verdict, { ok: false }>;
  filter(pod: Pod, node: NodeInfo, state: State): Verdict;
  /**
   * True: verdicts depend on other nodes or on pods elsewhere, so they cannot be reused when only one node changed. `nodes`: they depend on
   * other nodes' objects (labels, images), but not on the pods placed there. Default false: on the pod and the node asked about only.
   */
  readonly clusterWide?: boolean | 'nodes';
  /** What of the pod the answers depend on, as text: pods with equal text share work. Default: namespace, labels, annotations, owner and the whole spec; never name, uid or status. */
  signature?(pod: Pod): string;
  /**
   * What the answers depend on besides pods and nodes. Needs a `signature` that tells its state as far as it matters to the pod: answers are kept
   * by signature, so a changed one is what makes the engine ask again.
   */
  readonly outside?: OutsideInput;
  /**
   * Keeps the state of `preFilter` current when `other` came to (`delta` 1) or left (-1) a node, instead of asking `preFilter` again.
   * Only for `clusterWide` ones. Also called with an undefined state after `skip`. Returns false when it cannot: then `preFilter` is asked again.
   */
  update?(pod: Pod, state: State | undefined, other: Pod, node: NodeInfo, delta: 1 | -1): boolean;
}

/** Brings raw scores into 0..100, in place; `scores` is in the order of `nodes`, all of which passed. */
// Declared as a method, so that plugins with a state of their own fit lists of plugins with any state.
export type NormalizeScores<State> = { normalize(scores: number[], pod: Pod, nodes: readonly NodeInfo[], state: State): void }['normalize'];

/** Ranks nodes that passed. */
export interface ScorePlugin<State = unknown> {
  readonly name: string;
  /**
   * Called once per pod (template) with the nodes that passed, and all nodes. `skip: true`: contributes 0 everywhere.
   * Unless `clusterWide` is set, its result must depend on the pod only: it is kept while nodes change.
   */
  preScore?(pod: Pod, nodes: readonly NodeInfo[], snapshot: ClusterSnapshot): { readonly state?: State; readonly skip?: boolean };
  /** A finite number; higher is better. 0 to 100 unless `normalize` brings it there. */
  score(pod: Pod, node: NodeInfo, state: State): number;
  /** Turns raw scores into 0..100, in place, in the order of `nodes`. `default`: divide by the maximum; `reverse`: 100 minus that; `none` (or absent): leave. */
  readonly normalize?: 'none' | 'default' | 'reverse' | NormalizeScores<State>;
  /** As for filters. */
  readonly clusterWide?: boolean | 'nodes';
  /** As for filters. */
  signature?(pod: Pod): string;
  /** As for filters, with the state of `preScore`. */
  update?(pod: Pod, state: State | undefined, other: Pod, node: NodeInfo, delta: 1 | -1): boolean;
}

/** A score with its weight in a profile. */
export interface WeightedScore {
  readonly plugin: ScorePlugin;
  readonly weight: number;
}

/** How pods of one `schedulerName` are placed. */
export interface SchedulerProfile {
  /** Matched with `spec.schedulerName`; `default-scheduler` when a pod names none. */
  readonly schedulerName: string;
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly WeightedScore[];
  /** Orders waiting pods; negative: a first. Default: priority, then waiting time. */
  queueSort?(a: QueuedPod, b: QueuedPod): number;
}

/** A pod in the scheduling queue. */
export interface QueuedPod {
  readonly pod: Pod;
  readonly priority: number;
  /** When it entered the queue, milliseconds of the monotonic clock. */
  readonly enqueuedAt: number;
  readonly attempts: number;
}

/** One plugin's word on one node. */
export interface ScoreExplanation {
  readonly plugin: string;
  readonly weight: number;
  readonly raw: number;
  readonly normalized: number;
  readonly weighted: number;
}

/** One node's verdict with its numbers. */
export interface NodeExplanation {
  readonly node: string;
  readonly feasible: boolean;
  /** Every filter that refused, with its reasons and numbers. */
  readonly refusals: readonly { readonly plugin: string; readonly reasons: readonly string[]; readonly retryWhen: RetryWhen; readonly numbers?: Readonly<Record<string, number>> }[];
  readonly scores: readonly ScoreExplanation[];
  readonly total: number;
}

/** Why a pod is where it is, or nowhere. */
export interface PlacementExplanation {
  readonly pod: string;
  readonly schedulerName: string;
  /** The store revision the nodes were looked at. */
  readonly revision: number;
  /** What was decided; absent: no node fits. `bound`: it was placed earlier, and the verdicts are as of now without it. */
  readonly node?: string;
  readonly state: 'bound' | 'would-bind' | 'unschedulable' | 'not-queued';
  /** Kubernetes' summary: `0/5 nodes are available: 3 Insufficient memory, 2 node(s) had untolerated taint {…}.` */
  readonly message: string;
  readonly nodes: readonly NodeExplanation[];
}

/** The scheduler as the rest sees it. */
export interface Scheduler {
  /** Every node's verdict, reason and numbers for a pod, now. Changes nothing. Throws `NOT_FOUND`. */
  explain(pod: { readonly namespace: string; readonly name: string }): Promise<PlacementExplanation>;
}

/** The scheduler, for explanations. One; its behaviour comes from profiles. */
export const Scheduler = seat<Scheduler>('Scheduler');
/** Profiles by `schedulerName`; exchangeable while running. */
export const SchedulerProfiles = namedSeat<SchedulerProfile>('SchedulerProfile', { replaceable: true });
/** Filters added to every profile. */
export const NodeFilters = list<FilterPlugin>('NodeFilter');
/** Scores added to every profile. */
export const NodeScores = list<WeightedScore>('NodeScore');
