import { type ClusterSnapshot, type FilterPlugin, type Namespace, type Node, type NodeInfo, PASS, type Pod, type ScorePlugin, type Service, type Verdict } from '@orrery/core';
import {
  ClusterState,
  type ProfileSources,
  balancedAllocation,
  compileProfile,
  defaultFilters,
  defaultScores,
  diagnose,
  evaluate,
  imageLocality,
  interPodAffinityScore,
  leastAllocated,
  mostAllocated,
  nodeAffinityScore,
  podTopologySpreadScore,
  requestedToCapacityRatio,
  servicesAndOwner,
  taintTolerationScore,
} from '@orrery/scheduler';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds the scheduler's filters and scores against what kube-scheduler answered.

interface Input {
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly pod: Pod;
  readonly namespaces?: readonly Namespace[];
  readonly services?: readonly Service[];
}

interface Expected {
  readonly preFilter: Readonly<Record<string, { readonly code: string; readonly reasons?: readonly string[]; readonly nodes?: readonly string[] }>>;
  readonly filter: Readonly<Record<string, Readonly<Record<string, { readonly code: string; readonly reasons: readonly string[] }>>>>;
  readonly feasible: readonly string[];
  readonly message?: string;
  readonly scores?: Readonly<Record<string, readonly number[] | 'Skip'>>;
  readonly totals?: readonly number[];
  readonly best?: readonly string[];
}

/** What the vectors call a score, and the plugin with the arguments they used. */
const scorePlugins = ({ namespaces, belongTogether }: ProfileSources): Readonly<Record<string, ScorePlugin>> => ({
  TaintToleration: taintTolerationScore,
  NodeAffinity: nodeAffinityScore,
  'NodeResourcesFit/LeastAllocated': leastAllocated(),
  'NodeResourcesFit/MostAllocated': mostAllocated([
    { name: 'cpu', weight: 2 },
    { name: 'memory', weight: 1 },
    { name: 'example.com/gpu', weight: 3 },
  ]),
  'NodeResourcesFit/RequestedToCapacityRatio': requestedToCapacityRatio(
    [
      { utilization: 0, score: 0 },
      { utilization: 40, score: 8 },
      { utilization: 100, score: 3 },
    ],
    [
      { name: 'cpu', weight: 3 },
      { name: 'memory', weight: 1 },
      { name: 'ephemeral-storage', weight: 1 },
    ],
  ),
  NodeResourcesBalancedAllocation: balancedAllocation(),
  ImageLocality: imageLocality,
  PodTopologySpread: podTopologySpreadScore(belongTogether),
  InterPodAffinity: interPodAffinityScore(namespaces),
});

/**
 * Every part of a case must agree: preFilter and filter verdicts of each plugin, feasible nodes, the summary message, normalised scores,
 * totals and the best nodes. Preemption does not exist yet: a case that has it fails if its other parts differ, and else was not run.
 */
export const scheduler: Family = {
  family: 'scheduler',
  files: ['scheduler-1', 'scheduler-2', 'scheduler-3'],
  prepare: () => run,
};

function run({ input, expected }: VectorCase): Outcome {
  const differences = schedulerDifferences(input as unknown as Input, expected as unknown as Expected);
  if (differences.length > 0) return { ok: false, got: differences };
  return expected['preemption'] === undefined ? { ok: true } : 'not run';
}

/** The parts of a case that came out differently. A part whose plugin does not exist counts as different. */
function schedulerDifferences(input: Input, expected: Expected): string[] {
  const differences: string[] = [];
  const compare = (what: string, actual: unknown, wanted: unknown): void => {
    if (text(actual) !== text(wanted)) differences.push(`${what}: ${text(actual)} instead of ${text(wanted)}`);
  };
  const cluster = clusterOf(input);
  const sources = sourcesOf(input);
  const filters = new Map(defaultFilters(sources).map((plugin) => [plugin.name, plugin]));
  for (const [name, wanted] of Object.entries(expected.preFilter)) {
    const plugin = filters.get(name);
    compare(`preFilter ${name}`, plugin && preFilterOf(plugin, input.pod, cluster), wanted);
  }
  for (const name of new Set([...filters.keys(), ...Object.keys(expected.filter)])) {
    const plugin = filters.get(name);
    compare(`filter ${name}`, plugin && filterOf(plugin, input.pod, cluster), expected.filter[name] ?? {});
  }
  const evaluation = evaluate(input.pod, compileProfile({ schedulerName: 'default-scheduler', filters: [...filters.values()], scores: defaultScores(sources) }), cluster);
  const passed = evaluation.nodes.filter(({ refusals }) => refusals.length === 0).sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
  compare('feasible', passed.map(({ node }) => node.name), expected.feasible);
  if (expected.message !== undefined) compare('message', diagnose(evaluation.nodes, evaluation.rejected, (i) => evaluation.nodes[i]?.refusals[0]).message, expected.message);
  const feasible = passed.map(({ node }) => node);
  const plugins = scorePlugins(sources);
  for (const [name, wanted] of Object.entries(expected.scores ?? {})) compare(`score ${name}`, scoresOf(plugins[name], input.pod, feasible, cluster), wanted);
  if (expected.totals !== undefined) compare('totals', passed.map(({ total }) => total), expected.totals);
  if (expected.best !== undefined) {
    const top = Math.max(...passed.map(({ total }) => total));
    compare('best', passed.filter(({ total }) => total === top).map(({ node }) => node.name), expected.best);
  }
  return differences;
}

function clusterOf({ nodes, pods }: Input): ClusterState {
  const cluster = new ClusterState();
  for (const node of nodes) cluster.setNode(node);
  for (const pod of pods ?? []) cluster.setPod(pod);
  return cluster;
}

function sourcesOf({ namespaces, services }: Input): Required<Omit<ProfileSources, 'volumes'>> {
  return {
    namespaces: { labels: (name) => namespaces?.find(({ metadata }) => metadata.name === name)?.metadata.labels, version: 0 },
    belongTogether: servicesAndOwner({ services: (namespace) => services?.filter(({ metadata }) => metadata.namespace === namespace) ?? [] }),
  };
}

const codeOf = ({ unresolvable }: Extract<Verdict, { ok: false }>): string => (unresolvable === true ? 'UnschedulableAndUnresolvable' : 'Unschedulable');

function preFilterOf(plugin: FilterPlugin, pod: Pod, cluster: ClusterSnapshot): unknown {
  const answer = plugin.preFilter?.(pod, cluster);
  if (answer === undefined) return { code: 'Success' };
  if ('ok' in answer) return { code: codeOf(answer), reasons: answer.reasons };
  if (answer.skip === true) return { code: 'Skip' };
  return { code: 'Success', ...(answer.nodes === undefined ? {} : { nodes: [...answer.nodes].sort() }) };
}

function filterOf(plugin: FilterPlugin, pod: Pod, cluster: ClusterSnapshot): unknown {
  const answer = plugin.preFilter?.(pod, cluster);
  if (answer !== undefined && ('ok' in answer || answer.skip === true)) return {};
  const refused: [string, unknown][] = [];
  for (const node of cluster.nodes) {
    const verdict = plugin.filter(pod, node, answer?.state);
    if (!verdict.ok) refused.push([node.name, { code: codeOf(verdict), reasons: verdict.reasons }]);
  }
  return Object.fromEntries(refused);
}

function scoresOf(plugin: ScorePlugin | undefined, pod: Pod, feasible: readonly NodeInfo[], snapshot: ClusterSnapshot): unknown {
  if (plugin === undefined) return undefined;
  if (plugin.preScore?.(pod, feasible, snapshot).skip === true) return 'Skip';
  // Scores may look at all nodes, but only those that passed are scored.
  const only: FilterPlugin = { name: 'Only', filter: (_pod, node) => (feasible.includes(node) ? PASS : { ok: false, reasons: ['not feasible'], retryWhen: 'never' }) };
  const { nodes } = evaluate(pod, compileProfile({ schedulerName: plugin.name, filters: [only], scores: [{ plugin, weight: 1 }] }), snapshot);
  return feasible.map((node) => nodes.find((evaluated) => evaluated.node === node)?.total);
}

/** JSON with sorted keys. */
function text(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
    ) ?? 'nothing'
  );
}
