import { daemonSetController, statefulSetController } from '@orrery/controllers';
import { describe, expect, it } from 'vitest';
import { Chaos } from './chaos.js';
import { SimulatedCluster } from './cluster.js';
import { allControllers } from './control-plane.js';
import { DEFAULT_RATES } from './faults.js';
import { IdentityWorkload, unsettledIdentities } from './identity-workload.js';
import { chanceOf } from './seeds.js';
import { converge } from './simulate.js';

const MINUTE_MS = 60_000;
const controllers = () => [...allControllers().filter(({ name }) => name !== 'statefulset' && name !== 'daemonset'), statefulSetController(), daemonSetController()];

/** Waits until all is as it is wanted, or answers what is not. */
async function settled({ clock, oracle }: SimulatedCluster): Promise<string[]> {
  const end = clock.monotonic() + 20 * MINUTE_MS;
  for (;;) {
    const problems = unsettledIdentities(oracle);
    if (problems.length === 0 || clock.monotonic() >= end) return problems;
    await clock.advance(5_000);
  }
}

/** Bad weather over StatefulSets and DaemonSets; answers what was not right in the end. */
async function storm(seed: number): Promise<readonly string[]> {
  const cluster = new SimulatedCluster({ seed, nodes: 6, rates: { ...DEFAULT_RATES, changes: 8 }, size: { cpu: 8, memoryGi: 64 }, sabotage: { controllers } });
  const workload = new IdentityWorkload(cluster, chanceOf(seed, 'workload'));
  const chaos = new Chaos(cluster, workload, chanceOf(seed, 'chaos'));
  const { clock, violations } = cluster;
  await cluster.boot();
  workload.begin();
  await chaos.run(5 * MINUTE_MS);
  await converge(cluster);
  const problems = await settled(cluster);
  const rolled = workload.finale();
  await clock.advance(10_000);
  await rolled;
  problems.push(...(await settled(cluster)));
  await clock.advance(MINUTE_MS);
  const before = new Map(cluster.commits);
  await clock.advance(10 * MINUTE_MS);
  for (const what of ['apps/statefulsets', 'apps/daemonsets', 'apps/controllerrevisions', 'core/pods']) {
    if ((cluster.commits.get(what) ?? 0) !== (before.get(what) ?? 0)) cluster.violated(`not quiet: ${what} are written at rest`);
  }
  await cluster.shutDown();
  return [...violations, ...problems];
}

describe('StatefulSets and DaemonSets in bad weather', () => {
  for (let seed = 3001; seed <= 3012; seed += 1) {
    it(`come to rest as they are wanted, seed ${seed}`, async () => {
      expect(await storm(seed)).toEqual([]);
    });
  }
});
