import fc from 'fast-check';
import { labelMatcher, type FilterPlugin, type Pod, type SchedulerProfile, type ScorePlugin } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../engine/evaluate.js';
import { defaultProfile } from '../profile.js';
import { ClusterState, podId } from '../state/cluster.js';
import { FakeVolumes, aClaim, aClass, aVolume, boundClaim, using } from '../test-support/fake-volumes.js';
import { aNode, aPod } from '../test-support/objects.js';
import { seeded } from '../test-support/fake-cluster.js';
import { compileProfile } from './compiled-profile.js';
import { diagnose } from './diagnosis.js';
import { PodClass } from './pod-class.js';

// What is kept incrementally must always equal what a fresh look at everything says.

const ZONE = 'topology.kubernetes.io/zone';
const PREFERRED = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [['disk', 'ssd', 7], ['disk', 'hdd', 3], [ZONE, 'z1', 5]].map(([key, value, weight]) => ({ weight, preference: { matchExpressions: [{ key, operator: 'In', values: [value] }] } })) } };
const web = { matchLabels: { app: 'web' } };

/** Pods of several kinds, by number. */
function podOf(kind: number, name: string, nodeName?: string): Pod {
  const spec = nodeName === undefined ? {} : { nodeName };
  const labels = { app: kind % 2 === 0 ? 'web' : 'db' };
  switch (kind % 8) {
    case 1:
      return aPod(name, { requests: { cpu: '900m', memory: '1Gi' }, labels, spec: { ...spec, affinity: PREFERRED as never } });
    case 2:
      return aPod(name, { labels, spec: { ...spec, containers: [{ name: 'c', image: 'big', ports: [{ containerPort: 80, hostPort: 80 }] }] as never } });
    case 3:
      return aPod(name, { requests: { cpu: '100m', 'example.com/gpu': '1' }, labels, spec: { ...spec, tolerations: [{ key: 'maint', operator: 'Exists' }] } });
    case 4:
      return aPod(name, { labels, spec: { ...spec, topologySpreadConstraints: [{ maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable: 'DoNotSchedule', labelSelector: web }] } });
    case 5:
      return aPod(name, { labels, spec: { ...spec, topologySpreadConstraints: [{ maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: web }, { maxSkew: 2, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: web }] } });
    case 6:
      return aPod(name, { labels, spec: { ...spec, affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: web }], preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 3, podAffinityTerm: { topologyKey: ZONE, labelSelector: web } }] } } as never } });
    case 7:
      return aPod(name, { labels, spec: { ...spec, affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: ZONE, labelSelector: web }] } } as never } });
    default:
      return aPod(name, { requests: { cpu: '300m', memory: '512Mi' }, labels, spec });
  }
}

const nodeOf = (i: number, variant: number) =>
  aNode(`n${i}`, {
    allocatable: { cpu: `${1 + (variant % 4)}`, memory: `${1 + (variant % 3) * 2}Gi`, pods: `${3 + (variant % 7)}`, ...(variant % 3 === 0 ? { 'example.com/gpu': '2' } : {}) },
    labels: { ...(variant % 5 === 4 ? {} : { [ZONE]: `z${variant % 3}` }), disk: variant % 2 === 0 ? 'ssd' : 'hdd' },
    spec: { unschedulable: variant % 7 === 6, ...(variant % 4 === 1 ? { taints: [{ key: 'maint', effect: variant % 8 === 1 ? 'NoSchedule' : 'PreferNoSchedule' }] } : variant % 9 === 2 ? { taints: ['a', 'b', 'c'].map((key) => ({ key, effect: 'PreferNoSchedule' })) } : {}) },
    status: variant % 2 === 0 ? { images: [{ names: ['big:latest'], sizeBytes: 900_000_000 }] } : {},
  });

type Step =
  | { readonly do: 'node'; readonly node: number; readonly variant: number }
  | { readonly do: 'drop'; readonly node: number }
  | { readonly do: 'place'; readonly pod: number; readonly kind: number; readonly node: number; readonly assume: boolean }
  | { readonly do: 'leave'; readonly pod: number }
  | { readonly do: 'look'; readonly kind: number };

const number = (max: number) => fc.integer({ min: 0, max });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('node' as const), node: number(5), variant: number(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), node: number(5) }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant('place' as const), pod: number(20), kind: number(7), node: number(5), assume: fc.boolean() }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('leave' as const), pod: number(20) }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant('look' as const), kind: number(7) }) },
);

const volumes = new FakeVolumes().put(
  aClass('local', 'kubernetes.io/no-provisioner'),
  aClass('made', 'example.com/made', { allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values: ['z0', 'z1'] }] }] }),
  ...['n0', 'n1', 'n2'].map((host) => aVolume(`on-${host}`, host, { storageClassName: 'local' })),
  ...['local', 'made'].flatMap((storageClassName) => ['a', 'b'].map((name) => aClaim(`${storageClassName}-${name}`, { spec: { storageClassName } }))),
  boundClaim('bound', 'on-n3'),
  aVolume('on-n3', 'n3'),
  boundClaim('alone', 'anywhere', { accessModes: ['ReadWriteOncePod'] }),
  aVolume('anywhere'),
);
const CLAIMS = [['local-a'], ['local-b'], ['made-a'], ['made-b'], ['bound'], ['alone'], ['local-a', 'made-b'], []] as const;

/** Pods that use claims, by number. */
const claimingPod: typeof podOf = (kind, name, nodeName) => aPod(name, { spec: { ...using(...(CLAIMS[kind % 8] ?? [])), ...(nodeName === undefined ? {} : { nodeName }) } });

/** A world that changes step by step, with classes that are asked now and then. */
function walk(steps: readonly Step[], profile: SchedulerProfile, make: typeof podOf = podOf): void {
  const compiled = compileProfile(profile);
  const cluster = new ClusterState();
  const placed = new Map<number, Pod>();
  const classes = new Map<number, PodClass>();
  // Node changes are rare among the steps, for each lets the cluster-wide plugins start afresh.
  for (let i = 0; i < 6; i++) cluster.setNode(nodeOf(i, i * 11));
  for (let kind = 0; kind < 8; kind++) look(kind);
  for (const at of steps) {
    if (at.do === 'node') cluster.setNode(nodeOf(at.node, at.variant));
    else if (at.do === 'drop') cluster.removeNode(`n${at.node}`);
    else if (at.do === 'leave') {
      const pod = placed.get(at.pod);
      if (pod !== undefined) cluster.removePod(podId(pod));
      placed.delete(at.pod);
    } else if (at.do === 'place') {
      const old = placed.get(at.pod);
      if (old !== undefined) cluster.removePod(podId(old));
      const pod = make(at.kind, `placed${at.pod}`, `n${at.node}`);
      placed.set(at.pod, pod);
      if (at.assume) cluster.assume(pod, `n${at.node}`);
      else cluster.setPod(pod);
    } else look(at.kind);
  }
  for (let kind = 0; kind < 8; kind++) look(kind);

  function look(kind: number): void {
    const pod = make(kind, 'asking');
    const kept = classes.get(kind) ?? new PodClass(pod, compiled, cluster);
    classes.set(kind, kept);
    kept.refresh();
    const fresh = evaluate(pod, compiled, cluster);
    for (const { node, refusals, total } of fresh.nodes) expect([node.name, kept.totalOf(node.name)]).toEqual([node.name, refusals.length === 0 ? total : undefined]);
    expect(kept.feasibleCount).toBe(fresh.nodes.filter(({ refusals }) => refusals.length === 0).length);
    const choice = kept.best(seeded(1));
    const most = Math.max(-1, ...fresh.nodes.filter(({ refusals }) => refusals.length === 0).map(({ total }) => total));
    expect(choice?.total ?? -1).toBe(most);
    if (choice === undefined) {
      expect(kept.diagnosis().message).toBe(diagnose(fresh.nodes, fresh.rejected, (i) => fresh.nodes[i]?.refusals[0]).message);
    } else expect(fresh.nodes.find(({ node }) => node.name === choice.node)?.total).toBe(most);
  }
}

describe('PodClass', () => {
  it('always says what a fresh look at everything says (default profile)', () => {
    const group = () => labelMatcher(web);
    fc.assert(fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => walk(steps, defaultProfile('default-scheduler', { belongTogether: group }))), { numRuns: 150 });
  });

  it('does so for plugins that pin nodes, reject pods, look at other nodes or normalise by function', () => {
    const pinning: FilterPlugin = { name: 'Pin', clusterWide: true, preFilter: (_pod, { nodes }) => ({ nodes: nodes.filter(({ pods }) => pods.size < 3).map(({ name }) => name) }), filter: () => ({ ok: true }) };
    const crowded: FilterPlugin = {
      name: 'Crowded',
      clusterWide: true,
      preFilter: (_pod, { nodes }) => (nodes.reduce((sum, { pods }) => sum + pods.size, 0) > 9 ? ({ ok: false, reasons: ['too crowded'], retryWhen: 'pod-changes' } as const) : { skip: false }),
      filter: () => ({ ok: true }),
    };
    const emptiest: ScorePlugin = {
      name: 'Emptiest',
      score: (_pod, { pods }) => pods.size,
      normalize: (scores) => {
        const most = Math.max(1, ...scores);
        scores.forEach((score, i) => (scores[i] = Math.round(100 - (100 * score) / most)));
      },
    };
    const profile = { schedulerName: 'x', filters: [pinning, crowded], scores: [{ plugin: emptiest, weight: 1.5 }] };
    fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => walk(steps, profile)), { numRuns: 100 });
  });

  it('does so for pods with claims', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => walk(steps, defaultProfile('default-scheduler', { volumes }), claimingPod)), { numRuns: 100 });
  });

  it('draws evenly among equals', () => {
    const cluster = new ClusterState();
    for (let i = 0; i < 4; i++) cluster.setNode(aNode(`n${i}`));
    const pods = new PodClass(aPod('p'), compileProfile(defaultProfile()), cluster);
    const random = seeded(7);
    const drawn: Record<string, number> = {};
    for (let i = 0; i < 4_000; i++) {
      const node = pods.best(random)?.node ?? '';
      drawn[node] = (drawn[node] ?? 0) + 1;
    }
    expect(Object.keys(drawn)).toHaveLength(4);
    for (const count of Object.values(drawn)) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('starts afresh when it has missed more changes than are remembered', () => {
    const cluster = new ClusterState();
    cluster.setNode(aNode('n0'));
    const profile = compileProfile(defaultProfile());
    const pods = new PodClass(aPod('p'), profile, cluster);
    const other = aPod('other', { requests: { cpu: '3' }, spec: { nodeName: 'n0' } });
    for (let i = 0; i < 10_001; i++) i % 2 === 0 ? cluster.setPod(other) : cluster.removePod(podId(other));
    for (let i = 0; i < 10_001; i++) i % 2 === 1 ? cluster.setPod(other) : cluster.removePod(podId(other));
    cluster.setPod(other);
    pods.refresh();
    expect(pods.totalOf('n0')).toBe(evaluate(aPod('p'), profile, cluster).nodes[0]?.total);
  });
});
