import { errorMessage } from '@orrery/core';
import { Chaos } from './chaos.js';
import { staleCaches } from './checks.js';
import { PLANE_RATES, type Rates } from './faults.js';
import type { Plane } from './plane.js';
import { PlanesCluster, type PlanesOptions } from './planes-cluster.js';
import { chanceOf } from './seeds.js';
import { converge, MINUTE_MS, type SimulationResult, sizeFor } from './simulate.js';
import { Workload } from './workload.js';

/** How several control planes are simulated. */
export interface PlanesSimulationOptions {
  readonly seed: number;
  /** Default 2. */
  readonly planes?: number;
  /** Default 4. */
  readonly nodes?: number;
  /** Pods wanted at the same time, at most. Default 20. */
  readonly pods?: number;
  /** Virtual minutes with faults and changes; then it has to converge. Default 3. */
  readonly minutes?: number;
  /** Rates that differ from {@link PLANE_RATES}. */
  readonly faults?: Partial<Rates>;
  readonly sabotage?: PlanesOptions['sabotage'];
  /** Told of warnings of the parts as they come. */
  readonly log?: (line: string) => void;
  /** Real milliseconds; only for `realMs`. Default: none are measured. */
  readonly stopwatch?: () => number;
}

/** A run, and how its last leader was replaced in good weather. */
export interface PlanesResult extends SimulationResult {
  readonly takeover?: { readonly how: Loss; readonly ms: number };
}

/** The command that runs the same again; of sabotage it knows nothing. */
export function planesCommandFor({ seed, planes = 2, nodes = 4, pods = 20, minutes = 3, faults = {} }: PlanesSimulationOptions): string {
  const rates = Object.entries(faults).map(([name, rate]) => ` --fault ${name}=${rate}`);
  return `npm run simulate -- --planes ${planes} --seed ${seed} --nodes ${nodes} --pods ${pods} --minutes ${minutes}${rates.join('')}`;
}

/** How a leader is lost. */
const LOSSES = ['kill', 'stop', 'freeze', 'cut', 'shutDown'] as const;
type Loss = (typeof LOSSES)[number];

/** Default times of leader election: the time to live, and a retry that comes late by a fifth. */
const TAKEOVER_MS = 3_000 + 750 * 1.2;
const RETRY_MS = 750 * 1.2;
const AGAIN_MS = 10_000;

/** Runs a cluster with several control planes in virtual time with faults from a seed, takes its leader away in the end, and asks whether all promises were kept. */
export async function simulatePlanes(options: PlanesSimulationOptions): Promise<PlanesResult> {
  const { seed, planes = 2, nodes = 4, pods = 20, minutes = 3, faults, sabotage, log, stopwatch = () => 0 } = options;
  const began = stopwatch();
  const cluster = new PlanesCluster({ seed, planes, nodes, rates: { ...PLANE_RATES, ...faults }, size: sizeFor(seed, nodes, pods), ...(sabotage && { sabotage }), ...(log && { log }) });
  const workload = new Workload(cluster, chanceOf(seed, 'workload'), pods);
  const chaos = new Chaos(cluster, workload, chanceOf(seed, 'chaos'));
  let takeover: { how: Loss; ms: number } | undefined;
  try {
    await cluster.boot();
    workload.begin();
    await chaos.run(minutes * MINUTE_MS);
    const converged = await converge(cluster);
    const { leader } = cluster;
    // Told also where nothing converged: that is what becomes of a cluster without a leader.
    if (leader === undefined) cluster.violated('nobody leads in good weather');
    else if (converged) {
      takeover = await replaceLeader(cluster, leader, chanceOf(seed, 'loss').pick(LOSSES));
      workload.change();
      workload.change();
      if (await converge(cluster)) for (const problem of (await staleCaches(cluster)).slice(0, 10)) cluster.violated(`a cache is wrong: ${problem}`);
    }
    await cluster.shutDown();
    if (cluster.clock.pending > 0) cluster.violated(`${cluster.clock.pending} timers are left`);
    if (cluster.watches > 0) cluster.violated(`${cluster.watches} watches of the store are left`);
  } catch (error) {
    cluster.violated(`the simulation broke off: ${errorMessage(error)}`);
  }
  const { clock, violations, trace, oracle, fences } = cluster;
  const stats = Object.fromEntries([
    ...[...chaos.stats].map(([what, count]) => [`chaos: ${what}`, count] as const),
    ...[...cluster.commits].map(([what, count]) => [`commits: ${what}`, count] as const),
    ...[...workload.refused].map(([reason, count]) => [`user refused: ${reason}`, count] as const),
    ['binds', oracle.binds], ['commits under a fence', fences.fenced], ['terms', fences.terms], ['refused for their fence', cluster.refused],
    ['processes failed', [...cluster.planes, ...cluster.processes].reduce((sum, { failures }) => sum + failures.length, 0)],
  ]);
  const result = { ok: violations.length === 0, seed, violations, traceHash: trace.digest(), commits: oracle.revision, virtualMs: clock.monotonic(), realMs: stopwatch() - began, stats, tail: trace.tail };
  return takeover === undefined ? result : { ...result, takeover };
}

/** Takes the leader away; another has to lead in time. Then it comes back. */
async function replaceLeader(cluster: PlanesCluster, old: Plane, how: Loss): Promise<{ how: Loss; ms: number }> {
  const { clock } = cluster;
  const began = clock.monotonic();
  lose(old, how);
  const successor = (): Plane | undefined => cluster.planes.find((plane) => plane !== old && plane.ready && plane.leads);
  const limit = how === 'shutDown' ? RETRY_MS : TAKEOVER_MS;
  await clock.until(() => successor() !== undefined, 10 * limit, `another plane leading after "${how}"`);
  const ms = clock.monotonic() - began;
  if (ms > limit + 1) cluster.violated(`it took ${ms} ms until another led after "${how}"; ${limit} ms are promised`);
  await clock.advance(AGAIN_MS);
  if (how === 'kill' || how === 'shutDown') old.start();
  old.clock.resume();
  old.cut = false;
  await clock.advance(AGAIN_MS);
  const leaders = cluster.planes.filter(({ leads }) => leads);
  if (leaders.length !== 1) cluster.violated(`${leaders.length} planes believe that they lead, ${AGAIN_MS} ms after the last came back`);
  return { how, ms };
}

function lose(plane: Plane, how: Loss): void {
  if (how === 'kill') plane.kill();
  else if (how === 'shutDown') plane.shutDown();
  else if (how === 'cut') plane.cut = true;
  else plane.clock[how]();
}
