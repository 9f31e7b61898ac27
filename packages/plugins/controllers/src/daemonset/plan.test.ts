import { type DaemonSet, type Node, type Pod, scaledIntOrPercent, timeOfMillis } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byController, CONTROLLER_INDEX, isPodAvailable } from '../shared/pods.js';
import { make } from '../test-support/world.js';
import { FailedPodsBackOff } from './back-off.js';
import { NodeLedger } from './ledger.js';
import { type DaemonCaches, DaemonMemory, type Findings } from './memory.js';
import { judgeNode, type Measure } from './node-state.js';
import { daemonPlacement } from './placement.js';
import { planDaemonSet } from './plan.js';
import { byDaemonNode, DAEMON_NODE_INDEX, daemonPod, isUpdated, targetNode } from './pods.js';

const START = Date.UTC(2026, 0, 1);
const KEY = 'default/agent';

interface Strategy {
  readonly maxUnavailable: number | string;
  readonly maxSurge: number | string;
}
const amount = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`));
const strategy: fc.Arbitrary<Strategy> = fc.oneof(fc.record({ maxUnavailable: amount, maxSurge: fc.constant(0) }), fc.record({ maxUnavailable: fc.constant(0), maxSurge: amount }));

/** A cluster as the API has it, of which caches are told. */
class Model {
  readonly nodes = new Map<string, Node>();
  readonly pods = new Map<string, Pod>();
  set: DaemonSet;
  now = START;
  memory = new DaemonMemory();
  #serial = 0;

  constructor(strategy: Strategy, minReadySeconds: number, nodes: number) {
    this.set = make({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace: 'default', uid: 'set', generation: 1 },
      spec: { minReadySeconds, updateStrategy: { type: 'RollingUpdate', rollingUpdate: strategy }, selector: { matchLabels: { app: 'agent' } }, template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [], nodeSelector: { use: 'yes' } } } },
    });
    for (let n = 0; n < nodes; n += 1) this.node(`n${n}`, 'yes');
  }

  get hash(): string {
    return `h${this.set.metadata.generation}`;
  }

  get caches(): DaemonCaches {
    const lister = <T>(objects: Map<string, T>, index: (name: string, value: string) => T[]) => ({ get: (key: string) => objects.get(key), list: () => [...objects.values()], byIndex: index, size: objects.size });
    const pods = (name: string, value: string): Pod[] => [...this.pods.values()].filter((pod) => (name === CONTROLLER_INDEX ? byController(pod) : name === DAEMON_NODE_INDEX ? byDaemonNode(pod) : []).includes(value));
    return { sets: lister(new Map([[KEY, this.set]]), () => []), nodes: lister(this.nodes, () => []), pods: lister(this.pods, pods) };
  }

  node(name: string, use: string, effect?: string): void {
    const old = this.nodes.get(name);
    const node = make<Node>({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { use } }, spec: { ...(effect !== undefined && { taints: [{ key: 'busy', effect }] }) } });
    this.nodes.set(name, node);
    this.memory.nodeChanged(name, node, old, this.caches.sets);
  }

  removeNode(name: string): void {
    const old = this.nodes.get(name);
    this.nodes.delete(name);
    this.memory.nodeChanged(name, undefined, old, this.caches.sets);
  }

  /** A pod of another template from now on. */
  roll(): void {
    this.set = { ...this.set, metadata: { ...this.set.metadata, generation: (this.set.metadata.generation ?? 0) + 1 } };
  }

  create(node: string): void {
    const name = `agent-${(this.#serial += 1)}`;
    this.write({ ...daemonPod(this.set, node, this.hash), metadata: { ...daemonPod(this.set, node, this.hash).metadata, name, uid: name, creationTimestamp: timeOfMillis(this.now + this.#serial * 1000) }, status: { phase: 'Pending' } });
  }

  write(pod: Pod): void {
    const name = pod.metadata.name ?? '';
    const old = this.pods.get(name);
    this.pods.set(name, pod);
    this.memory.podChanged(KEY, pod, old);
  }

  gone(pod: Pod): void {
    this.pods.delete(pod.metadata.name ?? '');
    this.memory.podChanged(KEY, pod, undefined);
  }

  leave(pod: Pod): void {
    const present = this.pods.get(pod.metadata.name ?? '');
    if (present !== undefined) this.write({ ...present, metadata: { ...present.metadata, deletionTimestamp: timeOfMillis(this.now) } } as Pod);
  }

  become(pod: Pod, phase: string, ready: boolean): void {
    this.write({ ...pod, spec: { ...pod.spec, nodeName: targetNode(pod) ?? '' }, status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timeOfMillis(this.now) }] } });
  }

  /** What the kubelets and the pod collector come to. */
  settle(): void {
    for (const pod of this.pods.values()) {
      const alive = this.nodes.has(targetNode(pod) ?? '');
      if (pod.metadata.deletionTimestamp !== undefined || (!alive && (pod.spec.nodeName ?? '') !== '')) this.gone(pod);
      else if (alive && pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded' && pod.status?.conditions?.[0]?.status !== 'True') this.become(pod, 'Running', true);
    }
  }

  refresh(): Findings {
    return this.memory.refresh(this.set, this.hash, this.caches, this.now);
  }
}

/** What the ledger would be if it were made anew. */
function fromScratch(model: Model, measure: Measure): NodeLedger {
  const ledger = new NodeLedger();
  const names = new Set([...model.nodes.keys(), ...[...model.pods.values()].map((pod) => targetNode(pod) ?? '')]);
  for (const name of names) ledger.put(name, judgeNode(measure, name, model.nodes.get(name), [...model.pods.values()].filter((pod) => targetNode(pod) === name)));
  return ledger;
}

const picture = (ledger: NodeLedger) => ({ totals: ledger.totals, due: ledger.nextDue(), groups: Object.fromEntries(Object.entries(ledger.groups).map(([name, group]) => [name, [...(group as Set<string>)].sort()])) });

/** One look, as the controller takes it. `part` of the plan is carried out; the answer is whether there was none. */
function look(model: Model, part: (count: number) => number): boolean {
  const { ledger, measure, replacesFailed } = model.refresh();
  expect(picture(ledger)).toEqual(picture(fromScratch(model, measure)));
  const plan = planDaemonSet(model.set, ledger);
  checkSafety(model, plan.create, [...plan.remove.map(({ pod }) => pod), ...plan.replace], plan.replace);
  for (const { node, why } of plan.remove) if (why === 'failed') replacesFailed(node);
  const acts = [...plan.create.map((node) => () => model.create(node)), ...[...plan.remove.map(({ pod }) => pod), ...plan.replace].map((pod) => () => model.leave(pod))];
  for (const act of acts.slice(0, part(acts.length))) act();
  return acts.length === 0 && ledger.nextDue() === Infinity;
}

/** What must be true of every plan. */
function checkSafety(model: Model, create: readonly string[], remove: readonly Pod[], replace: readonly Pod[]): void {
  const { set, hash, now } = model;
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const live = [...model.pods.values()].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const available = (pod: Pod): boolean => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  const desired = [...model.nodes.values()].filter((node) => daemonPlacement(set.spec.template, node).shouldRun).map(({ metadata }) => metadata.name ?? '');
  const on = (pods: readonly Pod[], node: string): Pod[] => pods.filter((pod) => targetNode(pod) === node);
  const running = (pods: readonly Pod[]): Pod[] => pods.filter(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Succeeded');
  expect(new Set(create).size).toBe(create.length);
  expect(new Set(remove).size).toBe(remove.length);
  for (const node of create) {
    expect(desired).toContain(node);
    // Only an old pod may be there already, and only with surge.
    expect(running(on(live, node)).filter((pod) => maxSurge === 0 || isUpdated(pod, hash))).toEqual([]);
  }
  const left = live.filter((pod) => !remove.includes(pod));
  const served = (pods: readonly Pod[]): number => desired.filter((node) => on(pods, node).some(available)).length;
  if (maxSurge === 0) {
    const allowed = Math.max(1, scaledIntOrPercent(maxUnavailable, desired.length, true) ?? 1);
    expect(served(left)).toBeGreaterThanOrEqual(Math.min(served(live), desired.length - allowed));
  } else {
    const allowed = scaledIntOrPercent(maxSurge, desired.length, true) ?? 0;
    expect(served(left)).toBe(served(live));
    // Old pods where none should be any more stay until as many serve as should.
    const serving = (pods: readonly Pod[]): number => [...model.nodes.keys()].filter((node) => on(pods, node).some(available)).length;
    expect(serving(live.filter((pod) => !replace.includes(pod)))).toBeGreaterThanOrEqual(Math.min(serving(live), desired.length));
    const doubled = desired.filter((node) => on(live, node).some((pod) => !isUpdated(pod, hash) && available(pod)) && (create.includes(node) || running(on(live, node)).length > 1));
    const before = desired.filter((node) => running(on(live, node)).length > 1).length;
    expect(doubled.length).toBeLessThanOrEqual(Math.max(allowed, before));
  }
}

function checkRest(model: Model): void {
  const desired = [...model.nodes.values()].filter((node) => daemonPlacement(model.set.spec.template, node).shouldRun).map(({ metadata }) => metadata.name ?? '');
  const pods = [...model.pods.values()];
  for (const node of desired) {
    const there = pods.filter((pod) => targetNode(pod) === node);
    expect(there).toHaveLength(1);
    expect(there.every((pod) => isUpdated(pod, model.hash) && isPodAvailable(pod, model.set.spec.minReadySeconds ?? 0, model.now))).toBe(true);
  }
  for (const pod of pods) {
    const node = model.nodes.get(targetNode(pod) ?? '');
    expect(node !== undefined && daemonPlacement(model.set.spec.template, node).shouldContinueRunning).toBe(true);
  }
}

const scene = fc.record({ strategy, minReadySeconds: fc.constantFrom(0, 0, 7), nodes: fc.integer({ min: 0, max: 7 }) });
const chance = fc.infiniteStream(fc.nat({ max: 99 }));

describe('the plan of a DaemonSet', () => {
  it('is safe, settles and then plans nothing, while nodes come, change and go, pods fail, and plans are carried out in part', () => {
    fc.assert(
      fc.property(scene, chance, (one, random) => {
        const next = (bound = 100): number => (random.next().value as number) % bound;
        const model = new Model(one.strategy, one.minReadySeconds, one.nodes);
        for (let round = 0; round < 40; round += 1) {
          disturb(model, next);
          // Unobserved: several things happen between two looks.
          if (next() < 30) continue;
          // A restart: all that was remembered is gone.
          if (next() < 8) model.memory = new DaemonMemory();
          // Intermediate: a plan is carried out in part.
          look(model, (count) => (next() < 75 ? count : next(count + 1)));
        }
        for (let round = 0; ; round += 1) {
          expect(round).toBeLessThan(400);
          model.settle();
          if (look(model, (count) => count)) break;
          model.now += 5_000;
        }
        model.settle();
        checkRest(model);
      }),
      { numRuns: 300 },
    );
  });

  it('looks only at the nodes where something changed', () => {
    const model = new Model({ maxUnavailable: 1, maxSurge: 0 }, 0, 500);
    for (let round = 0; round < 6; round += 1) {
      model.settle();
      look(model, (count) => count);
    }
    let reads = 0;
    const { nodes, pods } = model.caches;
    const counted: DaemonCaches = { ...model.caches, nodes: { ...nodes, get: (key) => ((reads += 1), nodes.get(key)), list: () => expect.fail('all nodes') }, pods: { ...pods, byIndex: (name, value) => ((reads += 1), pods.byIndex(name, value)), list: () => expect.fail('all pods') } };
    model.node('n7', 'no');
    model.become([...model.pods.values()][9] as Pod, 'Running', false);
    const { ledger } = model.memory.refresh(model.set, model.hash, counted, model.now);
    expect(reads).toBe(4);
    expect(ledger.totals).toMatchObject({ desired: 499, ready: 498, misscheduled: 1 });
    expect(model.memory.nodeChanged('n8', model.nodes.get('n8'), { ...(model.nodes.get('n8') as Node), status: { phase: 'x' } }, model.caches.sets)).toEqual([]);
  });

  it('makes at most 250 pods in one pass', () => {
    const model = new Model({ maxUnavailable: 1, maxSurge: 0 }, 0, 300);
    expect(planDaemonSet(model.set, model.refresh().ledger).create).toHaveLength(250);
  });
});

/** One thing that happens to the cluster. */
function disturb(model: Model, next: (bound?: number) => number): void {
  const names = [...model.nodes.keys()];
  const name = names[next(names.length + 1)] ?? `n${next(9)}`;
  const pods = [...model.pods.values()];
  const pod = pods[next(pods.length + 1)];
  model.now += next(4) * 1_000;
  const dice = next();
  if (dice < 8) model.node(name, next(3) === 0 ? 'no' : 'yes', [undefined, undefined, 'NoSchedule', 'NoExecute'][next(4)]);
  else if (dice < 12) model.removeNode(name);
  else if (dice < 18) model.roll();
  else if (dice < 45) model.settle();
  else if (pod === undefined) model.node(name, 'yes');
  else if (dice < 60) model.become(pod, 'Running', true);
  else if (dice < 70) model.become(pod, 'Running', false);
  else if (dice < 78) model.become(pod, 'Failed', false);
  else if (dice < 82) model.become(pod, 'Succeeded', false);
  else if (dice < 90) model.leave(pod);
  else model.gone(pod);
}

describe('the pause after failures', () => {
  it('doubles from a second to a quarter of an hour, and begins anew after half an hour', () => {
    const backOff = new FailedPodsBackOff();
    let now = START;
    const pauses: number[] = [];
    for (let n = 0; n < 13; n += 1) {
      expect(backOff.until('n1', now)).toBe(0);
      backOff.note('n1', now);
      pauses.push((backOff.until('n1', now) - now) / 1000);
      now = backOff.until('n1', now);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(backOff.until('n2', now)).toBe(0);
    backOff.note('n1', now + 31 * 60_000);
    expect(backOff.until('n1', now + 31 * 60_000)).toBe(now + 31 * 60_000 + 1000);
    backOff.forget('n1');
    expect(backOff.until('n1', now + 31 * 60_000)).toBe(0);
  });
});
