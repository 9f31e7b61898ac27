import { type Deployment, Deployment as DeploymentKind, errorMessage, HorizontalPodAutoscaler } from '@orrery/core';
import { misbehaviour, type Scaled, turnsOf } from './autoscaling/judge.js';
import { loadOf, type Shape, SharedLoad } from './autoscaling/load.js';
import { type Sabotage, SimulatedCluster } from './cluster.js';
import { NO_FAULTS, type Rates } from './faults.js';
import { NAMESPACE } from './mixed/recipes.js';
import { ScaleOracle } from './oracles/scale-oracle.js';
import { chanceOf } from './seeds.js';
import { checkNothingLeft, MINUTE_MS, type SimulationResult } from './simulate.js';

/** What to simulate. */
export interface AutoscalerSimulationOptions {
  readonly seed: number;
  readonly shape: Shape;
  /** Machines. Default 3. */
  readonly nodes?: number;
  readonly sabotage?: Sabotage;
  readonly log?: (line: string) => void;
  readonly stopwatch?: () => number;
}

/** What came of it, with every number of replicas. */
export interface AutoscalerResult extends SimulationResult {
  readonly history: readonly Scaled[];
  readonly turns: number;
}

/** The command that runs the same again. */
export const autoscalerCommandFor = ({ seed, nodes = 3 }: Omit<AutoscalerSimulationOptions, 'shape'>): string => `npm run simulate -- --autoscaler --seed ${seed} --nodes ${nodes}`;

/** Troubles on the way to the server, in half of the runs: numbers are late, and looks fail. Machines stay well, so that the load is all that changes. */
const ROUGH: Rates = { ...NO_FAULTS, storeConflict: 0.01, storeRefused: 0.005, storeSlow: 0.02, watchDelay: 0.02, requestRefused: 0.01, requestSlow: 0.02, watchReset: 0.001, compactions: 0.2 };
const REQUEST_MILLIS = 200;
const NAME = 'service';
const DEPLOYMENT = `/registry/apps/deployments/${NAMESPACE}/${NAME}`;
const HOUR_MS = 60 * MINUTE_MS;

/** An hour of one Deployment under a load that its pods share, scaled by the use of cpu with the default behaviour. */
export async function simulateAutoscaler(options: AutoscalerSimulationOptions): Promise<AutoscalerResult> {
  const { seed, shape, nodes = 3, sabotage, log, stopwatch = () => 0 } = options;
  const began = stopwatch();
  const random = chanceOf(seed, shape);
  const [min, max, utilization] = [1 + random.int(3), 8 + random.int(5), 50 + random.int(31)];
  const target = (REQUEST_MILLIS * utilization) / 100;
  const load = loadOf(shape, random, random.int(3) * target, (4 + random.int(max - 2)) * target * 0.97);
  let startedMs = 0;
  const sinceStart = (ms: number): number => load.at(Math.max(0, ms - startedMs));
  const history: Scaled[] = [];
  const cluster: SimulatedCluster = new SimulatedCluster({
    seed, nodes, rates: random.chance(0.5) ? ROUGH : NO_FAULTS, size: { cpu: 8, memoryGi: 64 }, ...(sabotage && { sabotage }), ...(log && { log }),
    metrics: { usage: [{ nodes: () => [], pods: () => new SharedLoad(cluster.clock, () => cluster.nodes, sinceStart, REQUEST_MILLIS).pods() }] },
    committed: (commit, atMs) => {
      scale.committed(commit);
      const write = commit.writes.find(({ key }) => key === DEPLOYMENT);
      const replicas = write === undefined || 'delete' in write ? undefined : (write.value as unknown as Deployment).spec.replicas;
      if (replicas !== undefined && history.at(-1)?.replicas !== replicas) history.push({ atMs: Math.max(0, atMs - startedMs), replicas });
    },
  });
  const { clock, oracle, weather } = cluster;
  const scale = new ScaleOracle({ oracle, now: () => clock.monotonic(), wall: () => clock.now(), violated: (what) => cluster.violated(what) });
  try {
    await cluster.boot();
    startedMs = clock.monotonic();
    await create(cluster, min, max, utilization);
    weather.bad = true;
    await clock.advance(HOUR_MS);
    weather.bad = false;
    for (const problem of misbehaviour({ history, load: load.at, target, min, max, endMs: HOUR_MS, turns: load.turns }).slice(0, 10)) cluster.violated(`${shape}: ${problem}`);
    await cluster.shutDown();
    checkNothingLeft(cluster);
  } catch (error) {
    cluster.violated(`the simulation broke off: ${errorMessage(error)}`);
  }
  const { violations, trace } = cluster;
  return {
    ok: violations.length === 0, seed, violations, traceHash: trace.digest(), commits: oracle.revision, virtualMs: clock.monotonic(), realMs: stopwatch() - began,
    stats: { turns: turnsOf(history), changes: history.length - 1, most: Math.max(...history.map(({ replicas }) => replicas)) }, tail: trace.tail, history, turns: turnsOf(history),
  };
}

async function create({ user }: SimulatedCluster, min: number, max: number, averageUtilization: number): Promise<void> {
  const labels = { app: NAME };
  const metadata = { name: NAME, namespace: NAMESPACE };
  const containers = [{ name: 'main', image: 'sim:v1', command: ['serve'], resources: { requests: { cpu: `${REQUEST_MILLIS}m`, memory: '64Mi' } } }];
  const spec = { replicas: min, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 2 } } };
  await user.kind(DeploymentKind).create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec } as Deployment);
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }];
  const scaler = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: NAME }, minReplicas: min, maxReplicas: max, metrics };
  await user.kind(HorizontalPodAutoscaler).create({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata, spec: scaler } as HorizontalPodAutoscaler);
}
