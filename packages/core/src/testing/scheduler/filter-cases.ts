import type { FilterPlugin, NodeInfo, Verdict } from '../../contracts/scheduling.js';
import type { Node } from '../../model/kinds/node.js';
import type { Pod } from '../../model/kinds/pod.js';
import { type SuiteCase, check } from '../suite.js';
import { type SchedulerPluginContext, snapshotOf, verdictsOf } from './context.js';

type Case = SuiteCase<SchedulerPluginContext>;

const needs = ({ filter }: SchedulerPluginContext): boolean => filter !== undefined;
const filterOf = ({ filter }: SchedulerPluginContext): FilterPlugin => check.present(filter, 'there is a filter');

/** Whether nodes pass, without the numbers behind it. */
const passes = (verdicts: Readonly<Record<string, Verdict>>): Record<string, boolean> => Object.fromEntries(Object.entries(verdicts).map(([name, { ok }]) => [name, ok]));

/** The same pod under another name, as another replica of its template. */
const replicaOf = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, name: `${pod.metadata.name}-x7k2p`, uid: 'another', resourceVersion: '987' },
  status: { phase: 'Pending', qosClass: 'Burstable' },
});

/** A node that nobody could object to, but for its name and labels. */
function improved({ metadata, status }: Node): Node {
  const names = new Set(['cpu', 'memory', 'pods', 'ephemeral-storage', 'example.com/gpu', ...Object.keys(status?.allocatable ?? {})]);
  const allocatable = Object.fromEntries([...names].map((name) => [name, '1000000000000']));
  return { apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status: { ...status, allocatable } } as Node;
}

/** What every filter promises. */
export const filterCases: readonly Case[] = [
  {
    name: 'a filter gives the same verdicts twice',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const once = verdictsOf(filterOf(context), pod, snapshot);
        for (let i = 0; i < 5; i++) check.equal(verdictsOf(filterOf(context), pod, snapshot), once, `the verdicts on ${pod.metadata.name} are the same each time`);
      }
    },
  },
  {
    name: 'a filter changes nothing that it is given',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const picture = (): unknown => snapshot.nodes.map(({ pods, usedPorts, ...rest }) => ({ ...rest, pods: [...pods], ports: [...usedPorts] }));
      const before = JSON.stringify([picture(), context.pods]);
      for (const pod of context.pods) verdictsOf(filterOf(context), pod, snapshot);
      check.equal(JSON.parse(JSON.stringify([picture(), context.pods])), JSON.parse(before), 'pods and nodes are as before');
    },
  },
  {
    name: 'a refusal says why, and what would change it',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        for (const [node, verdict] of Object.entries(verdictsOf(filterOf(context), pod, snapshot))) {
          const where = `${pod.metadata.name} on ${node}`;
          check.that(typeof verdict?.ok === 'boolean', `there is a verdict for ${where}`);
          if (verdict.ok) continue;
          check.that(Array.isArray(verdict.reasons) && verdict.reasons.length > 0, `the refusal of ${where} has a reason`);
          check.that(verdict.reasons.every((reason) => typeof reason === 'string' && reason.trim() !== ''), `the reasons for ${where} are texts`);
          check.that(['node-changes', 'pod-changes', 'other-changes', 'never'].includes(verdict.retryWhen), `the refusal of ${where} says what would change it`);
          for (const [name, number] of Object.entries(verdict.numbers ?? {})) check.that(Number.isFinite(number), `${name} for ${where} is a finite number`);
        }
      }
    },
  },
  {
    name: 'a verdict does not depend on the order of nodes or on what was asked before',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const table = new Map(context.pods.map((pod) => [pod, verdictsOf(filterOf(context), pod, snapshot)]));
      for (const pod of [...context.pods].reverse()) {
        const again = verdictsOf(filterOf(context), pod, snapshot, [...snapshot.nodes].reverse());
        check.equal(again, table.get(pod), `the verdicts on ${pod.metadata.name}, asked after others and in reverse order`);
      }
    },
  },
  {
    name: 'pods of one template are treated alike',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) check.equal(verdictsOf(filterOf(context), replicaOf(pod), snapshot), verdictsOf(filterOf(context), pod, snapshot), `the verdicts on a replica of ${pod.metadata.name}`);
    },
  },
  {
    name: 'pods of equal signature are treated alike by a filter',
    needs: (context) => context.filter?.signature !== undefined,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const seen = new Map<string, Pod>();
      for (const pod of context.pods) {
        const text = check.present(filterOf(context).signature?.(pod), `${pod.metadata.name} has a signature`);
        const like = seen.get(text);
        if (like === undefined) seen.set(text, pod);
        else check.equal(verdictsOf(filterOf(context), pod, snapshot), verdictsOf(filterOf(context), like, snapshot), `${pod.metadata.name} and ${like.metadata.name} have the same signature`);
      }
    },
  },
  {
    name: 'without clusterWide, a verdict does not depend on other nodes',
    needs: (context) => needs(context) && !context.filter?.clusterWide,
    run: async (context) => {
      const together = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const all = verdictsOf(filterOf(context), pod, together);
        for (const node of together.nodes) {
          const alone = verdictsOf(filterOf(context), pod, { nodes: [node], node: (name) => (name === node.name ? node : undefined) });
          check.equal(alone[node.name], all[node.name], `the verdict on ${pod.metadata.name} for ${node.name} alone`);
        }
      }
    },
  },
  {
    name: 'a refusal for good stays, whatever becomes of the node, and one that waits for pods stays if only the node changes',
    needs,
    run: async (context) => {
      const filter = filterOf(context);
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        for (const [name, verdict] of Object.entries(verdictsOf(filter, pod, snapshot))) {
          if (verdict.ok || verdict.retryWhen === 'node-changes') continue;
          const better = context.nodes.map((node) => (node.metadata.name === name ? improved(node) : node));
          const later = verdictsOf(filter, pod, snapshotOf(better, context.placed));
          check.that(later[name]?.ok === false, `${pod.metadata.name} was refused on ${name} with retryWhen "${verdict.retryWhen}", but passes when the node changes`);
          if (verdict.retryWhen !== 'never') continue;
          const empty = verdictsOf(filter, pod, snapshotOf(better, []));
          check.that(empty[name]?.ok === false, `${pod.metadata.name} was refused on ${name} for good, but passes when pods leave`);
        }
      }
    },
  },
  {
    name: 'a change outside is told, and shows in the signature of the pods it matters to',
    needs: (context) => context.filter?.outside !== undefined,
    run: async (context) => {
      const filter = filterOf(context);
      const outside = check.present(filter.outside, 'there is something outside');
      const change = check.present(context.change, 'the subject can let something outside change (SchedulerPluginSubject.change)');
      const snapshot = snapshotOf(context.nodes, context.placed);
      const look = (): readonly Look[] => context.pods.map((pod) => ({ pod, text: check.present(filter.signature?.(pod), 'a filter with something outside has a signature'), passes: passes(verdictsOf(filter, pod, snapshot)) }));
      const before = look();
      let told = 0;
      const stop = outside.changed(() => void told++);
      change();
      check.that(told > 0, 'the change is told');
      const differing = look().filter((now, i) => JSON.stringify(now.passes) !== JSON.stringify(before[i]?.passes));
      check.that(differing.length > 0, 'the change matters to one of the pods');
      for (const { pod, text } of differing) check.that(text !== before.find((then) => then.pod === pod)?.text, `the signature of ${pod.metadata.name} shows the change`);
      stop();
      told = 0;
      change();
      check.equal(told, 0, 'nothing is told to a listener that was removed');
    },
  },
  {
    name: 'state kept by update is as good as new',
    needs: (context) => context.filter?.update !== undefined,
    run: async (context) => {
      const filter = filterOf(context);
      for (const pod of context.pods) followMoves(context, filter, pod);
    },
  },
];

/** What a filter says of a pod. */
interface Look {
  readonly pod: Pod;
  readonly text: string;
  readonly passes: Readonly<Record<string, boolean>>;
}

/** Lets pods come and go one at a time, telling the filter, and compares with a filter that looks afresh each time. */
function followMoves(context: SchedulerPluginContext, filter: FilterPlugin, pod: Pod): void {
  const others = context.pods.map((other, i) => {
    const nodeName = context.nodes[i % context.nodes.length]?.metadata.name;
    return { ...other, metadata: { ...other.metadata, uid: `mover-${i}` }, spec: { ...other.spec, nodeName } };
  });
  let placed: readonly Pod[] = context.placed;
  let start = filter.preFilter?.(pod, snapshotOf(context.nodes, placed));
  const move = (other: Pod, delta: 1 | -1): void => {
    placed = delta === 1 ? [...placed, other] : placed.filter(({ metadata }) => metadata.uid !== other.metadata.uid);
    const snapshot = snapshotOf(context.nodes, placed);
    const node = check.present(snapshot.node(other.spec.nodeName ?? ''), 'the node is there') as NodeInfo;
    const kept = start === undefined || !('ok' in start) ? filter.update?.(pod, start?.state, other, node, delta) === true : false;
    if (!kept) start = filter.preFilter?.(pod, snapshot);
    const held = start;
    const viaUpdate = passes(verdictsOf({ ...filter, filter: (p, n, s) => filter.filter(p, n, s), preFilter: () => held ?? {} }, pod, snapshot));
    check.equal(viaUpdate, passes(verdictsOf(filter, pod, snapshot)), `which nodes take ${pod.metadata.name} after ${other.metadata.name} ${delta === 1 ? 'came' : 'left'}`);
  };
  for (const other of others) move(other as Pod, 1);
  for (const other of others) move(other as Pod, -1);
}
