import { type Node, type Pod, type Taint, timeOfMillis, type Toleration } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { evictionTime } from './eviction.js';
import { conditionStatus, planTaints, readinessTaint, TAINT } from './taints.js';
import { evictionInterval, type EvictionRates, zoneOf } from './zones.js';

const RATES: EvictionRates = { nodesPerSecond: 0.5, secondaryNodesPerSecond: 0.1, unhealthyShare: 0.55, largeZone: 4 };
const FOREIGN: readonly Taint[] = [{ key: 'example.com/gpu', effect: 'NoSchedule' }, { key: 'example.com/gone', effect: 'NoExecute' }, { key: TAINT.unreachable, effect: 'PreferNoSchedule' }];
const OWN = new Set<string>(Object.values(TAINT));
const isOwn = ({ key = '', effect }: Taint): boolean => OWN.has(key) && effect !== 'PreferNoSchedule';
const isEvicting = (node: Node): boolean => (node.spec.taints ?? []).some((taint) => taint.effect === 'NoExecute' && isOwn(taint));
const isUp = (node: Node): boolean => conditionStatus(node, 'Ready') === 'True';

interface Eviction {
  readonly zone: string;
  readonly at: number;
}

/** Nodes of two zones whose conditions come and go, and the controller that taints them, at a limited rate. */
class NodesWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['Node'];
  /** At the slowest rate a node is evicted in ten seconds. */
  readonly patience = 12;
  /** What one process remembers: by zone, from when on the next node may be evicted. */
  readonly next = new Map<string, number>();
  readonly evictions: Eviction[] = [];

  constructor(zones: readonly number[]) {
    zones.forEach((count, zone) => {
      for (let i = 0; i < count; i += 1) {
        const labels = { 'topology.kubernetes.io/zone': `z${zone}` };
        this.api.create<Node>(make({ apiVersion: 'v1', kind: 'Node', metadata: { name: `n${zone}-${i}`, labels }, spec: { taints: FOREIGN.slice(i % 4) }, status: { conditions: [{ type: 'Ready', status: 'True' }] } }));
      }
    });
  }

  get nodes(): readonly Node[] {
    return this.api.list('Node');
  }

  look(caches: ModelCaches): readonly Write[] {
    const nodes = caches.list<Node>('Node');
    return nodes.flatMap((node) => this.#lookAt(node, nodes));
  }

  #lookAt(node: Node, nodes: readonly Node[]): readonly Write[] {
    const zone = zoneOf(node);
    const interval = readinessTaint(node) === undefined ? undefined : evictionInterval(nodes, zone, RATES);
    const mayEvict = interval !== undefined && (isEvicting(node) || (this.next.get(zone) ?? 0) <= this.api.now);
    if (interval !== undefined) {
      // When every node is down it is rather the controller that is cut off; a small zone of which most is down may be, too.
      const here = nodes.filter((one) => zoneOf(one) === zone);
      const down = here.filter((one) => !isUp(one)).length;
      expect(nodes.some(isUp)).toBe(true);
      if (down < here.length && down > 2 && down / here.length >= RATES.unhealthyShare) expect(here.length).toBeGreaterThan(RATES.largeZone);
      expect(interval).toBeGreaterThanOrEqual(1000 / RATES.nodesPerSecond);
    }
    if (mayEvict && !isEvicting(node)) this.next.set(zone, this.api.now + interval);
    const taints = planTaints(node, mayEvict, timeOfMillis(this.api.now));
    if (taints === undefined) return [];
    this.#check(node, taints, mayEvict);
    return [{ kind: 'Node', write: () => this.#write(node, taints) }];
  }

  #check(node: Node, taints: readonly Taint[], mayEvict: boolean): void {
    const before = node.spec.taints ?? [];
    expect(taints.filter((taint) => !isOwn(taint))).toEqual(before.filter((taint) => !isOwn(taint)));
    expect(new Set(taints.map(({ key, effect }) => `${key} ${effect}`)).size).toBe(taints.length);
    if (!mayEvict || isUp(node)) expect(isEvicting({ ...node, spec: { taints: [...taints] } })).toBe(false);
    // One that stays keeps its time: pods would stay longer than they tolerate otherwise.
    for (const old of before) for (const taint of taints) if (taint.key === old.key && taint.effect === old.effect) expect(taint).toEqual(old);
  }

  #write(node: Node, taints: readonly Taint[]): boolean {
    const accepted = this.api.update({ ...node, spec: { ...node.spec, taints: [...taints] } } as Node);
    if (accepted && !isEvicting(node) && isEvicting({ ...node, spec: { taints: [...taints] } })) this.evictions.push({ zone: zoneOf(node), at: this.api.now });
    return accepted;
  }

  happen(chance: Chance): void {
    const node = oneOf(chance, this.nodes);
    if (node === undefined) return;
    const dice = chance(100);
    const condition = (type: string, status: string): void =>
      this.api.change(node, (present) => ({ ...present, status: { ...present.status, conditions: [...(present.status?.conditions ?? []).filter((one) => one.type !== type), { type, status }] } }) as Node);
    if (dice < 60) condition('Ready', oneOf(chance, ['True', 'False', 'Unknown', 'Unknown']) ?? '');
    else if (dice < 75) condition(oneOf(chance, ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable']) ?? '', oneOf(chance, ['True', 'False', 'Unknown']) ?? '');
    else if (dice < 90) this.api.change(node, (present) => ({ ...present, spec: { ...present.spec, unschedulable: chance(2) === 0 } }));
    else this.api.change(node, (present) => ({ ...present, spec: { ...present.spec, taints: (present.spec.taints ?? []).slice(chance(2)) } }));
  }

  others(): void {
    // Nobody else has anything to do here.
  }

  checkRest(): void {
    for (const node of this.nodes) {
      const taints = new Set((node.spec.taints ?? []).map(({ key, effect }) => `${key} ${effect}`));
      for (const [status, key] of [['False', TAINT.notReady], ['Unknown', TAINT.unreachable]] as const) expect(taints.has(`${key} NoSchedule`)).toBe(conditionStatus(node, 'Ready') === status);
      expect(taints.has(`${TAINT.memoryPressure} NoSchedule`)).toBe(conditionStatus(node, 'MemoryPressure') === 'True');
      expect(taints.has(`${TAINT.unschedulable} NoSchedule`)).toBe(node.spec.unschedulable === true);
      expect(isEvicting(node)).toBe(!isUp(node) && evictionInterval(this.nodes, zoneOf(node), RATES) !== undefined);
    }
  }
}

const zones = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 2 });

describe('the taints of nodes', () => {
  it('are those of others and what the conditions say; nodes are evicted one by one, and none when all are silent; it settles, and then plans nothing', () => {
    fc.assert(
      fc.property(zones, courses, (counts, course) => {
        const world = new NodesWorld(counts);
        // One process: a new one has forgotten when it evicted last.
        endure(world, course.map(([what, seed]) => [Math.min(what, 8), seed] as const), { staleStarts: false });
        settle(world);
        world.checkRest();
        for (const zone of new Set(world.evictions.map((one) => one.zone))) {
          const times = world.evictions.filter((one) => one.zone === zone).map(({ at }) => at);
          times.forEach((at, i) => i > 0 && expect(at - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(1000 / RATES.nodesPerSecond));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('come to the same after restarts in the middle of it, with lists that are old', () => {
    fc.assert(
      fc.property(zones, courses, (counts, course) => {
        const world = new NodesWorld(counts);
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 100 },
    );
  });
});

describe('when a pod has to leave', () => {
  const keys = ['a', 'b', 'c'];
  const taint: fc.Arbitrary<Taint> = fc.record({ key: fc.constantFrom(...keys), effect: fc.constantFrom('NoExecute', 'NoSchedule'), added: fc.option(fc.nat({ max: 500 }), { nil: undefined }) }).map(({ added, ...rest }) => ({ ...rest, ...(added !== undefined && { timeAdded: timeOfMillis(added * 1000) }) }));
  const toleration: fc.Arbitrary<Toleration> = fc.record({ key: fc.constantFrom(...keys), seconds: fc.option(fc.integer({ min: -5, max: 300 }), { nil: undefined }) }).map(({ key, seconds }) => ({ key, operator: 'Exists', ...(seconds !== undefined && { effect: 'NoExecute', tolerationSeconds: seconds }) }));
  const podOf = (tolerations: Toleration[]): Pod => make({ metadata: { name: 'p' }, spec: { containers: [], tolerations } });
  const SEEN = 600_000;

  it('is never before any of its tolerations runs out, never later than the shortest, and at once for a taint it does not tolerate', () => {
    fc.assert(
      fc.property(fc.uniqueArray(taint, { selector: ({ key, effect }) => `${key} ${effect}` }), fc.array(toleration, { maxLength: 5 }), (taints, tolerations) => {
        const time = evictionTime(podOf(tolerations), taints, () => SEEN);
        const evicting = taints.filter(({ effect }) => effect === 'NoExecute');
        const limits = evicting.map(({ key }) => tolerations.filter((one) => one.key === key));
        const added = evicting.map(({ timeAdded }) => (timeAdded === undefined ? SEEN : Date.parse(timeAdded)));
        const seconds = limits.flat().flatMap(({ tolerationSeconds }) => (tolerationSeconds === undefined ? [] : [Math.max(0, tolerationSeconds)]));
        if (evicting.length === 0) expect(time).toBeUndefined();
        else if (limits.some((used) => used.length === 0)) expect(added).toContain(time);
        else if (seconds.length === 0) expect(time).toBeUndefined();
        else expect(time).toBe(Math.max(...added) + Math.min(...seconds) * 1000);
      }),
      { numRuns: 500 },
    );
  });

  it('does not move while its taints stay, however often it is looked at, nor for taints that evict nobody', () => {
    fc.assert(
      fc.property(taint, taint, fc.array(toleration, { maxLength: 5 }), (one, other, tolerations) => {
        const first = evictionTime(podOf(tolerations), [one], () => SEEN);
        expect(evictionTime(podOf(tolerations), [one], () => SEEN)).toBe(first);
        // What repels only new pods changes nothing.
        expect(evictionTime(podOf(tolerations), [{ ...other, effect: 'NoSchedule' }, one], () => SEEN)).toBe(first);
        // A taint that it tolerates for ever does not, either.
        const forever: Toleration = { key: 'd', operator: 'Exists' };
        const longer = evictionTime(podOf([...tolerations, forever]), [one, { key: 'd', effect: 'NoExecute', timeAdded: timeOfMillis(0) }], () => SEEN);
        expect(longer).toBe(first);
      }),
      { numRuns: 300 },
    );
  });
});
