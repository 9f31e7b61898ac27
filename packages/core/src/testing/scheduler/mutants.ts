import type { FilterPlugin, RetryWhen, ScorePlugin } from '../../contracts/scheduling.js';
import type { SchedulerPluginSubject } from './context.js';

/** A plugin that breaks one promise, and the case that must find it out. */
export interface SchedulerPluginMutant {
  readonly name: string;
  readonly caughtBy: string;
  /** A fresh one: some of them remember things. */
  create(): SchedulerPluginSubject;
}

const filter = (name: string, caughtBy: string, create: () => Omit<FilterPlugin, 'name'>): SchedulerPluginMutant => ({ name, caughtBy, create: () => ({ filter: { name, ...create() } }) });
const score = (name: string, caughtBy: string, create: () => Omit<ScorePlugin, 'name'>): SchedulerPluginMutant => ({ name, caughtBy, create: () => ({ score: { name, ...create() } }) });

const PASS = { ok: true } as const;
const refuse = (retryWhen: RetryWhen = 'node-changes', ...reasons: string[]) => ({ ok: false, reasons: reasons.length > 0 ? reasons : ['no'], retryWhen }) as const;

/** Deliberately broken plugins; the suite must catch each in the named case. */
export const schedulerPluginMutants: readonly SchedulerPluginMutant[] = [
  filter('filter that changes its mind', 'a filter gives the same verdicts twice', () => {
    let asked = 0;
    return { filter: () => (asked++ % 7 === 3 ? refuse() : PASS) };
  }),
  filter('filter that writes to the pod', 'a filter changes nothing that it is given', () => ({
    filter: (pod) => {
      (pod.metadata.labels ??= {})['seen'] = 'yes';
      return PASS;
    },
  })),
  filter('filter that empties nodes', 'a filter changes nothing that it is given', () => ({
    filter: (_pod, { pods }) => {
      (pods as Map<string, unknown>).clear();
      return PASS;
    },
  })),
  filter('filter without a reason', 'a refusal says why, and what would change it', () => ({ filter: () => ({ ok: false, reasons: [], retryWhen: 'node-changes' }) })),
  filter('filter with an unknown retryWhen', 'a refusal says why, and what would change it', () => ({ filter: () => ({ ok: false, reasons: ['no'], retryWhen: 'tomorrow' as never }) })),
  filter('filter that answers nothing', 'a refusal says why, and what would change it', () => ({ filter: () => undefined as never })),
  filter('filter that remembers pods', 'a verdict does not depend on the order of nodes or on what was asked before', () => {
    let last: string | undefined;
    return {
      preFilter: ({ metadata }) => {
        const state = last;
        last = metadata.name;
        return { state };
      },
      filter: (pod, _node, state) => (state === 'nothing' && pod.metadata.name === 'huge' ? refuse() : PASS),
    };
  }),
  filter('filter that takes only the first node asked', 'a verdict does not depend on the order of nodes or on what was asked before', () => ({
    preFilter: () => ({ state: { taken: false } }),
    filter: (_pod, _node, state) => {
      const draft = state as { taken: boolean };
      if (draft.taken) return refuse();
      draft.taken = true;
      return PASS;
    },
  })),
  filter('filter that looks at names', 'pods of one template are treated alike', () => ({ filter: ({ metadata }) => (metadata.name?.endsWith('x7k2p') === true ? refuse() : PASS) })),
  filter('filter whose signature says too little', 'pods of equal signature are treated alike by a filter', () => ({
    signature: ({ metadata }) => metadata.namespace ?? '',
    filter: ({ spec }) => (spec.nodeSelector === undefined ? PASS : refuse()),
  })),
  filter('filter that secretly looks at all nodes', 'without clusterWide, a verdict does not depend on other nodes', () => ({
    preFilter: (_pod, { nodes }) => ({ state: nodes.length }),
    filter: (_pod, _node, state) => ((state as number) > 1 ? PASS : refuse()),
  })),
  filter('filter that gives up for good on full nodes', 'a refusal for good stays, whatever becomes of the node, and one that waits for pods stays if only the node changes', () => ({
    filter: (_pod, { allocatable }) => ((allocatable['cpu'] ?? 0) < 2_000 ? refuse('never') : PASS),
  })),
  filter('filter that waits for pods where the node must change', 'a refusal for good stays, whatever becomes of the node, and one that waits for pods stays if only the node changes', () => ({
    filter: (_pod, { node }) => (node.spec.unschedulable === true ? refuse('pod-changes') : PASS),
  })),
  ...outsideMutants(),
  filter('filter that does not count pods that leave', 'state kept by update is as good as new', () => ({
    clusterWide: true,
    preFilter: (_pod, { nodes }) => ({ state: { count: nodes.reduce((sum, { pods }) => sum + pods.size, 0) } }),
    filter: (_pod, _node, state) => ((state as { count: number }).count > 8 ? refuse('pod-changes') : PASS),
    update: (_pod, state, _other, _node, delta) => {
      if (delta === 1) (state as { count: number }).count++;
      return true;
    },
  })),
  score('score that is no number', 'scores are finite, and from 0 to 100 in the end', () => ({ score: (_pod, { allocatable }) => (allocatable['example.com/gpu'] as number) / 2 })),
  score('score out of range', 'scores are finite, and from 0 to 100 in the end', () => ({ score: (_pod, { allocatable }) => allocatable['cpu'] ?? 0 })),
  score('score by chance', 'a score gives the same answers twice', () => {
    let seed = 1;
    return { score: () => (seed = (seed * 48_271) % 2_147_483_647) % 100 };
  }),
  score('score that writes to the pod', 'a score changes nothing that it is given', () => ({
    score: (pod) => {
      pod.spec.priority = 1;
      return 1;
    },
  })),
  score('score by position', 'a score does not depend on the order of nodes or on what was asked before', () => ({
    score: () => 50,
    normalize: (scores) => scores.forEach((_, i) => (scores[i] = i)),
  })),
  score('score that looks at names', 'pods of one template are scored alike', () => ({ score: ({ metadata }) => (metadata.name?.length ?? 0) % 100 })),
  score('score whose signature says too little', 'pods of equal signature are scored alike', () => ({ signature: () => '', score: ({ metadata }) => (metadata.namespace === 'team-b' ? 10 : 0) })),
  score('score that secretly looks at all nodes', 'without clusterWide, the raw score of a node does not depend on other nodes', () => ({ preScore: (_pod, nodes) => ({ state: nodes.length }), score: (_pod, _node, state) => state as number })),
];

/** Filters that let pods pass while a switch outside is on, each with one fault. */
function outsideMutants(): readonly SchedulerPluginMutant[] {
  const caughtBy = 'a change outside is told, and shows in the signature of the pods it matters to';
  const mutant = (name: string, faults: { readonly silent?: boolean; readonly deaf?: boolean; readonly hidden?: boolean; readonly unsigned?: boolean }): SchedulerPluginMutant => ({
    name,
    caughtBy,
    create: () => {
      const listeners = new Set<() => void>();
      let on = true;
      const changed = (listener: () => void): (() => void) => {
        listeners.add(listener);
        return () => void (faults.deaf === true || listeners.delete(listener));
      };
      const signature = (): string => (faults.hidden === true ? '' : String(on));
      const change = (): void => {
        on = !on;
        if (faults.silent !== true) for (const listener of listeners) listener();
      };
      return { filter: { name, filter: () => (on ? PASS : refuse('other-changes')), outside: { changed }, ...(faults.unsigned === true ? {} : { signature }) }, change };
    },
  });
  return [
    mutant('filter that does not tell of a change outside', { silent: true }),
    mutant('filter that goes on telling', { deaf: true }),
    mutant('filter whose signature hides a change outside', { hidden: true }),
    mutant('filter with something outside and no signature', { unsigned: true }),
  ];
}
