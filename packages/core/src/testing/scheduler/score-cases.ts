import type { ScorePlugin } from '../../contracts/scheduling.js';
import type { Pod } from '../../model/kinds/pod.js';
import { type SuiteCase, check } from '../suite.js';
import { type SchedulerPluginContext, scoresOf, snapshotOf } from './context.js';

type Case = SuiteCase<SchedulerPluginContext>;

const needs = ({ score }: SchedulerPluginContext): boolean => score !== undefined;
const scoreOf = ({ score }: SchedulerPluginContext): ScorePlugin => check.present(score, 'there is a score');

/** What every score promises. */
export const scoreCases: readonly Case[] = [
  {
    name: 'scores are finite, and from 0 to 100 in the end',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const start = scoreOf(context).preScore?.(pod, snapshot.nodes, snapshot);
        if (start?.skip !== true) {
          for (const node of snapshot.nodes) check.that(Number.isFinite(scoreOf(context).score(pod, node, start?.state)), `the score of ${node.name} for ${pod.metadata.name} is a finite number`);
        }
        // All nodes, one alone, and none at all.
        for (const order of [snapshot.nodes, snapshot.nodes.slice(0, 1), []]) {
          for (const [node, score] of Object.entries(scoresOf(scoreOf(context), pod, snapshot, order))) {
            check.that(score >= 0 && score <= 100, `the final score of ${node} for ${pod.metadata.name} is from 0 to 100, not ${score}`);
          }
        }
      }
    },
  },
  {
    name: 'a score gives the same answers twice',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const once = scoresOf(scoreOf(context), pod, snapshot);
        for (let i = 0; i < 5; i++) check.equal(scoresOf(scoreOf(context), pod, snapshot), once, `the scores for ${pod.metadata.name} are the same each time`);
      }
    },
  },
  {
    name: 'a score changes nothing that it is given',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const picture = (): string => JSON.stringify([snapshot.nodes.map(({ pods, usedPorts, ...rest }) => ({ ...rest, pods: [...pods], ports: [...usedPorts] })), context.pods]);
      const before = picture();
      for (const pod of context.pods) scoresOf(scoreOf(context), pod, snapshot);
      check.that(picture() === before, 'pods and nodes are as before');
    },
  },
  {
    name: 'a score does not depend on the order of nodes or on what was asked before',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const table = new Map(context.pods.map((pod) => [pod, scoresOf(scoreOf(context), pod, snapshot)]));
      for (const pod of [...context.pods].reverse()) {
        check.equal(scoresOf(scoreOf(context), pod, snapshot, [...snapshot.nodes].reverse()), table.get(pod), `the scores for ${pod.metadata.name}, asked after others and in reverse order`);
      }
    },
  },
  {
    name: 'pods of one template are scored alike',
    needs,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const replica: Pod = { ...pod, metadata: { ...pod.metadata, name: `${pod.metadata.name}-x7k2p`, uid: 'another' }, status: { phase: 'Pending', qosClass: 'Burstable' } };
        check.equal(scoresOf(scoreOf(context), replica, snapshot), scoresOf(scoreOf(context), pod, snapshot), `the scores for a replica of ${pod.metadata.name}`);
      }
    },
  },
  {
    name: 'pods of equal signature are scored alike',
    needs: (context) => context.score?.signature !== undefined,
    run: async (context) => {
      const snapshot = snapshotOf(context.nodes, context.placed);
      const seen = new Map<string, Pod>();
      for (const pod of context.pods) {
        const text = check.present(scoreOf(context).signature?.(pod), `${pod.metadata.name} has a signature`);
        const like = seen.get(text);
        if (like === undefined) seen.set(text, pod);
        else check.equal(scoresOf(scoreOf(context), pod, snapshot), scoresOf(scoreOf(context), like, snapshot), `${pod.metadata.name} and ${like.metadata.name} have the same signature`);
      }
    },
  },
  {
    name: 'without clusterWide, the raw score of a node does not depend on other nodes',
    needs: (context) => needs(context) && !context.score?.clusterWide,
    run: async (context) => {
      const score = scoreOf(context);
      const snapshot = snapshotOf(context.nodes, context.placed);
      for (const pod of context.pods) {
        const together = score.preScore?.(pod, snapshot.nodes, snapshot);
        for (const node of snapshot.nodes) {
          const alone = score.preScore?.(pod, [node], { nodes: [node], node: (name) => (name === node.name ? node : undefined) });
          check.equal(alone?.skip === true, together?.skip === true, `whether ${pod.metadata.name} is scored does not depend on nodes`);
          if (together?.skip !== true) check.equal(score.score(pod, node, alone?.state), score.score(pod, node, together?.state), `the raw score of ${node.name} alone for ${pod.metadata.name}`);
        }
      }
    },
  },
];
