import { type ClusterSnapshot, type FilterPlugin, type NodeInfo, OrreryError, type Pod, type ScorePlugin, type Verdict, errorMessage } from '@orrery/core';

/** A verdict that refuses. */
export type Refused = Extract<Verdict, { ok: false }>;

/** A filter plugin's refusal of one node, or of the pod as a whole. */
export interface Refusal {
  readonly plugin: string;
  readonly verdict: Refused;
}

/** What a filter said of the pod before the nodes. */
export interface FilterStart {
  readonly state: unknown;
  readonly skip: boolean;
  /** The only nodes left. */
  readonly nodes: ReadonlySet<string> | undefined;
  readonly rejected: Refused | undefined;
}

// Every call of a plugin goes through this file: whatever a plugin does wrong becomes a failure with its name, never a silent pass.

/** The failure of a plugin, for the pod's attempt. */
export const pluginFailure = (plugin: string, what: string, cause?: unknown): OrreryError =>
  new OrreryError('PLUGIN_FAILED', `Scheduler plugin "${plugin}" ${what}${cause === undefined ? '' : `: ${errorMessage(cause)}`}.`, { plugin }, cause);

function call<T>(plugin: string, what: string, ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    throw pluginFailure(plugin, `threw in ${what}`, cause);
  }
}

/** Asks a filter's `preFilter`, if it has one. */
export function startFilter(plugin: FilterPlugin, pod: Pod, snapshot: ClusterSnapshot): FilterStart {
  const nothing: FilterStart = { state: undefined, skip: false, nodes: undefined, rejected: undefined };
  if (plugin.preFilter === undefined) return nothing;
  const answer = call(plugin.name, 'preFilter', () => plugin.preFilter?.(pod, snapshot));
  if (answer === undefined || answer === null) return nothing;
  if ('ok' in answer) return { ...nothing, rejected: checkedRefusal(plugin.name, answer) };
  return { state: answer.state, skip: answer.skip === true, nodes: answer.nodes === undefined ? undefined : new Set(answer.nodes), rejected: undefined };
}

/** Asks a filter about one node; undefined when it passes. */
export function askFilter(plugin: FilterPlugin, pod: Pod, node: NodeInfo, state: unknown): Refusal | undefined {
  let verdict: Verdict;
  try {
    verdict = plugin.filter(pod, node, state);
  } catch (cause) {
    throw pluginFailure(plugin.name, `threw in filter for node ${node.name}`, cause);
  }
  if (verdict?.ok === true) return undefined;
  return { plugin: plugin.name, verdict: checkedRefusal(plugin.name, verdict) };
}

const RETRIES: readonly unknown[] = ['node-changes', 'pod-changes', 'other-changes', 'never'];

function checkedRefusal(plugin: string, verdict: Verdict): Refused {
  if (verdict?.ok !== false) throw pluginFailure(plugin, 'gave no verdict');
  if (!Array.isArray(verdict.reasons) || verdict.reasons.length === 0) throw pluginFailure(plugin, 'refused without a reason');
  if (!RETRIES.includes(verdict.retryWhen)) throw pluginFailure(plugin, `refused without saying what would change it (retryWhen is ${String(verdict.retryWhen)})`);
  return verdict;
}

/** Asks a score's `preScore`, if it has one. */
export function startScore(plugin: ScorePlugin, pod: Pod, nodes: readonly NodeInfo[], snapshot: ClusterSnapshot): { readonly state: unknown; readonly skip: boolean } {
  const answer = call(plugin.name, 'preScore', () => plugin.preScore?.(pod, nodes, snapshot));
  return { state: answer?.state, skip: answer?.skip === true };
}

/** Asks a score about one node. */
export function askScore(plugin: ScorePlugin, pod: Pod, node: NodeInfo, state: unknown): number {
  let score: number;
  try {
    score = plugin.score(pod, node, state);
  } catch (cause) {
    throw pluginFailure(plugin.name, `threw in score for node ${node.name}`, cause);
  }
  if (!Number.isFinite(score)) throw pluginFailure(plugin.name, `scored node ${node.name} with ${String(score)}, which is no finite number`);
  return score;
}

/** Tells a plugin that another pod came or went; false when it must start afresh. */
export function tellUpdate(plugin: FilterPlugin | ScorePlugin, pod: Pod, state: unknown, other: Pod, node: NodeInfo, delta: 1 | -1): boolean {
  return plugin.update !== undefined && call(plugin.name, 'update', () => plugin.update?.(pod, state, other, node, delta)) === true;
}

/** A score that is in range after normalising; a failure if not. */
export function checkedScore(plugin: string, score: number): number {
  if (score >= 0 && score <= 100) return score;
  throw pluginFailure(plugin, `scored ${String(score)} where 0 to 100 is the range`);
}
