// A scheduler of your own for any cluster, beside the one that it has: it places the pods that say `schedulerName: cheapest-first`, on the cheapest node that has room.
// The cluster is that of KUBECONFIG, or the one in which this runs as a pod. Nodes tell their price by the label `price`; several of these elect a leader.
import { createOrchestrator, definePlugin, Informers, type Logger, SchedulerProfiles, type ScorePlugin } from '@orrery/core';
import { remoteApi } from '@orrery/http-client';
import { defaultFilters, defaultScores, informedSources, scheduler } from '@orrery/scheduler';

const NAME = 'cheapest-first';

/** 100 for what costs nothing, 0 for the dearest node and for those that tell no price. */
const price: ScorePlugin = {
  name: 'Price',
  score: (_pod, { node }) => Number(node.metadata.labels?.['price'] ?? Number.POSITIVE_INFINITY),
  normalize(scores) {
    const dearest = Math.max(...scores.filter(Number.isFinite), 1);
    scores.forEach((cost, i) => (scores[i] = Number.isFinite(cost) ? 100 - (100 * cost) / dearest : 0));
  },
};

/** Everything that kube-scheduler looks at, and the price above all. */
const cheapestFirst = definePlugin({
  name: NAME,
  setup({ provideNamed, scope }) {
    provideNamed(SchedulerProfiles, NAME, (get) => {
      const { sources, stop } = informedSources(get(Informers));
      scope.defer(stop);
      return { schedulerName: NAME, filters: defaultFilters(sources), scores: [...defaultScores(sources), { plugin: price, weight: 50 }] };
    });
  },
});

const logger: Logger = { debug() {}, info: console.log, warn: console.warn, error: console.error, child: () => logger };
const orchestrator = await createOrchestrator({
  // The pods that name no scheduler are left to the cluster's own.
  plugins: [remoteApi(), scheduler({ defaultProfile: false }), cheapestFirst()],
  leaderElection: { lease: NAME },
  logger,
});
await orchestrator.start();
console.log(`placing pods with schedulerName: ${NAME}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void orchestrator.stop());
await orchestrator.finished();
