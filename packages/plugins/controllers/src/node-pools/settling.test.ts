import type { NodeInfo, Pod } from '@orrery/core';
import { SeededRandom } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { basicFilter, refusalOf } from './fit.js';
import { nodeOfPool, withPod } from './node-info.js';
import { planScaleDown } from './plan-down.js';
import { planScaleUp, type PoolView } from './plan-up.js';

// The shipped plans in a small world: nodes that take a while to boot, a scheduler that takes the first node that fits, and views that are late.

const filtersOf = () => [basicFilter];
const BOOT = 3;

interface Shape {
  readonly cpu: number;
  readonly min: number;
  readonly max: number;
}

interface Machine {
  readonly pool: string;
  readonly info: NodeInfo;
  /** Rounds until it is ready. */
  boot: number;
}

interface State {
  readonly machines: readonly Machine[];
  readonly pods: readonly Pod[];
}

const podOf = (name: string, cpu: number): Pod =>
  make({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid: name, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'o', uid: 'o', controller: true }] },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: `${cpu}m` } } }] }, status: { phase: 'Running' },
  });

class Cluster {
  machines: Machine[] = [];
  /** Without a node. */
  pending: Pod[] = [];
  #made = 0;
  readonly pools: readonly PoolView['pool'][];

  constructor(shapes: readonly Shape[]) {
    this.pools = shapes.map(({ cpu, min, max }, i) => ({ name: `pool${i}`, min, max, price: i, template: { allocatable: { cpu: `${cpu}m`, pods: '50' } } }));
  }

  get state(): State {
    return { machines: this.machines.map((one) => ({ ...one })), pods: [...this.pending] };
  }

  sizeOf(pool: string): number {
    return this.machines.filter((one) => one.pool === pool).length;
  }

  views(state: State): PoolView[] {
    // The provider itself is asked, and its answer is the truth; what is late is the view of the nodes and pods.
    return this.pools.map((pool) => ({ pool, size: this.sizeOf(pool.name), leaving: 0, upcoming: this.machines.filter((one) => one.pool === pool.name && (one.boot > 0 || !state.machines.some(({ info, boot }) => info.name === one.info.name && boot === 0))).length }));
  }

  /** A scheduler's and a provider's round. */
  tick(): void {
    for (const machine of this.machines) machine.boot = Math.max(0, machine.boot - 1);
    this.pending = this.pending.filter((pod) => {
      const place = this.machines.findIndex(({ info, boot }) => boot === 0 && refusalOf(pod, info, [], filtersOf()) === undefined);
      const found = this.machines[place];
      if (found === undefined) return true;
      this.machines[place] = { ...found, info: withPod(found.info, pod) };
      return false;
    });
  }

  /** Looks at `seen` and acts, all of it or, with a crash, the first step only. Answers how many steps there were. */
  look(seen: State, crash: boolean): number {
    const ready = seen.machines.filter(({ boot }) => boot === 0);
    const nodes = ready.map(({ info }) => info);
    const up = planScaleUp({ pods: seen.pods, pools: this.views(seen), nodes, fresh: nodes, draining: [], filtersOf });
    const orders = [...up.add].flatMap(([pool, count]) => Array<string>(count).fill(pool));
    for (const pool of crash ? orders.slice(0, 1) : orders) this.#add(pool);
    if (up.helped.length > 0) return orders.length;
    const gone = planScaleDown({ pools: this.views(seen), candidates: ready.map(({ info, pool }) => ({ info, pool })), nodes, threshold: 0.5, filtersOf });
    for (const { node } of crash ? gone.slice(0, 1) : gone) {
      const machine = this.machines.find(({ info }) => info.name === node);
      // Closed, then drained: its pods are made anew and wait.
      this.pending.push(...(machine?.info.pods.values() ?? []));
      this.machines = this.machines.filter((one) => one !== machine);
    }
    return orders.length + gone.length;
  }

  #add(name: string): void {
    const pool = this.pools.find((one) => one.name === name);
    if (pool === undefined) return;
    this.machines.push({ pool: name, info: nodeOfPool(pool, `${name}-${(this.#made += 1)}`), boot: BOOT });
  }
}

const shape = fc.record({ cpu: fc.integer({ min: 1000, max: 4000 }), min: fc.integer({ min: 0, max: 2 }), max: fc.integer({ min: 2, max: 8 }) });

describe('the number of nodes', () => {
  it('stays within its bounds, whatever was seen late or left undone; afterwards every pod that can has a place, and all is quiet', () =>
    fc.assert(
      fc.property(fc.array(shape, { minLength: 1, maxLength: 3 }), fc.array(fc.integer({ min: 50, max: 3500 }), { maxLength: 25 }), fc.integer(), (shapes, sizes, seed) => {
        const random = new SeededRandom(seed);
        const cluster = new Cluster(shapes);
        let before = cluster.state;
        const waiting = sizes.map((cpu, i) => podOf(`p${i}`, cpu));
        for (let round = 0; round < 40; round += 1) {
          // Pods come, and those of some node go.
          if (waiting.length > 0 && random.int(2) === 0) cluster.pending.push(...waiting.splice(0, 1 + random.int(4)));
          const seen = random.int(3) === 0 ? before : cluster.state;
          before = cluster.state;
          const sizes = new Map(cluster.pools.map(({ name }) => [name, cluster.sizeOf(name)]));
          cluster.look(seen, random.int(4) === 0);
          for (const { name, min, max } of cluster.pools) {
            const size = cluster.sizeOf(name);
            expect(size).toBeLessThanOrEqual(max);
            if (size < (sizes.get(name) ?? 0)) expect(size).toBeGreaterThanOrEqual(min);
          }
          cluster.tick();
        }
        cluster.pending.push(...waiting);
        let quiet = 0;
        for (let round = 0; round < 120 && quiet < 10; round += 1) {
          const left = cluster.pending.length;
          const steps = cluster.look(cluster.state, false);
          cluster.tick();
          quiet = steps === 0 && cluster.pending.length === left ? quiet + 1 : 0;
        }
        expect(quiet, 'rounds without a step at the end').toBe(10);
        for (const pod of cluster.pending) {
          for (const pool of cluster.pools) if (cluster.sizeOf(pool.name) < pool.max) expect(refusalOf(pod, nodeOfPool(pool, 'x'), [], filtersOf())).toBeDefined();
        }
      }),
      { numRuns: 60 },
    ));
});
