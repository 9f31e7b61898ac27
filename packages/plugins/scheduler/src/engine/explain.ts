import type { NodeExplanation, PlacementExplanation, Pod } from '@orrery/core';
import { keyOf } from '@orrery/core';
import type { CompiledProfile } from '../classes/compiled-profile.js';
import { diagnose } from '../classes/diagnosis.js';
import { type ClusterState, podId } from '../state/cluster.js';
import { copyOf } from '../state/node-state.js';
import { type Evaluation, type NodeEvaluation, evaluate } from './evaluate.js';

/** What an explanation is made from. */
export interface ExplainInput {
  readonly pod: Pod;
  readonly profile: CompiledProfile | undefined;
  readonly schedulerName: string;
  readonly cluster: ClusterState;
  readonly revision: number;
  /** Something that keeps the pod from being looked at: its gates, or that it has ended. */
  readonly notQueued: string | undefined;
}

/**
 * Says of every node why the pod can go there or not, with the numbers. A pod that has a node already is judged as if it were not there.
 * Throws `PLUGIN_FAILED` naming a plugin that failed.
 */
export function explain({ pod, profile, schedulerName, cluster, revision, notQueued }: ExplainInput): PlacementExplanation {
  const about = { pod: keyOf(pod), schedulerName, revision };
  const place = pod.spec.nodeName || cluster.placeOf(podId(pod));
  const placed = place ? { node: place } : {};
  if (profile === undefined) {
    const message = `no profile named "${schedulerName}": another scheduler is responsible`;
    return { ...about, ...placed, state: place ? 'bound' : 'not-queued', message, nodes: [] };
  }
  // Bound pods name their node, which would make NodeName refuse all others.
  const asked = pod.spec.nodeName ? { ...pod, spec: { ...pod.spec, nodeName: undefined } } : pod;
  const evaluation = evaluate(asked as Pod, profile, place ? without(cluster, podId(pod), place) : cluster);
  const nodes = evaluation.nodes.map(explainNode).sort((a, b) => b.total - a.total || Number(b.feasible) - Number(a.feasible) || (a.node < b.node ? -1 : 1));
  if (place) return { ...about, ...placed, state: 'bound', message: `bound to ${place}`, nodes };
  const best = nodes[0]?.feasible === true ? nodes[0] : undefined;
  if (notQueued !== undefined) return { ...about, state: 'not-queued', message: notQueued, nodes };
  if (best === undefined) return { ...about, state: 'unschedulable', message: messageOf(evaluation), nodes };
  const feasible = nodes.filter((node) => node.feasible);
  const equal = feasible.filter(({ total }) => total === best.total).length;
  const tie = equal > 1 ? `; one of ${equal} equals will be drawn` : '';
  return { ...about, node: best.node, state: 'would-bind', message: `${feasible.length}/${nodes.length} nodes are available${tie}`, nodes };
}

function explainNode({ node, refusals, scores, total }: NodeEvaluation): NodeExplanation {
  return {
    node: node.name,
    feasible: refusals.length === 0,
    refusals: refusals.map(({ plugin, verdict: { reasons, retryWhen, numbers } }) => ({ plugin, reasons, retryWhen, ...(numbers === undefined ? {} : { numbers }) })),
    scores,
    total,
  };
}

const messageOf = ({ rejected, nodes }: Evaluation): string => diagnose(nodes, rejected, (i) => nodes[i]?.refusals[0]).message;

/** The cluster as it would be if a pod were not on its node. */
function without(cluster: ClusterState, id: string, place: string) {
  const nodes = cluster.nodes.map((info) => {
    const state = info.name === place ? cluster.node(place) : undefined;
    return state === undefined ? info : copyOf(state, id);
  });
  return { nodes, node: (name: string) => nodes.find((node) => node.name === name) };
}
