import { errorMessage } from '@orrery/core';
import { Chaos } from './chaos.js';
import { unsettled } from './checks.js';
import { type Sabotage, SimulatedCluster } from './cluster.js';
import { MIXED_RATES, type Rates } from './faults.js';
import { MixedWorkload } from './mixed/mixed-workload.js';
import { Signals } from './mixed/signal.js';
import { unsettledMix } from './mixed/unsettled.js';
import { CronOracle } from './oracles/cron-oracle.js';
import { EvictionOracle } from './oracles/eviction-oracle.js';
import { IdentityOracle } from './oracles/identity-oracle.js';
import { JobOracle } from './oracles/job-oracle.js';
import type { Judging, Promised } from './oracles/promise.js';
import { QuotaOracle } from './oracles/quota-oracle.js';
import { ScaleOracle } from './oracles/scale-oracle.js';
import { chanceOf } from './seeds.js';
import { checkNothingLeft, CONVERGE_MS, LOOK_MS, MINUTE_MS, restQuietly, type SimulationResult } from './simulate.js';

/** What to simulate. */
export interface MixedOptions {
  readonly seed: number;
  /** Machines. Default 3. */
  readonly nodes?: number;
  /** Virtual minutes with faults and changes. Default 2. */
  readonly minutes?: number;
  /** Virtual minutes of rest in the end. Default 1. */
  readonly restMinutes?: number;
  /** Rates that differ from {@link MIXED_RATES}. */
  readonly faults?: Partial<Rates>;
  /** Whether commits get into the trace. Default true. */
  readonly fingerprint?: boolean;
  readonly sabotage?: Sabotage;
  readonly log?: (line: string) => void;
  readonly stopwatch?: () => number;
}

/** The command that runs the same again; of sabotage it knows nothing. */
export function mixedCommandFor({ seed, nodes = 3, minutes = 2, restMinutes = 1, faults = {} }: MixedOptions): string {
  const rates = Object.entries(faults).map(([name, rate]) => ` --fault ${name}=${rate}`);
  return `npm run simulate -- --mixed --seed ${seed} --nodes ${nodes} --minutes ${minutes} --rest ${restMinutes}${rates.join('')}`;
}

/** Machines have room for everything, so that what waits does not wait for that. */
const SIZE = { cpu: 8, memoryGi: 64 };
/** Good weather in which CronJobs go on, pods are evicted, and the clock jumps once more. */
const CALM_MS = 2.5 * MINUTE_MS;
/** So often pods are evicted then. */
const EVERY_MS = 30_000;
/** So long after a disturbance a budget may still go by counts of before: a silent line is noticed after 35 s. */
const STALE_MS = 60_000;

/** Moments at which clocks change somewhere: in New York, Berlin and Lord Howe; and one at which they do not. A little before, so that time gets there. */
const STARTS = [Date.UTC(2026, 0, 1), Date.UTC(2026, 2, 29, 0, 56), Date.UTC(2026, 9, 25, 0, 56), Date.UTC(2026, 2, 8, 6, 56), Date.UTC(2026, 10, 1, 5, 56), Date.UTC(2026, 3, 4, 14, 56), Date.UTC(2028, 1, 28, 23, 57)];

/** Runs a small cluster with every kind of workload in bad weather, judged at every commit, and then asks whether everything came to rest as it is wanted. */
export async function simulateMixed(options: MixedOptions): Promise<SimulationResult> {
  const { seed, nodes = 3, minutes = 2, restMinutes = 1, fingerprint = true, sabotage, log, stopwatch = () => 0 } = options;
  const began = stopwatch();
  const setting = chanceOf(seed, 'setting');
  // In half of the clusters the outcome of each write is known, in a third of those the controllers live on, and in half of all the store is quick, so that more can be promised.
  const orderly = setting.chance(0.5);
  const steady = orderly && chanceOf(seed, 'steady').chance(1 / 3);
  const rates: Rates = { ...MIXED_RATES, ...(orderly && { storeUnknown: 0, replyLost: 0 }), ...(steady && { controllerRestarts: 0 }), ...(chanceOf(seed, 'quick').chance(0.5) && { storeSlow: 0 }), ...options.faults };
  const promised: Promised[] = [];
  /** Nothing from the bad weather is under way any more. */
  let cleared = false;
  let signals: Signals | undefined;
  const cluster: SimulatedCluster = new SimulatedCluster({
    seed, nodes, rates, fingerprint, size: SIZE, startsAt: setting.pick(STARTS), events: setting.chance(0.2), ...(sabotage && { sabotage }), ...(log && { log }),
    metrics: { custom: [{ name: 'signals', externalMetric: async (question) => signals?.externalMetric(question) }] },
    committed: (commit) => {
      for (const one of promised) one.committed(commit);
    },
  });
  const { clock, oracle, weather, controllers } = cluster;
  const held = (signals = new Signals(clock, weather, chanceOf(seed, 'signals')));
  const judging: Judging = { oracle, now: () => clock.monotonic(), wall: () => clock.now(), violated: (what) => cluster.violated(what) };
  const cron = new CronOracle(judging, () => !weather.bad && controllers.ready);
  promised.push(
    new JobOracle(judging, { orderly: rates.storeUnknown + rates.replyLost === 0 }), cron, new ScaleOracle(judging), new EvictionOracle(judging, STALE_MS), new QuotaOracle(judging, () => rates.storeSlow === 0 || cleared),
    new IdentityOracle(judging, cluster.nodes),
  );
  cluster.onJump = () => cron.jumping();
  const workload = new MixedWorkload(cluster, chanceOf(seed, 'workload'), held);
  const chaos = new Chaos(cluster, workload, chanceOf(seed, 'chaos'));
  const problems = (): string[] => [...unsettled(cluster), ...unsettledMix(oracle, held)];
  try {
    await cluster.boot();
    workload.begin();
    await chaos.run(minutes * MINUTE_MS);
    await clock.advance(LOOK_MS);
    cleared = true;
    await calm(cluster, chaos, workload, setting.int(CALM_MS));
    const told = workload.finale();
    await clock.advance(LOOK_MS);
    await told;
    if (await settle(cluster, problems)) await restQuietly(cluster, restMinutes, problems);
    await cluster.shutDown();
    checkNothingLeft(cluster);
  } catch (error) {
    cluster.violated(`the simulation broke off: ${errorMessage(error)}`);
  }
  const { violations, trace } = cluster;
  const stats = Object.fromEntries([
    ...[...chaos.stats].map(([what, count]) => [`chaos: ${what}`, count] as const),
    ...[...cluster.commits].map(([what, count]) => [`commits: ${what}`, count] as const),
    ...[...workload.refused].map(([reason, count]) => [`user refused: ${reason}`, count] as const),
    ['timers fired', clock.fired],
  ]);
  return { ok: violations.length === 0, seed, violations, traceHash: trace.digest(), commits: oracle.revision, virtualMs: clock.monotonic(), realMs: stopwatch() - began, stats, tail: trace.tail };
}

/** A while of good weather: evictions all the time, and one jump of the clock. */
async function calm({ clock }: SimulatedCluster, chaos: Chaos, workload: MixedWorkload, jumpAt: number): Promise<void> {
  const end = clock.monotonic() + CALM_MS;
  const cancel = clock.timer(jumpAt, () => chaos.jump());
  while (clock.monotonic() < end) {
    await clock.advance(EVERY_MS);
    workload.evict();
  }
  cancel();
}

/** Waits until nothing is left to be done; false, and told as violations, when that takes too long. */
async function settle(cluster: SimulatedCluster, problems: () => readonly string[]): Promise<boolean> {
  const { clock } = cluster;
  const end = clock.monotonic() + CONVERGE_MS;
  for (;;) {
    const left = problems();
    if (left.length === 0) return true;
    if (clock.monotonic() >= end) {
      for (const problem of left.slice(0, 10)) cluster.violated(`not converged: ${problem}`);
      return false;
    }
    await clock.advance(LOOK_MS);
  }
}
