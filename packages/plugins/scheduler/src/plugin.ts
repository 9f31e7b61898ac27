import { Events, Informers, Instruments, LeaderClient, Node, NodeFilters, NodeScores, Pod, Scheduler, SchedulerProfiles, Tracer, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { SchedulerEngine } from './engine/scheduler-engine.js';
import { LedScheduler } from './led-scheduler.js';
import { DEFAULT_SCHEDULER } from './engine/pod-intake.js';
import { contributedProfiles } from './engine/contributed-profiles.js';
import { defaultProfile } from './profile.js';
import { informedSources } from './informed-sources.js';

const optionsSchema = z
  .strictObject({
    /** Binds on their way at the same time. */
    maxBindsInFlight: z.int().min(1).max(100_000).default(256),
    /** Classes of like pods whose node scores are kept. */
    maxClasses: z.int().min(1).max(100_000).default(64),
    /** Back-off after the first failed attempt, doubled by each further one. */
    initialBackoffMs: z.number().positive().default(1_000),
    /** Upper bound of the back-off. */
    maxBackoffMs: z.number().positive().default(10_000),
    /** How long a pod may wait without another attempt, whatever happens. */
    sweepAfterMs: z.number().positive().default(300_000),
    /** Whether pods that name no scheduler are placed too, where no profile is listed for them. Off: beside a kube-scheduler, which does that. */
    defaultProfile: z.boolean().default(true),
  })
  .prefault({});

/**
 * The scheduling engine. Takes the `Scheduler` seat, places the pods of every profile in `SchedulerProfiles`, and of the default profile
 * (that of kube-scheduler) unless a profile of that name was listed. What is in `NodeFilters` and `NodeScores` applies to all profiles.
 */
export const scheduler = definePlugin({
  name: 'scheduler',
  options: optionsSchema,
  setup({ provide, run, clock, random, log, options: { defaultProfile: hasDefault, ...options }, scope, get }) {
    provide(Scheduler, () => {
      const { sources, stop } = informedSources(get(Informers));
      scope.defer(stop);
      const engine = (): SchedulerEngine =>
        new SchedulerEngine({
          client: get(LeaderClient),
          pods: get(Informers).get(Pod),
          nodes: get(Informers).get(Node),
          events: get(Events)(DEFAULT_SCHEDULER),
          profiles: contributedProfiles(get(SchedulerProfiles), get(NodeFilters), get(NodeScores), hasDefault ? defaultProfile(DEFAULT_SCHEDULER, sources) : undefined),
          instruments: get(Instruments),
          tracer: get(Tracer),
          clock,
          random,
          log,
          options,
        });
      return new LedScheduler(engine);
    });
    run((resolve) => resolve(Scheduler) as LedScheduler);
  },
});
