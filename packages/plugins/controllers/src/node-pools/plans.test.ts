import { NODE_POOL_LABEL, type NodeInfo, type Pod } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { basicFilter, refusalOf } from './fit.js';
import { drained, drainedSince, infoOf, nodeOfPool, undrained, withPod } from './node-info.js';
import { planScaleDown } from './plan-down.js';
import { planScaleUp, type PoolView, type ScaleUpView } from './plan-up.js';

const filtersOf = () => [basicFilter];
let serial = 0;
const pod = (cpu: number, more: { readonly spec?: object; readonly owner?: string; readonly annotations?: Record<string, string> } = {}): Pod => {
  serial += 1;
  const owner = more.owner ?? 'ReplicaSet';
  const ownerReferences = owner === '' ? [] : [{ apiVersion: 'apps/v1', kind: owner, name: 'o', uid: 'o', controller: true }];
  return make({
    apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${serial}`, namespace: 'default', uid: `u${serial}`, ownerReferences, annotations: more.annotations },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: `${cpu}m` } } }], ...more.spec }, status: { phase: 'Running' },
  });
};
const pool = (name: string, cpu: number, over: Partial<PoolView['pool']> = {}): PoolView['pool'] => ({ name, min: 0, max: 10, template: { allocatable: { cpu: `${cpu}m`, memory: '8Gi', pods: '20' } }, ...over });
const view = (over: Partial<ScaleUpView>): ScaleUpView => ({ pods: [], pools: [], nodes: [], fresh: [], draining: [], filtersOf, ...over });
const sized = (one: PoolView['pool'], size = 0, upcoming = 0): PoolView => ({ pool: one, size, upcoming, leaving: 0 });

describe('growing', () => {
  it('puts pods together on as few new nodes as will do, of the cheapest pool that will', () => {
    const pods = [pod(600), pod(300), pod(600), pod(400), pod(3000)];
    const plan = planScaleUp(view({ pods, pools: [sized(pool('large', 4000, { price: 5 })), sized(pool('small', 1000, { price: 1 }))] }));
    // 3000, 600 and 400 fill the large one, which must be there; 600 and 300 share a small one.
    expect(Object.fromEntries(plan.add)).toEqual({ large: 1, small: 1 });
    expect(plan.unhelped).toEqual([]);
    expect(plan.helped.map(({ pool: name }) => name)).toEqual(['large', 'large', 'small', 'large', 'small']);
  });

  it('says why no pool will do', () => {
    const gpu = { containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '1' } } }] };
    const picky = { nodeSelector: { disk: 'ssd' } };
    const pools = [sized(pool('full', 1000, { max: 2 }), 2), sized(pool('tainted', 1000, { template: { allocatable: { cpu: '1', pods: '20' }, taints: [{ key: 'only', value: 'db', effect: 'NoSchedule' }] } }))];
    const plan = planScaleUp(view({ pods: [pod(100), pod(0, { spec: gpu }), pod(5, { spec: picky })], pools }));
    expect(plan.add.size).toBe(0);
    expect(plan.unhelped.map(({ reasons }) => reasons)).toEqual([
      ['tainted: node(s) had untolerated taint {only: db}', 'full: max node group size reached'].sort(),
      ["full: node(s) didn't match Pod's node affinity/selector", 'tainted: node(s) had untolerated taint {only: db}'],
      ['full: Insufficient example.com/gpu', 'tainted: node(s) had untolerated taint {only: db}'],
    ]);
  });

  it('waits for what is on its way, or new, and keeps what is being drained', () => {
    const one = pool('a', 1000);
    expect(planScaleUp(view({ pods: [pod(800)], pools: [sized(one, 1, 1)] })).add.size).toBe(0);
    expect(planScaleUp(view({ pods: [pod(800)], pools: [sized(one, 1)], fresh: [nodeOfPool(one, 'n1')] })).add.size).toBe(0);
    const drained = nodeOfPool(one, 'n2');
    const closed: NodeInfo = { ...drained, node: { ...drained.node, spec: { unschedulable: true, taints: [{ key: 'autoscaling.orrery.dev/to-be-removed', effect: 'NoSchedule' }] } } };
    const plan = planScaleUp(view({ pods: [pod(800)], pools: [sized(one, 1)], draining: [closed] }));
    expect([plan.keep, plan.add.size]).toEqual([['n2'], 0]);
  });

  it('fills pools up to their minimum', () => expect(planScaleUp(view({ pools: [sized(pool('a', 1000, { min: 3 }), 1)] })).add.get('a')).toBe(2));

  it('never goes above a maximum, helps every pod that it can, and has nothing to add once that is on its way', () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 50, max: 5000 }), { maxLength: 40 }),
        fc.array(fc.record({ cpu: fc.integer({ min: 500, max: 4000 }), max: fc.integer({ min: 0, max: 6 }), price: fc.integer({ min: 0, max: 2 }) }), { minLength: 1, maxLength: 3 }),
        (sizes, shapes) => {
          const pods = sizes.map((cpu) => pod(cpu));
          const pools = shapes.map(({ cpu, max, price }, i) => sized(pool(`p${i}`, cpu, { max, price })));
          const plan = planScaleUp(view({ pods, pools }));
          expect(plan.helped.length + plan.unhelped.length).toBe(pods.length);
          for (const { pool: { name, max } } of pools) expect(plan.add.get(name) ?? 0).toBeLessThanOrEqual(max);
          for (const { pod: left } of plan.unhelped) {
            for (const { pool: one } of pools) if ((plan.add.get(one.name) ?? 0) < one.max) expect(refusalOf(left, nodeOfPool(one, 'x'), [], [basicFilter])).toBeDefined();
          }
          const after = planScaleUp(view({ pods, pools: pools.map(({ pool: one }) => sized(one, plan.add.get(one.name) ?? 0, plan.add.get(one.name) ?? 0)) }));
          // Packed anew from the same nodes it may need others, but never more than there is room for, and it settles.
          for (const { pool: { name, max } } of pools) expect((plan.add.get(name) ?? 0) + (after.add.get(name) ?? 0)).toBeLessThanOrEqual(max);
          expect(after.unhelped.length).toBeLessThanOrEqual(plan.unhelped.length);
        },
      ),
    ));
});

describe('shrinking', () => {
  const one = pool('a', 1000, { min: 1 });
  const on = (name: string, ...pods: Pod[]): NodeInfo => pods.reduce(withPod, nodeOfPool(one, name));
  const plan = (infos: readonly NodeInfo[], size = infos.length, min = 1, leaving = 0) =>
    planScaleDown({ pools: [{ pool: { ...one, min }, size, upcoming: 0, leaving }], candidates: infos.map((info) => ({ info, pool: 'a' })), nodes: infos, threshold: 0.5, filtersOf });

  it('empty nodes go first, then those whose pods have a place elsewhere', () => {
    expect(plan([on('n1', pod(300)), on('n2'), on('n3', pod(700))]).map(({ node, empty }) => [node, empty])).toEqual([['n2', true], ['n1', false]]);
  });
  it('well used nodes stay, and those whose pods would have no place', () => {
    expect(plan([on('n1', pod(600)), on('n2', pod(400)), on('n3', pod(700))])).toMatchObject([{ node: 'n2' }]);
    expect(plan([on('n1', pod(400)), on('n2', pod(700))])).toEqual([]);
  });
  it('a pool keeps its minimum', () => expect(plan([on('n1'), on('n2'), on('n3')], 3, 2)).toHaveLength(1));
  it('also while others of its nodes are being drained, or are silent', () => {
    expect(plan([on('n2'), on('n3')], 3, 2, 1)).toEqual([]);
    expect(plan([on('n2'), on('n3')], 3, 1, 1)).toHaveLength(1);
  });
  it('pods of DaemonSets go with their node; those that nobody would make anew, or that say so, keep theirs', () => {
    expect(plan([on('n1', pod(100, { owner: 'DaemonSet' })), on('n2', pod(700))])).toMatchObject([{ node: 'n1', empty: true }]);
    expect(plan([on('n1', pod(100, { owner: '' })), on('n2', pod(700))])).toEqual([]);
    expect(plan([on('n1', pod(100, { annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } })), on('n2', pod(700))])).toEqual([]);
  });

  it('never leaves a pod without a place, nor a pool below its minimum', () =>
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 10, max: 500 }), { maxLength: 4 }), { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 4 }), (nodes, min) => {
        const infos = nodes.map((sizes, i) => {
          let sum = 0;
          return on(`n${i}`, ...sizes.filter((cpu) => (sum += cpu) <= 1000).map((cpu) => pod(cpu)));
        });
        const gone = new Set(plan(infos, infos.length, min).map(({ node }) => node));
        expect(infos.length - gone.size).toBeGreaterThanOrEqual(Math.min(min, infos.length));
        // First fit, as the scheduler might do it: the pods of all that go together still have room.
        const room = infos.filter(({ name }) => !gone.has(name)).reduce((sum, { allocatable, requested }) => sum + (allocatable['cpu'] ?? 0) - (requested['cpu'] ?? 0), 0);
        const moving = infos.filter(({ name }) => gone.has(name)).reduce((sum, { requested }) => sum + (requested['cpu'] ?? 0), 0);
        expect(moving).toBeLessThanOrEqual(room);
      }),
    ));
});

describe('a node that is drained', () => {
  const node = nodeOfPool(pool('a', 1000), 'n1').node;
  const now = '2026-01-01T00:00:00Z';
  it('is open again when that is called off', () => {
    expect(drainedSince(drained(node, now))).toBe(Date.UTC(2026, 0, 1));
    expect(undrained(drained(node, now)).spec).toEqual({});
  });
  it('stays closed when somebody else had closed it before', () => {
    const cordoned = { ...node, spec: { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' as const }] } };
    expect(undrained(drained(cordoned, now)).spec).toEqual(cordoned.spec);
  });
});

it('a node of a pool is what its template says', () => {
  const info = nodeOfPool(pool('a', 1000, { template: { allocatable: { cpu: '2', pods: '3' }, labels: { disk: 'ssd' } } }), 'n1');
  expect(info.node.metadata.labels).toEqual({ 'kubernetes.io/hostname': 'n1', disk: 'ssd', [NODE_POOL_LABEL]: 'a' });
  expect(info.allocatable).toEqual({ cpu: 2000, pods: 3 });
  expect(infoOf(info.node, [pod(300)]).requested['cpu']).toBe(300);
});
