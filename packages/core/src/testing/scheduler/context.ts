import type { ClusterSnapshot, FilterPlugin, NodeInfo, ScorePlugin, Verdict } from '../../contracts/scheduling.js';
import type { Node } from '../../model/kinds/node.js';
import type { Pod } from '../../model/kinds/pod.js';
import { keyOf } from '../../model/object.js';
import { milliValue, value } from '../../model/quantity.js';
import { deepFreeze } from '../../model/json.js';
import type { SuiteContext } from '../suite.js';

/** What the suite is run on: a filter, a score, or both, with worlds in which they have something to decide. */
export interface SchedulerPluginSubject {
  readonly filter?: FilterPlugin;
  readonly score?: ScorePlugin;
  /** Added to the suite's own nodes and pods: some that the plugin treats differently. */
  readonly nodes?: readonly Node[];
  readonly pods?: readonly Pod[];
  /** For a filter with something `outside`: changes that so that the answers on one of the pods change. Called more than once. */
  readonly change?: () => void;
}

/** The context of a case. */
export interface SchedulerPluginContext extends SuiteContext, SchedulerPluginSubject {
  readonly nodes: readonly Node[];
  /** Pods to ask about. */
  readonly pods: readonly Pod[];
  /** Pods that are on nodes. */
  readonly placed: readonly Pod[];
}

const amounts = (texts: Readonly<Record<string, string>> | undefined): Record<string, number> =>
  Object.fromEntries(Object.entries(texts ?? {}).map(([name, text]) => [name, name === 'cpu' ? milliValue(text) : value(text)]));

function add(to: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(from)) to[name] = (to[name] ?? 0) + amount;
}

/** Host ports of a pod's containers, as `NodeInfo.usedPorts` spells them. */
const hostPorts = ({ spec }: Pod): string[] =>
  spec.containers.flatMap(({ ports = [] }) => ports.flatMap(({ hostPort, hostIP, protocol }) => (hostPort ? [`${protocol || 'TCP'}/${hostIP || '0.0.0.0'}/${hostPort}`] : [])));

/** A node with pods on it, as an engine shows it. Frozen as far as it can be. Counts the containers of simple pods only. */
export function nodeInfoOf(node: Node, pods: readonly Pod[]): NodeInfo {
  const requested: Record<string, number> = {};
  const nonZero: Record<string, number> = { cpu: 0, memory: 0 };
  for (const { spec } of pods) {
    for (const { resources } of spec.containers) {
      const own = amounts(resources?.requests);
      add(requested, own);
      add(nonZero, { cpu: own['cpu'] ?? 100, memory: own['memory'] ?? 200 * 1024 * 1024 });
    }
  }
  return deepFreeze({
    name: node.metadata.name ?? '',
    node,
    pods: new Map(pods.map((pod) => [pod.metadata.uid ?? keyOf(pod), pod])),
    allocatable: amounts(node.status?.allocatable),
    requested,
    nonZeroRequested: { cpu: nonZero['cpu'] ?? 0, memory: nonZero['memory'] ?? 0 },
    usedPorts: new Set(pods.flatMap(hostPorts)),
    generation: 1,
  });
}

/** All nodes with what is on them by `spec.nodeName`. */
export function snapshotOf(nodes: readonly Node[], placed: readonly Pod[]): ClusterSnapshot {
  const infos = nodes.map((node) => nodeInfoOf(node, placed.filter(({ spec }) => spec.nodeName === node.metadata.name)));
  return Object.freeze({ nodes: Object.freeze(infos), node: (name: string) => infos.find((info) => info.name === name) });
}

/** A filter's verdict on each node, as an engine would ask for them. */
export function verdictsOf(filter: FilterPlugin, pod: Pod, snapshot: ClusterSnapshot, order: readonly NodeInfo[] = snapshot.nodes): Record<string, Verdict> {
  const start = filter.preFilter?.(pod, snapshot);
  const verdicts: Record<string, Verdict> = {};
  for (const node of order) {
    if (start !== undefined && 'ok' in start) verdicts[node.name] = start;
    else if (start?.skip === true) verdicts[node.name] = { ok: true };
    else if (start?.nodes !== undefined && !start.nodes.includes(node.name)) verdicts[node.name] = { ok: false, reasons: ['left out by preFilter'], retryWhen: 'node-changes' };
    else verdicts[node.name] = filter.filter(pod, node, start?.state);
  }
  return verdicts;
}

/** A score's final answer on each node, as an engine would ask for them. */
export function scoresOf(score: ScorePlugin, pod: Pod, snapshot: ClusterSnapshot, order: readonly NodeInfo[] = snapshot.nodes): Record<string, number> {
  const start = score.preScore?.(pod, order, snapshot);
  if (start?.skip === true) return Object.fromEntries(order.map(({ name }) => [name, 0]));
  const raw = order.map((node) => score.score(pod, node, start?.state));
  const { normalize } = score;
  if (typeof normalize === 'function') normalize(raw, pod, order, start?.state);
  else if (normalize === 'default' || normalize === 'reverse') {
    const most = Math.max(0, ...raw);
    raw.forEach((one, i) => {
      const part = most === 0 ? 0 : Math.trunc((100 * one) / most);
      raw[i] = normalize === 'reverse' ? 100 - part : part;
    });
  }
  return Object.fromEntries(order.map(({ name }, i) => [name, raw[i] as number]));
}
