import { ApiError, OrreryError } from '@orrery/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeCluster, seeded } from '../test-support/fake-cluster.js';
import { aNode, aPod } from '../test-support/objects.js';

/**
 * Pods come and go, nodes go and return, binds are slow, refused, lost before or after they happened, and the watch lags. Whatever
 * happens, the store never shows a node with more than it has, no pod is bound twice, and in the end everything that fits is bound.
 */
async function live(seed: number): Promise<void> {
  const random = seeded(seed);
  const cluster = new FakeCluster();
  const never = new AbortController().signal;
  let faults = true;
  const trouble = async (after: boolean): Promise<void> => {
    if (!faults) return;
    if (random.float() < 0.5) await cluster.clock.sleep(random.int(3_000), never);
    if (random.float() < 0.15) throw new OrreryError('OUTCOME_UNKNOWN', 'The connection was lost.');
    if (!after && random.float() < 0.1) throw ApiError.conflict({ group: '', plural: 'pods' }, 'pod', 'try again');
  };
  cluster.beforeBind = () => trouble(false);
  cluster.afterBind = () => trouble(true);
  const nodes = 1 + random.int(4);
  for (let i = 0; i < nodes; i++) cluster.putNode(aNode(`n${i}`, { allocatable: { cpu: `${1 + random.int(3)}`, pods: `${2 + random.int(6)}` } }));
  const { engine, stop } = await cluster.start(undefined, { maxBindsInFlight: 1 + random.int(20), maxClasses: 1 + random.int(3) }, seed);
  const alive = new Set<string>();
  for (let turn = 0; turn < 60; turn++) {
    const dice = random.float();
    if (dice < 0.6) {
      const name = `p${turn}`;
      alive.add(name);
      cluster.put(aPod(name, { requests: { cpu: `${100 * (1 + random.int(9))}m` }, spec: { priority: random.int(3) } }));
    } else if (dice < 0.8) {
      const name = [...alive][random.int(Math.max(1, alive.size))];
      if (name !== undefined && alive.delete(name)) cluster.remove(name);
    } else if (dice < 0.87) cluster.pods.held ??= [];
    else if (dice < 0.95) cluster.pods.release();
    else {
      const name = `n${random.int(nodes)}`;
      const node = cluster.storedNodes.get(name);
      if (node !== undefined) {
        cluster.removeNode(name);
        await cluster.clock.advance(random.int(2_000));
        cluster.putNode(node);
      }
    }
    await cluster.clock.advance(random.int(1_500));
  }
  faults = false;
  cluster.pods.release();
  await cluster.clock.advance(60_000);
  expect(cluster.oversubscribed).toEqual([]);
  expect(cluster.errors.filter((error) => !error.includes('was refused'))).toEqual([]);
  for (const name of alive) {
    if (cluster.nodeOf(name) !== undefined) continue;
    const explanation = await engine.explain({ namespace: 'default', name });
    expect([name, explanation.state]).toEqual([name, 'unschedulable']);
  }
  await stop();
  expect(cluster.clock.pending).toBe(0);
}

it('no node is ever given more than it has, and what fits is bound in the end', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), live), { numRuns: 60 });
});
