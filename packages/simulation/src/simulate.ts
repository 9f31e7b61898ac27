import { errorMessage } from '@orrery/core';
import { Chaos } from './chaos.js';
import { type Judged, staleCaches, unsettled } from './checks.js';
import { type Sabotage, SimulatedCluster } from './cluster.js';
import { DEFAULT_RATES, type Rates } from './faults.js';
import { chanceOf } from './seeds.js';
import { POD_MILLI_CPU, Workload } from './workload.js';

/** What to simulate. */
export interface SimulationOptions {
  readonly seed: number;
  /** Machines. Default 10. */
  readonly nodes?: number;
  /** Pods wanted at the same time, at most. Default 60. */
  readonly pods?: number;
  /** Virtual minutes with faults and changes; then it has to converge. Default 10. */
  readonly minutes?: number;
  /** Virtual minutes of rest after it converged, in which only heartbeats may be written. Default 10. */
  readonly restMinutes?: number;
  /** Machines, the first ones, that are lost in the bad weather and never come back. Default 0. */
  readonly lost?: number;
  /** Rates that differ from {@link DEFAULT_RATES}. */
  readonly faults?: Partial<Rates>;
  /** Broken parts, to see that they are noticed. */
  readonly sabotage?: Sabotage;
  /** Told of warnings of the parts as they come. */
  readonly log?: (line: string) => void;
  /** Real milliseconds; only for {@link SimulationResult.realMs}. Default: none are measured. */
  readonly stopwatch?: () => number;
}

/** What came of it. */
export interface SimulationResult {
  readonly ok: boolean;
  readonly seed: number;
  /** Broken promises, with the virtual time. */
  readonly violations: readonly string[];
  /** The same for every run with the same options. */
  readonly traceHash: string;
  readonly commits: number;
  readonly virtualMs: number;
  readonly realMs: number;
  /** Counts: faults, commits by kind, binds, … */
  readonly stats: Readonly<Record<string, number>>;
  /** The last that happened, oldest first. */
  readonly tail: readonly string[];
}

export const MINUTE_MS = 60_000;
/** Within so long after the faults a cluster has to converge: back-offs reach five minutes, and so does the wait of a pod for another look. */
export const CONVERGE_MS = 20 * MINUTE_MS;
/** How often is looked. */
export const LOOK_MS = 10_000;
/** Containers that were started in bad weather may still crash, or be found unhealthy, for so long. */
const AFTERMATH_MS = 3 * MINUTE_MS;

/** The command that runs the same again; of sabotage it knows nothing. */
export function commandFor({ seed, nodes = 10, pods = 60, minutes = 10, restMinutes = 10, lost = 0, faults = {} }: SimulationOptions): string {
  const rates = Object.entries(faults).map(([name, rate]) => ` --fault ${name}=${rate}`);
  const rest = `${restMinutes === 10 ? '' : ` --rest ${restMinutes}`}${lost === 0 ? '' : ` --lost ${lost}`}`;
  return `npm run simulate -- --seed ${seed} --nodes ${nodes} --pods ${pods} --minutes ${minutes}${rest}${rates.join('')}`;
}

/** Runs a whole cluster in virtual time with faults from a seed, and then asks whether it kept its promises. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, nodes = 10, pods = 60, minutes = 10, restMinutes = 10, lost = 0, faults, sabotage, log, stopwatch = () => 0 } = options;
  const began = stopwatch();
  const rates = { ...DEFAULT_RATES, ...faults };
  const cluster = new SimulatedCluster({ seed, nodes, rates, lost, size: sizeFor(seed, nodes - lost, pods), ...(sabotage && { sabotage }), ...(log && { log }) });
  const workload = new Workload(cluster, chanceOf(seed, 'workload'), pods);
  const chaos = new Chaos(cluster, workload, chanceOf(seed, 'chaos'));
  try {
    await cluster.boot();
    workload.begin();
    await chaos.run(minutes * MINUTE_MS);
    if (await converge(cluster)) await restQuietly(cluster, restMinutes);
    await cluster.shutDown();
    checkNothingLeft(cluster);
  } catch (error) {
    cluster.violated(`the simulation broke off: ${errorMessage(error)}`);
  }
  const { clock, violations, trace, oracle } = cluster;
  const stats = Object.fromEntries([
    ...[...chaos.stats].map(([what, count]) => [`chaos: ${what}`, count] as const),
    ...[...cluster.commits].map(([what, count]) => [`commits: ${what}`, count] as const),
    ...[...workload.refused].map(([reason, count]) => [`user refused: ${reason}`, count] as const),
    ['binds', oracle.binds],
    ['timers fired', clock.fired],
    ['processes failed', cluster.processes.reduce((sum, { failures }) => sum + failures.length, 0)],
  ]);
  return {
    ok: violations.length === 0, seed, violations, traceHash: trace.digest(), commits: oracle.revision, virtualMs: clock.monotonic(), realMs: stopwatch() - began, stats, tail: trace.tail,
  };
}

/** Half of the clusters have twice the room they need, the others a quarter more than that. */
export function sizeFor(seed: number, nodes: number, pods: number): { cpu: number; memoryGi: number } {
  const room = chanceOf(seed, 'size').pick([1.25, 2]);
  return { cpu: Math.max(1, Math.ceil((pods * POD_MILLI_CPU * room) / nodes / 1000)), memoryGi: 64 };
}

/** Waits until everything is as it is wanted; false, and told as violations, when that takes too long. */
export async function converge(cluster: Judged & Pick<SimulatedCluster, 'clock' | 'violated'>): Promise<boolean> {
  const { clock } = cluster;
  const end = clock.monotonic() + CONVERGE_MS;
  await clock.advance(AFTERMATH_MS);
  for (;;) {
    await clock.advance(LOOK_MS);
    const problems = unsettled(cluster);
    if (problems.length === 0) return true;
    if (clock.monotonic() < end) continue;
    for (const problem of problems.slice(0, 10)) cluster.violated(`not converged: ${problem}`);
    return false;
  }
}

/** At rest nobody writes but the heartbeats, and expired events go; and everything stays as it is wanted. */
export async function restQuietly(cluster: SimulatedCluster, minutes: number, problems: () => readonly string[] = () => unsettled(cluster)): Promise<void> {
  const { clock, commits } = cluster;
  // Events that still wait to be written may come.
  await clock.advance(MINUTE_MS);
  const before = new Map(commits);
  const heartbeats = new Set(['coordination.k8s.io/leases', 'core/nodes', 'core/events deleted']);
  await clock.advance(minutes * MINUTE_MS);
  for (const [what, count] of commits) {
    const more = count - (before.get(what) ?? 0);
    if (more > 0 && !heartbeats.has(what)) cluster.violated(`not quiet: ${more} commits of ${what} within ${minutes} minutes of rest`);
  }
  const beats = (what: string): number => (commits.get(what) ?? 0) - (before.get(what) ?? 0);
  const nodes = cluster.nodes.length;
  // A lease is renewed every ten seconds, and a node's status told every five minutes.
  const [renewals, tellings] = [nodes * (minutes * 6 + 1), nodes * (Math.ceil(minutes / 5) + 1)];
  if (beats('coordination.k8s.io/leases') > renewals) cluster.violated(`not quiet: ${beats('coordination.k8s.io/leases')} renewals of leases within ${minutes} minutes`);
  if (beats('core/nodes') > tellings) cluster.violated(`not quiet: ${beats('core/nodes')} writes of nodes within ${minutes} minutes`);
  for (const problem of problems().slice(0, 10)) cluster.violated(`did not stay converged: ${problem}`);
  await clock.settle();
  for (const problem of (await staleCaches(cluster)).slice(0, 10)) cluster.violated(`a cache is wrong: ${problem}`);
}

/** After the end nothing waits, and nobody watches. */
export function checkNothingLeft(cluster: SimulatedCluster): void {
  const { clock, store, processes } = cluster;
  if (clock.pending > 0) cluster.violated(`${clock.pending} timers are left`);
  if (store.watches > 0) cluster.violated(`${store.watches} watches of the store are left`);
  for (const { name, watches } of processes) if (watches > 0) cluster.violated(`${watches} watches of process ${name} are left`);
}
